/**
 * Queue sets: the places where packets of one leaf wait together. A set has the rows of its flow queues or
 * bands in the tables of this folder, and the parameters of its class.
 *
 *   set 0 .. classes - 1    the set of each leaf, at the rate of its ceiling
 */
import type { CodelParameters } from '../../algo/aqm/codel.ts';
import { flowQuantumBytes } from '../../algo/buckets/rate-scaling.ts';
import { ISOLATION, type IsolationRule } from '../../algo/queues/host-isolation.ts';
import type { SizeAwareParameters } from '../../algo/queues/size-aware.ts';
import type { QueueSpec } from '../../spec/spec.ts';
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
  return classes.map((info) => (info.spec.queue === null ? null : queueKind(info, info.spec.queue)));
}

function queueKind({ id, direction, spec }: ClassInfo, queue: QueueSpec): QueueKind {
  const { discipline, aqm, ecn } = queue;
  return {
    id,
    fair: discipline === 'fair' ? ISOLATION[queue.isolation] : null,
    isSourceInside: direction === 'up',
    quantumBytes: flowQuantumBytes(spec.ceilBytesPerSec, QUANTUM_BYTES_MAX),
    codel: aqm.kind === 'codel' ? { ...aqm.codel, mtuBytes: MTU_BYTES, ecn } : null,
    shortFirst:
      discipline === 'short-first' ? { thresholdBytes: queue.shortBytes, longShare: LONG_SHARE } : null,
  };
}

/** Columns by set. */
export class QueueSets {
  /** Row of the class whose kind the set has. */
  readonly classOf: Int16Array;
  /** Kinds by class. */
  kinds: readonly (QueueKind | null)[];

  /** A set for each class. */
  constructor(kinds: readonly (QueueKind | null)[]) {
    this.kinds = kinds;
    this.classOf = Int16Array.from(kinds, (_, c) => c);
  }
}
