/**
 * The fullest `each` buckets, for people. They are read between two batches when somebody asks: the table
 * keeps its waiting buckets in the order of their bytes anyway.
 */

import type { EachBy } from '../../spec/spec.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { HostKey } from '../flows/flow-hosts.ts';
import type { FlowTuple } from '../flows/flow-keys.ts';
import type { EachTable } from './each.ts';

/** By what packets share a bucket. */
export type BucketKey =
  | {
      readonly kind: 'address';
      readonly family: number;
      readonly words: readonly number[];
      /** Of the address, how many name the bucket: fewer than all for a prefix. */
      readonly bits: number;
    }
  | HostKey
  | { readonly kind: 'flow'; readonly flow: FlowTuple };

export interface FullBucket {
  /** null for packets without a flow, which share one bucket, and for a host that has gone meanwhile. */
  readonly key: BucketKey | null;
  readonly backlogPackets: number;
  readonly backlogBytes: number;
}

/** A class with `each`. */
export interface EachClass {
  readonly path: string;
  readonly by: EachBy;
  readonly rateBytesPerSec: number;
  /** Those for which most waits, the largest first (within 1/8). */
  readonly fullest: readonly FullBucket[];
}

const BUCKETS_PER_CLASS = 10;
/** Of all classes. */
const BUCKETS_MAX = 1000;

export function eachClasses(each: EachTable, classes: readonly ClassInfo[]): EachClass[] {
  const found: EachClass[] = [];
  let room = BUCKETS_MAX;
  for (const [c, { path, spec }] of classes.entries()) {
    if (spec.each === null) continue;
    const rows = each.fullest(c, Math.min(BUCKETS_PER_CLASS, room));
    room -= rows.length;
    const fullest = rows.map((e) => ({
      key: each.buckets.keyOf(e),
      backlogPackets: each.waitingPackets(e),
      backlogBytes: each.waitingBytes(e),
    }));
    found.push({ path, by: spec.each.by, rateBytesPerSec: spec.each.rateBytesPerSec, fullest });
  }
  return found;
}
