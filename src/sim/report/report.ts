/**
 * The report of `simulate --json`, made from the counters of a finished run. The contract fixes all keys up
 * to `completions`.
 */
import { HISTOGRAM_BINS, histogramBinStart, histogramPercentile } from '../../base/histogram.ts';
import { NONE } from '../../base/none.ts';
import { toBitsPerSec } from '../../base/units.ts';
import { type Stats, TOTAL, withChildren } from '../../core/packets/stats.ts';
import { protocolName } from '../../packet/protocols.ts';
import type { FlowMeter } from '../packets/flow-meter.ts';
import type { World } from '../world/world.ts';

export interface PacketCount {
  readonly packets: number;
  readonly bytes: number;
}

export interface DelayMilliseconds {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface SimulatedClass {
  readonly path: string;
  /** Packets that the class sent, and their IP bytes. */
  readonly sent: PacketCount;
  readonly throughputBitsPerSecond: number;
  readonly dropped: number;
  readonly marked: number;
  /** Time that packets spent in the class. Percentiles and maximum are off by an eighth at most. */
  readonly delayMilliseconds: DelayMilliseconds;
}

export interface Completions {
  readonly count: number;
  readonly meanMilliseconds: number;
  readonly p50Milliseconds: number;
  readonly p95Milliseconds: number;
  readonly p99Milliseconds: number;
}

export interface SimulatedFlow {
  readonly name: string;
  readonly protocol: string;
  /** Packets with data that arrived, and their IP bytes. */
  readonly delivered: PacketCount;
  /** Throughput in IP bytes that arrived. */
  readonly throughputBitsPerSecond: number;
  /** Packets dropped by the shaper and on lines, acknowledgements included. */
  readonly dropped: number;
  readonly retransmits: number;
  /** Time that packets with data spent in all queues on their way. The maximum is exact. */
  readonly delayMilliseconds: DelayMilliseconds;
  /** Number of flows with this name. */
  readonly count: number;
  /** Payload bytes that arrived for the first time. */
  readonly goodputBitsPerSecond: number;
  readonly timeouts: number;
  readonly marked: number;
  /** Transfers, exchanges and answered pings that ended, and how long they took. Null if there are none. */
  readonly completions: Completions | null;
}

export interface SimulateReport {
  readonly scenario: string;
  readonly seed: number;
  readonly durationSeconds: number;
  /** Time over which throughputs are measured: the duration without long pauses in a capture. */
  readonly activeSeconds: number;
  readonly traceHash: string;
  readonly totals: {
    readonly received: PacketCount;
    readonly accepted: PacketCount;
    readonly dropped: PacketCount;
    readonly held: PacketCount;
    readonly kernel: { readonly queueFull: number; readonly socketFull: number; readonly lost: number };
    /** Packets of a capture whose IP header could not be read. */
    readonly unparsed: number;
    /**
     * Packets of a capture that the rules never queue, such as ARP, DHCP and multicast. They are not
     * replayed.
     */
    readonly neverQueued: number;
  };
  readonly classes: readonly SimulatedClass[];
  readonly flows: readonly SimulatedFlow[];
}

export interface ReportSubject {
  readonly scenario: string;
  readonly seed: number;
  readonly unparsed: number;
  readonly neverQueued: number;
  /** Time with traffic before the last packets left. Null if the whole run counts. */
  readonly activeNs: number | null;
  /** Instant of the last arrival. */
  readonly lastNs: number;
  /** IP protocol of every row of the meter. NONE if it is not known. */
  readonly protocols: readonly number[];
  /** Number of flows in every row of the meter. */
  readonly flowsOf: readonly number[];
}

export function simulateReport(world: World, subject: ReportSubject): SimulateReport {
  const { engine, meter, port, nowNs } = world;
  const { totals } = engine.stats;
  const sums = withChildren(engine.stats, engine.classes);
  const seconds = activeSecondsOf(subject, world, sums);
  return {
    scenario: subject.scenario,
    seed: subject.seed,
    durationSeconds: nowNs / 1e9,
    activeSeconds: seconds,
    traceHash: world.hash.text,
    totals: {
      received: { packets: totals[TOTAL.receivedPackets], bytes: totals[TOTAL.receivedBytes] },
      accepted: { packets: totals[TOTAL.acceptedPackets], bytes: totals[TOTAL.acceptedBytes] },
      dropped: { packets: totals[TOTAL.droppedPackets], bytes: totals[TOTAL.droppedBytes] },
      held: { packets: totals[TOTAL.heldPackets], bytes: totals[TOTAL.heldBytes] },
      kernel: { queueFull: port.queueFullPackets, socketFull: 0, lost: totals[TOTAL.lostPackets] },
      unparsed: subject.unparsed,
      neverQueued: subject.neverQueued,
    },
    classes: engine.classes.map((info, row) => classReport(sums, info.path, row, seconds)),
    flows: meter.names.map((_, row) =>
      flowReport(meter, row, { seconds, protocol: subject.protocols[row], count: subject.flowsOf[row] }),
    ),
  };
}

/**
 * The active time of the arrivals, and what it took until the last packets had left. At least the time that
 * the links need for what they sent, so that two packets in a microsecond are no gigabits.
 */
function activeSecondsOf({ activeNs, lastNs }: ReportSubject, { engine, nowNs }: World, sums: Stats): number {
  if (activeNs === null) return nowNs / 1e9;
  const linkSeconds = engine.classes.map(({ parent, spec }, row) =>
    parent === NONE ? sums.sentBytes[row] / spec.ceilBytesPerSec : 0,
  );
  return Math.max((activeNs + Math.max(0, nowNs - lastNs)) / 1e9, ...linkSeconds);
}

function classReport(sums: Stats, path: string, row: number, seconds: number): SimulatedClass {
  const first = row * HISTOGRAM_BINS;
  return {
    path,
    sent: { packets: sums.sentPackets[row], bytes: sums.sentBytes[row] },
    throughputBitsPerSecond: perSecond(sums.sentBytes[row], seconds),
    dropped:
      sums.dropTail[row] +
      sums.dropEarly[row] +
      sums.dropPolice[row] +
      sums.dropAqm[row] +
      sums.dropModule[row],
    marked: sums.marked[row],
    delayMilliseconds: {
      p50: histogramPercentile(sums.delay, first, 0.5) / 1e3,
      p99: histogramPercentile(sums.delay, first, 0.99) / 1e3,
      max: histogramMax(sums.delay, first) / 1e3,
    },
  };
}

function flowReport(
  meter: FlowMeter,
  row: number,
  { seconds, protocol, count }: { seconds: number; protocol: number; count: number },
): SimulatedFlow {
  const completions = meter.completions[row];
  // The middle of a bin may lie above all values in it.
  const delay = (fraction: number): number =>
    milliseconds(Math.min(meter.delayMaxNs[row], meter.delayPercentileNs(row, fraction)));
  const completion = (fraction: number): number => milliseconds(meter.completionPercentileNs(row, fraction));
  return {
    name: meter.names[row],
    protocol: protocolName(protocol) ?? (protocol === NONE ? 'unknown' : String(protocol)),
    delivered: { packets: meter.deliveredPackets[row], bytes: meter.deliveredBytes[row] },
    throughputBitsPerSecond: perSecond(meter.deliveredBytes[row], seconds),
    dropped: meter.shaperDrops[row] + meter.lineDrops[row],
    retransmits: meter.retransmits[row],
    delayMilliseconds: {
      p50: delay(0.5),
      p99: delay(0.99),
      max: milliseconds(meter.delayMaxNs[row]),
    },
    count,
    goodputBitsPerSecond: perSecond(meter.goodputBytes[row], seconds),
    timeouts: meter.timeouts[row],
    marked: meter.marked[row],
    completions:
      completions === 0
        ? null
        : {
            count: completions,
            meanMilliseconds: milliseconds(meter.completionSumNs[row] / completions),
            p50Milliseconds: completion(0.5),
            p95Milliseconds: completion(0.95),
            p99Milliseconds: completion(0.99),
          },
  };
}

/** Upper end of the highest bin in use, or 0 if none is. */
function histogramMax(counts: Float64Array, first: number): number {
  for (let b = HISTOGRAM_BINS - 1; b >= 0; b--) {
    if (counts[first + b] > 0) return histogramBinStart(b + 1) - 1;
  }
  return 0;
}

function perSecond(bytes: number, seconds: number): number {
  return seconds > 0 ? toBitsPerSec(bytes / seconds) : 0;
}

function milliseconds(ns: number): number {
  return Math.round(ns / 1e3) / 1e3;
}
