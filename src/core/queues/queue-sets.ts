/**
 * Queue sets: the places where packets wait together, each with flow queues or bands of its own. There are
 * two tables of them. In the one of the leaves the set of a leaf has the number of its class, and waits at
 * the rate of the ceiling. In the one of `each` a bucket has a set while packets wait for it (each/each.ts),
 * at the rate of the bucket.
 */
import type { CodelParameters } from '../../algo/aqm/codel.ts';
import { flowQuantumBytes } from '../../algo/buckets/rate-scaling.ts';
import { ISOLATION, type Isolation, type IsolationRule } from '../../algo/queues/host-isolation.ts';
import type { SizeAwareParameters } from '../../algo/queues/size-aware.ts';
import type { WaitingSpec } from '../../spec/spec.ts';
import type { ClassInfo } from '../classes/classes.ts';

/** The link's IP MTU. CoDel signals nothing while no more than this waits. */
const MTU_BYTES = 1500;
/** Largest quantum of a fair set: CAKE's MTU. */
const QUANTUM_BYTES_MAX = 1514;
/** The long band's share of the bytes while both bands wait: one packet in four. */
const LONG_SHARE = 0.25;

/** How the packets of a set wait. */
export interface QueueKind {
  /** Of the class. Keys of flow queues begin with it. */
  readonly id: number;
  /** Null for a set with bands. */
  readonly fair: IsolationRule | null;
  /** Whether the source of its packets is inside, else the destination. */
  readonly isSourceInside: boolean;
  readonly quantumBytes: number;
  /** Null without CoDel. */
  readonly codel: CodelParameters | null;
  /** Null unless the discipline is short-first. */
  readonly shortFirst: SizeAwareParameters | null;
}

/** Kinds of the sets of the leaves, by class; null for an inner class. */
export function leafKinds(classes: readonly ClassInfo[]): (QueueKind | null)[] {
  return classes.map((info) => {
    const { queue, ceilBytesPerSec } = info.spec;
    return queue === null ? null : queueKind(info, queue, queue.isolation, ceilBytesPerSec);
  });
}

/** How packets wait at this rate in a class. */
export function queueKind(
  { id, isSourceInside }: Pick<ClassInfo, 'id' | 'isSourceInside'>,
  { discipline, aqm, ecn, shortBytes }: WaitingSpec,
  isolation: Isolation,
  rateBytesPerSec: number,
): QueueKind {
  return {
    id,
    fair: discipline === 'fair' ? ISOLATION[isolation] : null,
    isSourceInside,
    quantumBytes: flowQuantumBytes(rateBytesPerSec, QUANTUM_BYTES_MAX),
    codel: aqm.kind === 'codel' ? { ...aqm.codel, mtuBytes: MTU_BYTES, ecn } : null,
    shortFirst: discipline === 'short-first' ? { thresholdBytes: shortBytes, longShare: LONG_SHARE } : null,
  };
}

/** A table of sets, by columns. */
export class QueueSets {
  /** Kinds by class. */
  kinds: readonly (QueueKind | null)[];
  /** By set: row of the class whose kind it has. */
  readonly classOf: Int16Array;
  /** By set: what tells its bucket apart in the keys of flow queues; 0 in the table of the leaves. */
  readonly bucketOf: Int32Array;
  readonly isOfBuckets: boolean;

  private constructor(kinds: QueueSets['kinds'], sets: number, isOfBuckets: boolean) {
    this.kinds = kinds;
    this.classOf = new Int16Array(sets);
    this.bucketOf = new Int32Array(sets);
    this.isOfBuckets = isOfBuckets;
  }

  /** How many sets there is room for in tables of fair sets: none of buckets if no kind is fair. */
  get fairSets(): number {
    return this.isOfBuckets && !this.hasFair ? 0 : this.classOf.length;
  }

  /** The same in tables of sets with bands. */
  get bandSets(): number {
    return this.isOfBuckets && !this.hasBands ? 0 : this.classOf.length;
  }

  get hasFair(): boolean {
    return this.kinds.some((kind) => kind?.fair);
  }

  get hasBands(): boolean {
    return this.kinds.some((kind) => kind && !kind.fair);
  }

  static ofLeaves(classes: readonly ClassInfo[]): QueueSets {
    const sets = new QueueSets(leafKinds(classes), classes.length, false);
    for (let c = 0; c < classes.length; c++) sets.classOf[c] = c;
    return sets;
  }

  /** Room for `sets` sets. The owner of the buckets fills the columns. */
  static ofBuckets(kinds: QueueSets['kinds'], sets: number): QueueSets {
    return new QueueSets(kinds, sets, true);
  }
}
