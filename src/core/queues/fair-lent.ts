/**
 * Fair sets that are lent to buckets of `each` (fair.ts, each/bucket-queues.ts): how they begin and end, and
 * what of them goes on when classes change.
 */
import { codelBecameEmpty, codelReset } from '../../algo/aqm/codel.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { FairQueues } from './fair.ts';
import type { QueueSets } from './queue-sets.ts';

/** A bucket gets this set, in which nothing waits. */
export function lendFair(fair: FairQueues, set: number): void {
  fair.picked[set] = NONE;
  fair.members.lend(set);
}

/** The packets of a set, queue by queue; those of a queue come in their order. */
export function listFair({ members, fifos }: FairQueues, set: number): number[] {
  return members.queues(set).flatMap((q) => fifos.list(q));
}

/** Takes all packets of a set out, in the order of listFair(). */
export function drainFair(fair: FairQueues, set: number): number[] {
  const all: number[] = [];
  for (const q of fair.members.queues(set)) {
    for (const h of fair.fifos.takeAll(q)) {
      fair.left(set, q, h);
      all.push(h);
    }
    codelBecameEmpty(fair.codel, q >> 1);
  }
  return all;
}

/**
 * Takes over other classes. Sets whose rule or class has gone must have been drained: their queues are
 * forgotten.
 */
export function adoptFair(fair: FairQueues, { before, newRow }: ClassChange, sets: QueueSets): void {
  const { kinds: kindsBefore, codelOf: codelBefore, keys } = fair;
  const { kinds } = sets;
  fair.useKinds(kinds);
  fair.members.useKinds(kinds);
  keys.regroup(sets);
  const oldOfId = new Map(before.map((info, old) => [info.id, old]));
  for (let q = 0; q < keys.highWater; q += keys.stride) {
    const old = oldOfId.get(keys.classId(q));
    if (old === undefined) continue;
    const row = newRow[old];
    if (row === NONE || kinds[row]?.fair !== kindsBefore[old]?.fair) keys.forget(q);
    else if (codelBefore[old] === null) codelReset(fair.codel, q >> 1);
  }
}
