/**
 * What bounds a flow now. What the quota of its host does comes first, as it does to packets. Then the order
 * is that of the contract: a bucket that makes it wait or drops its
 * packets, then the AQM and the queue, then its receiver, else its sender. A paced flow that has its share
 * comes before buckets: what still waits for its ceiling is the small queue that pacing leaves.
 */
import { NONE } from '../../base/none.ts';
import type { ClassInfo } from '../../core/classes/classes.ts';
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import { DROP_MODULE, DROP_POLICE, DROP_TAIL } from '../../core/packets/ledger.ts';
import type { HostLimitState } from '../../core/quotas/limit-states.ts';
import type { KnownClasses } from './classes.ts';
import type { Evidence, Watched } from './evidence.ts';
import { type Pacing, pacedBy } from './paced.ts';
import { rateOf, type Sharers, sharersIn, sharersOf } from './sharers.ts';

export const LIMIT_KINDS = [
  'none',
  'ceil',
  'rate',
  'each',
  'police',
  'aqm',
  'queue',
  'window',
  'quota',
  'module',
  'sender',
  'receiver',
] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

export interface Limit {
  readonly kind: LimitKind;
  /** The class of the bucket or queue; null for none, sender and receiver. */
  readonly owner: ClassInfo | null;
  /** The leaf of the tree that limits, or the first. null if the flow passes no tree. */
  readonly leaf: ClassInfo | null;
  /** Of the bucket. */
  readonly sharers: Sharers | null;
  /** Only of kind `window`. */
  readonly pacing?: Pacing;
  /** Only of kind `quota`. */
  readonly ofHost?: HostLimitState;
}

const RECENT_NS = 1e9;
const PACKET_BYTES = 1500;
/** Drops of an AQM or a full queue slow a sender for longer. */
const DROPS_COUNT_NS = 5e9;
/** A flow whose packets wait at fewer looks is not held up: its packets only queue up behind others. */
const WAITING_SHARE_MIN = 0.25;
/** Part of the time in which packets wait for a ceiling that bounds them. */
const BOUND_SHARE_MIN = 0.1;
/** Part of the rate of a bucket that its flows use if it bounds them; headers of the wire are not counted. */
const USED_MIN = 0.7;
/** Part of a ceiling that others use if they leave nothing to borrow. */
const OTHERS_MIN = 0.05;

export function droppedOf(record: FlowRecord): number {
  const { dropTail, dropEarly, dropPolice, dropAqm, dropModule } = record;
  return dropTail + dropEarly + dropPolice + dropAqm + dropModule;
}

export function limitOf(flow: Watched, evidence: Evidence, known: KnownClasses): Limit {
  const leaves = leavesOf(flow.now, evidence, known);
  const leaf = leaves[0] ?? null;
  const ofHost = overQuota(flow, evidence);
  if (ofHost !== null) return { kind: 'quota', owner: null, leaf, sharers: null, ofHost };
  if (leaf === null) return { kind: 'none', owner: null, leaf, sharers: null };
  const since = evidence.nowNs - RECENT_NS;
  const found =
    policed(flow, evidence, known, since) ??
    windowed(flow, leaves, evidence, known) ??
    (isHeldUp(flow, since) ? waits(flow, leaves, evidence, known, since) : null) ??
    signalled(flow, leaves, evidence, known, since);
  if (found !== null) return found;
  const isFull = flow.now.isTcp && flow.now.windowFullNs >= since;
  return { kind: isFull ? 'receiver' : 'sender', owner: null, leaf, sharers: null };
}

export function leavesOf(
  { leaf, secondLeaf }: FlowRecord,
  { now }: Evidence,
  known: KnownClasses,
): ClassInfo[] {
  return [leaf, secondLeaf].flatMap((row) => (row === NONE ? [] : (infoOf(row, now, known) ?? [])));
}

function infoOf(row: number, { classes }: Evidence['now'], known: KnownClasses): ClassInfo | undefined {
  return known.get(classes[row]?.path ?? '');
}

/** The leaf of the tree of `owner` that the flow is in. */
function leafUnder(owner: ClassInfo, leaves: readonly ClassInfo[]): ClassInfo {
  return leaves.find(({ root }) => root === owner.root) ?? leaves[0]!;
}

/**
 * The quota of one of its hosts stops it, or makes it wait. With the page some flows pass: those that go on
 * and have lost nothing. Of the others the kernel refuses packets before they come here, so they look idle.
 */
function overQuota(flow: Watched, { nowNs }: Evidence): HostLimitState | null {
  const { before, now, limits, limitsBefore } = flow;
  const isDropped = now.dropReason === DROP_POLICE && now.dropNs >= nowNs - DROPS_COUNT_NS;
  const isIdle = now.receivedBytes === before.receivedBytes;
  const stop = limits.find(({ kind }) => kind === 'block' || (kind === 'page' && (isDropped || isIdle)));
  if (stop !== undefined) return stop;
  if (!isHeldUp(flow, nowNs - RECENT_NS)) return null;
  const isUsedUp = ({ waitingPackets, tokens }: HostLimitState): boolean =>
    waitingPackets > 0 || (tokens ?? 0) < PACKET_BYTES;
  const isBinding = ({ direction }: HostLimitState): boolean =>
    [...limits, ...limitsBefore].some((one) => one.direction === direction && isUsedUp(one));
  return limits.find((one) => one.kind === 'throttle' && isBinding(one)) ?? null;
}

/** A policer has dropped packets of the flow. */
function policed({ now }: Watched, evidence: Evidence, known: KnownClasses, since: number): Limit | null {
  const owner = infoOf(now.dropClass, evidence.now, known);
  if (owner === undefined || now.dropReason !== DROP_POLICE || now.dropNs < since) return null;
  const kind = owner.spec.police === null ? 'each' : 'police';
  const leaf = leafUnder(owner, leavesOf(now, evidence, known));
  return { kind, owner, leaf, sharers: kind === 'each' ? sharersOf(owner, now, evidence) : null };
}

/** Its class paces it, and it has its share. */
function windowed(
  flow: Watched,
  leaves: readonly ClassInfo[],
  evidence: Evidence,
  known: KnownClasses,
): Limit | null {
  const pacing = pacedBy(flow, leaves, evidence, known);
  if (pacing === null) return null;
  const { owner, leaf } = pacing;
  return { kind: 'window', owner, leaf, sharers: null, pacing };
}

/** Whether its own packets wait, not only those of others before them. */
function isHeldUp({ before, now, waitingShare }: Watched, since: number): boolean {
  if (waitingShare >= WAITING_SHARE_MIN) return true;
  const isSignalled = now.marked > before.marked || droppedOf(now) > droppedOf(before);
  return isSignalled && now.waitedNs >= since;
}

/** Buckets make it wait: its own one, or a ceiling. */
function waits(
  { now, each, eachBefore }: Watched,
  leaves: readonly ClassInfo[],
  evidence: Evidence,
  known: KnownClasses,
  since: number,
): Limit | null {
  const ceiling = bindingCeiling(leaves, evidence, known, since);
  const owner = now.eachNs >= since ? infoOf(now.eachClass, evidence.now, known) : undefined;
  if (owner !== undefined && owner.spec.each !== null) {
    const sharers = sharersOf(owner, now, evidence);
    const isUsedUp = sharers.bytesPerSec >= USED_MIN * owner.spec.each.rateBytesPerSec;
    const isWaitedFor = [...each, ...eachBefore].some(
      (one) => one.path === owner.path && one.waitingPackets > 0,
    );
    if (isUsedUp || (isWaitedFor && ceiling === null))
      return { kind: 'each', owner, leaf: leafUnder(owner, leaves), sharers };
  }
  if (ceiling === null) return null;
  const leaf = leafUnder(ceiling, leaves);
  const top = known.ownerOfCeil(ceiling);
  const othersBytes = rateOf(top, evidence) - rateOf(leaf, evidence);
  const isShared = top !== leaf && othersBytes > OTHERS_MIN * top.spec.ceilBytesPerSec;
  return { kind: isShared ? 'rate' : 'ceil', owner: top, leaf, sharers: sharersIn(leaf, now, evidence) };
}

/** The ceiling for which packets of these leaves have waited longest. null if they have waited for none. */
function bindingCeiling(
  leaves: readonly ClassInfo[],
  { statesBefore, states, seconds }: Evidence,
  known: KnownClasses,
  since: number,
): ClassInfo | null {
  let longest: ClassInfo | null = null;
  let longestNs = BOUND_SHARE_MIN * seconds * 1e9;
  for (const info of leaves.flatMap((leaf) => known.wayUp(leaf))) {
    const state = states.get(info.path);
    const boundNs = (state?.boundNs ?? 0) - (statesBefore.get(info.path)?.boundNs ?? 0);
    if (state === undefined || state.boundUntilNs < since || boundNs < longestNs) continue;
    longest = info;
    longestNs = boundNs;
  }
  return longest;
}

/** What slows the sender though no bucket makes its packets wait now: drops, or marks of a policer. */
function signalled(
  { before, now }: Watched,
  leaves: readonly ClassInfo[],
  evidence: Evidence,
  known: KnownClasses,
  since: number,
): Limit | null {
  const marker = leaves.flatMap((one) => known.wayUp(one)).find(({ spec }) => spec.police?.exceed === 'mark');
  if (marker !== undefined && now.marked > before.marked)
    return { kind: 'police', owner: marker, leaf: leafUnder(marker, leaves), sharers: null };
  const owner = infoOf(now.dropClass, evidence.now, known);
  if (owner === undefined || now.dropNs < evidence.nowNs - DROPS_COUNT_NS) return null;
  const leaf = leafUnder(owner, leaves);
  if (now.dropReason === DROP_POLICE)
    return { kind: owner.spec.police === null ? 'each' : 'police', owner, leaf, sharers: null };
  if (now.dropReason === DROP_MODULE) return { kind: 'module', owner, leaf, sharers: null };
  if (now.waitedNs >= since) return null;
  return { kind: now.dropReason === DROP_TAIL ? 'queue' : 'aqm', owner, leaf, sharers: null };
}
