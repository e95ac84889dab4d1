/** The contract's `status` from a snapshot of the counters: a pure function, so that every number can be tested. */
import { HISTOGRAM_BINS, histogramPercentile } from '../base/histogram.ts';
import { toBitsPerSec } from '../base/units.ts';
import { type Stats, TOTAL, withChildren } from '../core/packets/stats.ts';
import type { KernelQueue } from '../io/proc/nfqueues.ts';

/** What does not change while an instance runs; sent to the control thread once. */
export interface StatusSubject {
  readonly version: string;
  readonly backend: 'nft' | 'iptables';
  readonly firstQueue: number;
  readonly queueCount: number;
  /** Row c describes row c of the statistics; parents stand before their children. */
  readonly classes: readonly StatusClass[];
}

export interface StatusClass {
  readonly path: string;
  readonly rateBytesPerSec: number;
  readonly ceilBytesPerSec: number;
  /** Row of the parent, or NONE. */
  readonly parent: number;
}

/** Packets that the kernel refused before they reached us. */
export interface KernelDrops {
  /** More than nfqueue.length waited. */
  readonly queueFull: number;
  /** The socket's buffer was full. */
  readonly socketFull: number;
}

export interface Count {
  readonly packets: number;
  readonly bytes: number;
}

export interface ClassReport {
  readonly path: string;
  readonly rateBitsPerSecond: number;
  readonly ceilBitsPerSecond: number;
  readonly sent: Count;
  readonly backlog: Count;
  readonly dropped: {
    readonly tail: number;
    readonly early: number;
    readonly police: number;
    readonly aqm: number;
  };
  readonly marked: number;
  readonly flows: number;
  readonly delayMicroseconds: { readonly p50: number; readonly p99: number };
}

export interface StatusReport {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly backend: 'nft' | 'iptables';
  readonly totals: {
    readonly received: Count;
    readonly accepted: Count;
    readonly dropped: Count;
    readonly held: Count;
    readonly kernel: { readonly queueFull: number; readonly socketFull: number; readonly lost: number };
  };
  /** By how much packets that waited left after the instant at which they were due. */
  readonly latenessMicroseconds: { readonly p50: number; readonly p99: number };
  /** How often a bound (limits.ts) was reached: packets for unmatched, eachFull, fairFull and heldFull, else table rows. */
  readonly bounds: {
    readonly unmatched: number;
    readonly flowsEvicted: number;
    readonly eachEvicted: number;
    readonly eachFull: number;
    readonly fairFull: number;
    readonly heldFull: number;
  };
  readonly classes: readonly ClassReport[];
}

/** Throws when the snapshot is for another number of classes. */
export function statusReport(snapshot: Stats, subject: StatusSubject, drops: KernelDrops): StatusReport {
  if (snapshot.classes !== subject.classes.length) throw new RangeError('snapshot of another set of classes');
  const { totals } = snapshot;
  const sums = withChildren(snapshot, subject.classes);
  return {
    version: subject.version,
    uptimeSeconds: totals[TOTAL.uptimeNs]! / 1e9,
    backend: subject.backend,
    totals: {
      received: { packets: totals[TOTAL.receivedPackets]!, bytes: totals[TOTAL.receivedBytes]! },
      accepted: { packets: totals[TOTAL.acceptedPackets]!, bytes: totals[TOTAL.acceptedBytes]! },
      dropped: { packets: totals[TOTAL.droppedPackets]!, bytes: totals[TOTAL.droppedBytes]! },
      held: { packets: totals[TOTAL.heldPackets]!, bytes: totals[TOTAL.heldBytes]! },
      kernel: { ...drops, lost: totals[TOTAL.lostPackets]! },
    },
    latenessMicroseconds: percentiles(snapshot.lateness, 0),
    bounds: {
      unmatched: totals[TOTAL.unmatchedPackets]!,
      flowsEvicted: totals[TOTAL.flowsEvicted]!,
      eachEvicted: totals[TOTAL.eachEvicted]!,
      eachFull: totals[TOTAL.eachFull]!,
      fairFull: totals[TOTAL.fairFull]!,
      heldFull: totals[TOTAL.heldFull]!,
    },
    classes: subject.classes.map((info, c) => classReport(sums, info, c)),
  };
}

function classReport(sums: Stats, info: StatusClass, c: number): ClassReport {
  return {
    path: info.path,
    rateBitsPerSecond: toBitsPerSec(info.rateBytesPerSec),
    ceilBitsPerSecond: toBitsPerSec(info.ceilBytesPerSec),
    sent: { packets: sums.sentPackets[c]!, bytes: sums.sentBytes[c]! },
    backlog: { packets: sums.backlogPackets[c]!, bytes: sums.backlogBytes[c]! },
    dropped: {
      tail: sums.dropTail[c]!,
      early: sums.dropEarly[c]!,
      police: sums.dropPolice[c]!,
      aqm: sums.dropAqm[c]!,
    },
    marked: sums.marked[c]!,
    flows: sums.flows[c]!,
    delayMicroseconds: percentiles(sums.delay, c * HISTOGRAM_BINS),
  };
}

function percentiles(counts: Float64Array, offset: number): { p50: number; p99: number } {
  return { p50: histogramPercentile(counts, offset, 0.5), p99: histogramPercentile(counts, offset, 0.99) };
}

/** Sums over our queues. Queues of other programs do not count. */
export function sumKernelDrops(
  queues: readonly KernelQueue[],
  { firstQueue, queueCount }: Pick<StatusSubject, 'firstQueue' | 'queueCount'>,
): KernelDrops {
  let queueFull = 0;
  let socketFull = 0;
  for (const queue of queues) {
    if (queue.number < firstQueue || queue.number >= firstQueue + queueCount) continue;
    queueFull += queue.queueFull;
    socketFull += queue.socketFull;
  }
  return { queueFull, socketFull };
}
