/** The report of `status` as the contract has it, made from a snapshot. */
import { HISTOGRAM_BINS, histogramPercentile } from '../base/histogram.ts';
import { toBitsPerSec, toBitsPerSecOrNull } from '../base/units.ts';
import type { EachClass } from '../core/each/fullest.ts';
import { type Stats, TOTAL } from '../core/packets/stats.ts';
import type { KernelDrops } from '../io/proc/nfqueues.ts';
import type { EachBy } from '../spec/spec.ts';
import { bucketText } from './bucket-text.ts';
import { type RecentClass, type RecentTotals, recentClasses, recentTotals } from './recent.ts';
import type { Samples } from './samples.ts';
import type { ClassLabel, Snapshot } from './snapshot.ts';

/** What does not change while an instance runs. */
export interface StatusSubject {
  readonly version: string;
  readonly pid: number;
  readonly backend: 'nft' | 'iptables';
}

export interface Count {
  readonly packets: number;
  readonly bytes: number;
}

export interface ClassReport {
  readonly path: string;
  /** null: not limited. */
  readonly rateBitsPerSecond: number | null;
  readonly ceilBitsPerSecond: number | null;
  /** Of now: less than the configured one where `adjust` has moved it. */
  readonly effectiveCeilBitsPerSecond: number | null;
  readonly sent: Count;
  readonly backlog: Count;
  readonly dropped: {
    readonly tail: number;
    readonly early: number;
    readonly police: number;
    readonly aqm: number;
    readonly module: number;
  };
  readonly marked: number;
  readonly flows: number;
  readonly delayMicroseconds: { readonly p50: number; readonly p99: number };
  /** What a schedule sets now, as in the file; null if none holds. */
  readonly scheduled: object | null;
  /** The last seconds. All others are since the start. */
  readonly recent: RecentClass;
  /** null without `each`. */
  readonly each: EachReport | null;
  /** null without `tcp.pace`. */
  readonly paced: PacedReport | null;
}

export interface PacedReport {
  /** That are known now, active or not. */
  readonly connections: number;
  /** Of each active one. 0 while none is active. */
  readonly shareBitsPerSecond: number;
  /** ACKs whose window was made smaller, since the start. */
  readonly rewritten: number;
  /** ACKs that had to wait, since the start. */
  readonly heldAcks: number;
}

export interface EachReport {
  readonly by: EachBy;
  readonly rateBitsPerSecond: number;
  /** The buckets for which most waits, the fullest first. */
  readonly fullest: readonly { readonly bucket: string; readonly backlog: Count }[];
}

export interface StatusReport {
  readonly version: string;
  /** Process id of the instance, as it sees itself. */
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly backend: 'nft' | 'iptables';
  /** Of the configuration: it grows with every change. */
  readonly generation: number;
  readonly totals: {
    readonly received: Count;
    readonly accepted: Count;
    readonly dropped: Count;
    readonly held: Count;
    readonly kernel: { readonly queueFull: number; readonly socketFull: number; readonly lost: number };
  };
  /** The last seconds. All others are since the start. */
  readonly recent: RecentTotals;
  /** How long after their due instant packets left that had waited. */
  readonly latenessMicroseconds: { readonly p50: number; readonly p99: number };
  /** How often a bound (limits.ts) was reached. Evictions count rows of a table, all others packets. */
  readonly bounds: {
    readonly unmatched: number;
    readonly flowsEvicted: number;
    readonly eachEvicted: number;
    readonly eachFull: number;
    readonly fairFull: number;
    readonly heldFull: number;
  };
  /** Whose local flows are, where attachments or matchers ask for that. */
  readonly owners: {
    /** Questions to the kernel. */
    readonly asked: number;
    /** Flows that were classified without a known owner. */
    readonly unknown: number;
  };
  /** What went wrong between the kernel and us. */
  readonly socket: {
    /** Messages longer than their slot. */
    readonly truncated: number;
    /** Messages that break the format. */
    readonly malformed: number;
    /** Verdicts that could not be sent. */
    readonly sendErrors: number;
    /** Verdicts that the kernel refused, because it no longer had the packet. */
    readonly refusedVerdicts: number;
  };
  /** What is wrong now, as sentences. */
  readonly warnings: readonly string[];
  readonly classes: readonly ClassReport[];
}

/** What the control thread knows by itself. */
export interface StatusContext {
  readonly samples: Samples;
  /** By path of a class: what schedules set now. */
  readonly scheduled: ReadonlyMap<string, object>;
  /** What is wrong now beside what the snapshot says, as sentences. */
  readonly warnings: readonly string[];
}

export function statusReport(
  snapshot: Snapshot,
  eachClasses: readonly EachClass[],
  { samples, scheduled, warnings: more }: StatusContext,
  subject: StatusSubject,
  drops: KernelDrops,
): StatusReport {
  const { classes, stats, socket, warnings } = snapshot;
  const { totals } = stats;
  const recent = recentClasses(snapshot, samples);
  const each = new Map(eachClasses.map((of) => [of.path, eachReport(of)]));
  return {
    version: subject.version,
    pid: subject.pid,
    uptimeSeconds: snapshot.takenNs / 1e9,
    backend: subject.backend,
    generation: snapshot.generation,
    totals: {
      received: { packets: totals[TOTAL.receivedPackets]!, bytes: totals[TOTAL.receivedBytes]! },
      accepted: { packets: totals[TOTAL.acceptedPackets]!, bytes: totals[TOTAL.acceptedBytes]! },
      dropped: { packets: totals[TOTAL.droppedPackets]!, bytes: totals[TOTAL.droppedBytes]! },
      held: { packets: totals[TOTAL.heldPackets]!, bytes: totals[TOTAL.heldBytes]! },
      kernel: { ...drops, lost: totals[TOTAL.lostPackets]! },
    },
    recent: recentTotals(snapshot, samples),
    latenessMicroseconds: percentiles(stats.lateness, 0),
    bounds: {
      unmatched: totals[TOTAL.unmatchedPackets]!,
      flowsEvicted: totals[TOTAL.flowsEvicted]!,
      eachEvicted: totals[TOTAL.eachEvicted]!,
      eachFull: totals[TOTAL.eachFull]!,
      fairFull: totals[TOTAL.fairFull]!,
      heldFull: totals[TOTAL.heldFull]!,
    },
    owners: { asked: totals[TOTAL.ownerQuestions]!, unknown: totals[TOTAL.ownersUnknown]! },
    socket: {
      truncated: socket.truncated,
      malformed: socket.malformed,
      sendErrors: socket.sendErrors,
      refusedVerdicts: socket.verdictErrors,
    },
    warnings: [...warnings, ...more],
    classes: classes.map((label, c) => ({
      ...classReport(stats, label, c),
      scheduled: scheduled.get(label.path) ?? null,
      recent: recent[c]!,
      each: each.get(label.path) ?? null,
    })),
  };
}

function classReport(
  stats: Stats,
  label: ClassLabel,
  c: number,
): Omit<ClassReport, 'recent' | 'each' | 'scheduled'> {
  const effective = toBitsPerSecOrNull(stats.ceilBytesPerSec[c]!);
  return {
    path: label.path,
    rateBitsPerSecond: toBitsPerSecOrNull(label.rateBytesPerSec),
    ceilBitsPerSecond: toBitsPerSecOrNull(label.ceilBytesPerSec),
    effectiveCeilBitsPerSecond: effective === null ? null : Math.round(effective),
    sent: { packets: stats.sentPackets[c]!, bytes: stats.sentBytes[c]! },
    backlog: { packets: stats.backlogPackets[c]!, bytes: stats.backlogBytes[c]! },
    dropped: {
      tail: stats.dropTail[c]!,
      early: stats.dropEarly[c]!,
      police: stats.dropPolice[c]!,
      aqm: stats.dropAqm[c]!,
      module: stats.dropModule[c]!,
    },
    marked: stats.marked[c]!,
    flows: stats.flows[c]!,
    delayMicroseconds: percentiles(stats.delay, c * HISTOGRAM_BINS),
    paced: label.isPaced ? pacedReport(stats, c) : null,
  };
}

function pacedReport(stats: Stats, c: number): PacedReport {
  return {
    connections: stats.pacedConnections[c]!,
    shareBitsPerSecond: Math.round(toBitsPerSec(stats.shareBytesPerSec[c]!)),
    rewritten: stats.windowsRewritten[c]!,
    heldAcks: stats.acksHeld[c]!,
  };
}

function eachReport({ by, rateBytesPerSec, fullest }: EachClass): EachReport {
  return {
    by,
    rateBitsPerSecond: toBitsPerSec(rateBytesPerSec),
    fullest: fullest.map(({ key, backlogPackets: packets, backlogBytes: bytes }) => ({
      bucket: bucketText(key),
      backlog: { packets, bytes },
    })),
  };
}

function percentiles(counts: Float64Array, offset: number): { p50: number; p99: number } {
  return { p50: histogramPercentile(counts, offset, 0.5), p99: histogramPercentile(counts, offset, 0.99) };
}
