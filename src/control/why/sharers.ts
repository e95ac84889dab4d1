/** Who shares a bucket or a class with a flow. */
import { NONE } from '../../base/none.ts';
import { IPV6_BITS, prefixMasks } from '../../base/prefix.ts';
import type { ClassInfo } from '../../core/classes/classes.ts';
import { prefixBitsOf, SIDE_FLOW, sideOf } from '../../core/each/sides.ts';
import { SIDE_SRC } from '../../core/flows/flow-hosts.ts';
import type { FlowRecord } from '../../core/flows/flow-reader.ts';
import type { ActiveFlow, Evidence } from './evidence.ts';

export interface Sharers {
  /** Other flows that have sent or wait. */
  readonly others: number;
  /** Of all of them, the flow itself too. */
  readonly bytesPerSec: number;
}

/** What the class and all classes inside it have sent. */
export function rateOf({ path }: ClassInfo, { before, now, seconds }: Evidence): number {
  const row = now.classes.findIndex((label) => label.path === path);
  if (row === NONE || seconds <= 0) return 0;
  return (now.stats.sentBytes[row]! - before.stats.sentBytes[row]!) / seconds;
}

function sumOf(flow: FlowRecord, sharing: readonly ActiveFlow[], { seconds }: Evidence): Sharers {
  const isSame = ({ f, generation }: ActiveFlow): boolean => f === flow.f && generation === flow.generation;
  const bytes = sharing.reduce((sum, { addedBytes }) => sum + addedBytes, 0);
  return {
    others: sharing.filter((one) => !isSame(one)).length,
    bytesPerSec: seconds > 0 ? bytes / seconds : 0,
  };
}

/** Flows of the same bucket of `owner`. */
export function sharersOf(owner: ClassInfo, flow: FlowRecord, evidence: Evidence): Sharers {
  const side = sideOf(owner);
  const { classes } = evidence.now;
  const isInside = (row: number): boolean => {
    const path = row === NONE ? '' : (classes[row]?.path ?? '');
    return path === owner.path || path.startsWith(`${owner.path}/`);
  };
  const bits = prefixBitsOf(owner);
  const mask = flow.family === 6 && bits < IPV6_BITS ? prefixMasks(bits) : prefixMasks(IPV6_BITS);
  const words = flow.family === 6 ? 4 : 1;
  const own = side === SIDE_SRC ? flow.src : flow.dst;
  const shares = (one: ActiveFlow): boolean => {
    if (one.family !== flow.family || !(isInside(one.leaf) || isInside(one.secondLeaf))) return false;
    if (side === SIDE_FLOW) return one.f === flow.f && one.generation === flow.generation;
    const address = side === SIDE_SRC ? one.src : one.dst;
    for (let w = 0; w < words; w++) if (((address[w]! ^ own[w]!) & mask[w]!) !== 0) return false;
    return true;
  };
  return sumOf(flow, evidence.active.filter(shares), evidence);
}

/** Flows of the same leaf. */
export function sharersIn(leaf: ClassInfo, flow: FlowRecord, evidence: Evidence): Sharers {
  const row = evidence.now.classes.findIndex(({ path }) => path === leaf.path);
  const sharing = evidence.active.filter((one) => one.leaf === row || one.secondLeaf === row);
  return sumOf(flow, sharing, evidence);
}
