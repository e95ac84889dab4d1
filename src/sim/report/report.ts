/**
 * The report of `simulate --json`, made from the counters of a finished run. The contract fixes all keys up
 * to `completions`.
 */
import { HISTOGRAM_BINS, histogramBinStart, histogramPercentile } from '../../base/histogram.ts';
import { NONE } from '../../base/none.ts';
import { toBitsPerSec } from '../../base/units.ts';
import { type Stats, TOTAL, withChildren } from '../../core/packets/stats.ts';
import type { FlowMeter } from '../packets/flow-meter.ts';
import { protocolName } from '../packets/packets.ts';
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
  readonly traceHash: string;
  readonly totals: {
    readonly received: PacketCount;
    readonly accepted: PacketCount;
    readonly dropped: PacketCount;
    readonly held: PacketCount;
    readonly kernel: { readonly queueFull: number; readonly socketFull: number; readonly lost: number };
    /** Packets of a capture whose IP header could not be read. */
    readonly unparsed: number;
  };
  readonly classes: readonly SimulatedClass[];
  readonly flows: readonly SimulatedFlow[];
}

export interface ReportSubject {
  readonly scenario: string;
  readonly seed: number;
  readonly unparsed: number;
  /** IP protocol of every row of the meter. NONE if it is not known. */
  readonly protocols: readonly number[];
}

export function simulateReport(world: World, subject: ReportSubject): SimulateReport {
  const { engine, meter, port, nowNs } = world;
  const { totals } = engine.stats;
  const sums = withChildren(engine.stats, engine.classes);
  const seconds = nowNs / 1e9;
  const flowsOfRow = new Int32Array(meter.rows);
  for (const row of meter.rowOf) flowsOfRow[row] += 1;
  return {
    scenario: subject.scenario,
    seed: subject.seed,
    durationSeconds: seconds,
    traceHash: world.hash.text,
    totals: {
      received: { packets: totals[TOTAL.receivedPackets], bytes: totals[TOTAL.receivedBytes] },
      accepted: { packets: totals[TOTAL.acceptedPackets], bytes: totals[TOTAL.acceptedBytes] },
      dropped: { packets: totals[TOTAL.droppedPackets], bytes: totals[TOTAL.droppedBytes] },
      held: { packets: totals[TOTAL.heldPackets], bytes: totals[TOTAL.heldBytes] },
      kernel: { queueFull: port.queueFullPackets, socketFull: 0, lost: totals[TOTAL.lostPackets] },
      unparsed: subject.unparsed,
    },
    classes: engine.classes.map((info, row) => classReport(sums, info.path, row, seconds)),
    flows: meter.names.map((_, row) =>
      flowReport(meter, row, { seconds, protocol: subject.protocols[row], count: flowsOfRow[row] }),
    ),
  };
}

function classReport(sums: Stats, path: string, row: number, seconds: number): SimulatedClass {
  const first = row * HISTOGRAM_BINS;
  return {
    path,
    throughputBitsPerSecond: perSecond(sums.sentBytes[row], seconds),
    dropped: sums.dropTail[row] + sums.dropEarly[row] + sums.dropPolice[row] + sums.dropAqm[row],
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
