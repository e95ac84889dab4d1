/**
 * The queues in which packets wait for `each` buckets: what a leaf has, for every bucket, at the rate of the
 * bucket.
 *
 *   bucket 7 (web, 10.0.9.4)    set 0: [h12 -> h15] [h13]     flow queues by turns, as in a leaf
 *   bucket 9 (web, 10.0.9.8)    no set: nothing waits
 *
 * A set is lent to a bucket when a packet begins to wait, and given back when none waits any more: then the
 * turns of its flows have ended. Flow queues keep the state of CoDel beyond that, and RED and PIE have rows
 * of the buckets. A set with bands holds CoDel's state itself and is kept until its bucket is forgotten. Sets
 * that were given back are lent first, so only as many as were ever lent at once cost memory.
 */
import type { HashKeys } from '../../base/hash.ts';
import { IPV6_BITS } from '../../base/prefix.ts';
import type { Prng } from '../../base/prng.ts';
import { FAIR_QUEUES_MAX } from '../../limits.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { HeldTable } from '../packets/held.ts';
import type { AckFilter } from '../queues/ack-filter.ts';
import { ArrivalAqm } from '../queues/arrival-aqm.ts';
import { KIND_BITS } from '../queues/fair-keys.ts';
import { type QueueKind, QueueSets, queueKind } from '../queues/queue-sets.ts';
import { SetQueues } from '../queues/set-queues.ts';
import { isolationWithin, prefixBitsOf, sideOf } from './sides.ts';

/** What waiting packets are made of, and what decides about them. */
export interface WaitingParts {
  readonly held: HeldTable;
  readonly flows: FlowTable;
  readonly acks: AckFilter;
  readonly prng: Prng;
  readonly keysOf: (table: string) => HashKeys;
}

export class BucketQueues {
  readonly queues: SetQueues;
  /** By bucket: `e >> shift`. */
  aqm: ArrivalAqm;
  private readonly sets: QueueSets;
  /** Sets that were given back, and how many. */
  private readonly free: Int32Array;
  private freeCount = 0;
  /** Sets that were ever lent. */
  private highWater = 0;
  private readonly buckets: number;
  private readonly parts: WaitingParts;

  /** Room for as many buckets as can be. */
  constructor(buckets: number, classes: readonly ClassInfo[], parts: WaitingParts) {
    const { held, flows, acks, keysOf } = parts;
    this.sets = QueueSets.ofBuckets(bucketKinds(classes), buckets);
    this.queues = new SetQueues(FAIR_QUEUES_MAX, keysOf, this.sets, held, flows, acks);
    this.free = new Int32Array(buckets);
    this.buckets = buckets;
    this.parts = parts;
    this.aqm = this.createAqm(classes);
  }

  /** A set for bucket `e` of class `c`. There is one for every bucket. */
  lend(c: number, e: number): number {
    const { sets } = this;
    const set = this.freeCount > 0 ? this.free[--this.freeCount] : this.highWater++;
    sets.classOf[set] = c;
    // Keys of flow queues have the bucket above the bits of the kind. The first bucket is not 0 there.
    sets.bucketOf[set] = e + (1 << KIND_BITS);
    this.queues.lend(set);
    return set;
  }

  /** Takes back a set in which nothing waits. */
  giveBack(set: number): void {
    this.queues.giveBack(set);
    this.free[this.freeCount++] = set;
  }

  /** Whether the set of a bucket still waits as before if its class becomes `row` of other classes. */
  goesOn(set: number, row: number, kinds: QueueSets['kinds']): boolean {
    const [before, after] = [this.sets.kinds[this.sets.classOf[set]], kinds[row]];
    return (
      before != null &&
      after != null &&
      before.fair === after.fair &&
      (before.shortFirst === null) === (after.shortFirst === null)
    );
  }

  /** The class of the bucket that has the set has this row from now on. */
  setClass(set: number, row: number): void {
    this.sets.classOf[set] = row;
  }

  /** Takes over other classes. Sets that do not go on must have been drained. */
  adopt(change: ClassChange, kinds: QueueSets['kinds']): void {
    this.queues.adopt(change, kinds);
    this.aqm = this.createAqm(change.classes);
  }

  private createAqm(classes: readonly ClassInfo[]): ArrivalAqm {
    const waiting = classes.map((info) => info.spec.each?.waiting ?? null);
    return new ArrivalAqm(this.buckets, waiting, this.parts.held, this.parts.prng);
  }
}

/** Kinds of the sets of buckets, by class; null where no packet waits for a bucket. */
export function bucketKinds(classes: readonly ClassInfo[]): (QueueKind | null)[] {
  return classes.map((info) => {
    const { each } = info.spec;
    if (each?.exceed !== 'delay' || each.waiting === null) return null;
    const { isolation: given } = each.waiting;
    // A prefix has several addresses, between which the bucket is shared out as a leaf is.
    const isolation = prefixBitsOf(info) < IPV6_BITS ? given : isolationWithin(given, sideOf(info));
    return queueKind(info, each.waiting, isolation, each.rateBytesPerSec);
  });
}
