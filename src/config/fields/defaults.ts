/**
 * Defaults as numbers, which the table of fields states in words. Reading fills them
 * in, and writing leaves them out. red-defaults.ts has those of RED and weighted RED.
 */
import type { MarkerKind } from '../../algo/buckets/markers.ts';
import { intervalForTargetNs, scaledTargetNs } from '../../algo/buckets/rate-scaling.ts';
import { IPV6_BITS } from '../../base/prefix.ts';
import { bytesInTime, isUnlimited } from '../../base/units.ts';
import type { HistorySpec } from '../../spec/hosts.ts';
import type { EachSpec, QueueSpec } from '../../spec/spec.ts';
import { CODEL_TIMES, FRAME_BYTES, QUEUE_LIMIT, SHAPE_BURST } from '../../spec/waiting.ts';

export const INSTANCE = { socketPath: '/run/shaper/shaper.sock', logLevel: 'info' } as const;

/** SSH, with more than an interactive session needs on all but the slowest links. */
export const EXEMPT = { ports: [{ from: 22, to: 22 }], share: 0.05 } as const;

export const LINK = { wait: false } as const;

export const MODULE = { priority: 100, enabled: true } as const;

const MINUTE_NS = 60e9;
const HOUR_NS = 60 * MINUTE_NS;
const DAY_NS = 24 * HOUR_NS;

/** Where history is stored that somebody wants, and how. */
export const HISTORY = {
  file: '/var/lib/shaper/shaper.db',
  flushNs: 10e9,
  keep: [
    { stepNs: 5 * MINUTE_NS, forNs: 2 * DAY_NS },
    { stepNs: HOUR_NS, forNs: 60 * DAY_NS },
    { stepNs: DAY_NS, forNs: 5 * 365 * DAY_NS },
  ],
} satisfies HistorySpec;

export const QUOTA = { releaseShare: 1, from: 'shaper@localhost', server: 'smtp://localhost' } as const;

export const NFQUEUE = {
  first: 100,
  count: 4,
  length: 32768,
  bypass: true,
  gso: 'auto',
  backend: 'auto',
  markMask: 0xff000000,
} as const;

/** The priority after which no other comes. */
export const PRIORITY_LAST = 7;

export const CLASS = {
  priority: 3,
  mode: 'wfq',
  weight: 1,
  adjust: false,
  policeExceed: 'drop',
  eachExceed: 'delay',
  eachPrefix6: IPV6_BITS,
  meterAware: false,
} as const;

export const PACE = {
  activeBytesPerSec: 2000,
  ageNs: 1e9,
  delayNs: 100e6,
} as const;

const BURSTS = {
  /** Of buckets in which packets wait. */
  shape: SHAPE_BURST,
  /** Of buckets that drop. */
  police: { minBytes: 15_000, ns: 20e6 },
};

export type BurstKind = keyof typeof BURSTS;

export function defaultBurst(rateBytesPerSec: number, kind: BurstKind): number {
  const { minBytes, ns } = BURSTS[kind];
  return Math.max(minBytes, bytesInTime(ns, rateBytesPerSec));
}

/** The excess burst of a meter: pbs or ebs. */
export function defaultExcessBytes(
  kind: MarkerKind,
  committedBytes: number,
  excessBytesPerSec: number,
): number {
  if (kind === 'single-rate') return 2 * committedBytes;
  return Math.max(kind === 'two-rate' ? committedBytes : 0, defaultBurst(excessBytesPerSec, 'police'));
}

/** A bucket of `each` that drops has the burst of a policer. */
export function eachBurstKind(exceed: EachSpec['exceed']): BurstKind {
  return exceed === 'drop' ? 'police' : 'shape';
}

export const QUEUE = {
  discipline: 'fair',
  /** Twenty full-sized packets: more than most pages, mails and calls, less than any download. */
  shortBytes: 30_000,
  ackFilter: false,
} as const;

/** The inside address: the source of packets that leave, the destination of packets that arrive. */
export const ISOLATION = { up: 'dual-src', down: 'dual-dst' } as const;

/** A link whose own device is in `hosts.lan` has the inside where others have the outside. */
export function insideOf(direction: 'up' | 'down', isLan: boolean): 'up' | 'down' {
  return isLan ? ({ up: 'down', down: 'up' } as const)[direction] : direction;
}

/**
 * A connection may have 40 kB under way before pacing holds it, because the window of a SYN is not touched:
 * some twenty that begin at once must find room.
 */
export const PACED_LIMIT_BYTES_MIN = 1_000_000;

/** Where packets of an unlimited class wait, as for buckets of `each`: 100 ms at 10 Gbit/s. */
const UNLIMITED_LIMIT_BYTES = 125_000_000;

/** The limit of a queue whose AQM has no thresholds. */
export function defaultLimitBytes(ceilBytesPerSec: number): number {
  if (isUnlimited(ceilBytesPerSec)) return UNLIMITED_LIMIT_BYTES;
  return Math.max(QUEUE_LIMIT.minBytes, bytesInTime(QUEUE_LIMIT.ns, ceilBytesPerSec));
}

export function defaultAqm(discipline: QueueSpec['discipline']): 'codel' | 'none' {
  return discipline === 'fair' ? 'codel' : 'none';
}

/** The time of 1.5 full-sized packets. With a smaller target CoDel signals even without a queue. */
export function leastTargetNs(ceilBytesPerSec: number): number {
  return Math.round(scaledTargetNs(ceilBytesPerSec, FRAME_BYTES, 0));
}

/** CoDel's target grows at slow rates, as in CAKE. */
export function defaultTargetNs(ceilBytesPerSec: number): number {
  return Math.max(CODEL_TIMES.targetNs, leastTargetNs(ceilBytesPerSec));
}

export function defaultIntervalNs(targetNs: number): number {
  return intervalForTargetNs(targetNs, CODEL_TIMES.targetNs, CODEL_TIMES.intervalNs);
}

/** Linux lets fq_codel mark by default, and codel alone not. */
export function defaultCodelEcn(discipline: QueueSpec['discipline']): boolean {
  return discipline === 'fair';
}

/** RFC 8033, section 5; the same as in Linux. */
export const PIE = {
  targetNs: 15e6,
  updateNs: 15e6,
  burstNs: 150e6,
  alpha: 0.125,
  beta: 1.25,
  ecn: false,
} as const;
