/**
 * A change of classes while packets wait for `each` buckets (reconfigure.ts). Buckets keep their tokens, and
 * the packets in them their places and turns. Where a bucket's queues become others, or one of its packets
 * goes elsewhere, all its packets join the new queues in order of arrival.
 */
import { NONE } from '../../base/none.ts';
import { type ClassChange, isInside } from '../classes/change.ts';
import type { Mover } from '../classes/mover.ts';
import type { HeldTable } from '../packets/held.ts';
import type { AckFilter } from '../queues/ack-filter.ts';
import { bucketKinds } from './bucket-queues.ts';
import { CLASS, SET } from './buckets.ts';
import type { EachTable } from './each.ts';

/** A packet that joins its bucket again. `leafBefore` and `old` are rows of before. */
interface Rejoining {
  readonly e: number;
  readonly h: number;
  readonly leafBefore: number;
  readonly old: number;
}

/**
 * Changes the classes of `each`. `mover` gets a packet that has no bucket here any more, because its class or
 * that class's `each` has gone, or because the packet belongs to another class.
 */
export function regroupEach(
  each: EachTable,
  change: ClassChange,
  held: HeldTable,
  acks: AckFilter,
  mover: Mover,
): void {
  const { classes, oldRow, nowNs } = change;
  const { bucketQueues, buckets } = each;
  const { keys } = buckets;
  const { words } = keys;
  const kinds = bucketKinds(classes);
  const rejoining: Rejoining[] = [];
  const carryOver = buckets.regroup(change);
  for (let e = 0; e < keys.highWater; e += keys.stride) {
    if (!keys.isUsed(e)) continue;
    const old = words[e + CLASS];
    const c = carryOver(e);
    const waiting = each.list(e).map((h) => {
      const leafBefore = held.leaf[h];
      const leaf = mover.settle(h);
      const stays = c !== NONE && kinds[c] !== null && isInside(classes, leaf, c);
      return { e, h, leafBefore, old, stays };
    });
    const set = words[e + SET];
    const goesOn = set !== NONE && c !== NONE && bucketQueues.goesOn(set, c, kinds);
    if (goesOn && waiting.every(({ stays }) => stays)) {
      bucketQueues.setClass(set, c);
      continue;
    }
    if (set !== NONE) each.drain(e);
    for (const one of waiting) {
      if (one.stays) rejoining.push(one);
      else mover.move(one.h, one.leafBefore, old);
    }
    if (c === NONE) buckets.forget(e);
  }
  const aqmBefore = bucketQueues.aqm;
  bucketQueues.adopt(change, kinds);
  for (let e = 0; e < keys.highWater; e += keys.stride) {
    const c = words[e + CLASS];
    if (keys.isUsed(e) && bucketQueues.aqm.has(c))
      bucketQueues.aqm.inherit(e >> keys.shift, c, aqmBefore, e >> keys.shift, oldRow[c], nowNs);
  }
  each.recount(classes.length);
  rejoining.sort((a, b) => held.enteredNs(a.h) - held.enteredNs(b.h));
  for (const { e, h, leafBefore, old } of rejoining) {
    acks.forget(h);
    if (!each.wait(e, h, nowNs)) mover.move(h, leafBefore, old);
  }
}
