/**
 * `each` with `exceed: drop`: a policer for every flow, host, source or destination. The policers of a
 * packet's class and of the classes above decide together when it arrives, before it waits anywhere: no
 * bucket is charged for a packet that another one drops.
 */
import { NONE } from '../../base/none.ts';
import { type Chain, type ClassInfo, chainOf } from '../classes/classes.ts';
import type { EachBuckets } from './buckets.ts';

/** Decision of the policers on a packet. */
export const EACH_PASS = 0;
export const EACH_DROP = 1;
/** There is no room for one more bucket. */
export const EACH_FULL = 2;

export class EachPolicers {
  /** Whether any class has such policers. */
  readonly isUsed: boolean;
  /** The class whose bucket made the last ask() decide to drop. */
  lastClass = 0;
  private readonly buckets: EachBuckets;
  private readonly chain: Chain;

  constructor(classes: readonly ClassInfo[], buckets: EachBuckets) {
    this.buckets = buckets;
    const polices = ({ spec }: ClassInfo): boolean => spec.each?.exceed === 'drop';
    this.isUsed = classes.some(polices);
    this.chain = chainOf(classes, polices);
  }

  /** Decides on packet `h`. Takes no tokens. */
  ask(leaf: number, h: number, nowNs: number): number {
    const { from, above } = this.chain;
    for (let row = from[leaf]; row !== NONE; row = above[row]) {
      const e = this.buckets.bucketOf(row, h, nowNs);
      this.lastClass = row;
      if (e === NONE) return EACH_FULL;
      if (!this.buckets.conforms(e, h, nowNs)) return EACH_DROP;
    }
    return EACH_PASS;
  }

  /**
   * Takes the tokens of packet `h`, which passes. A packet that must not be dropped costs at most a burst of
   * debt.
   */
  charge(leaf: number, h: number, nowNs: number): void {
    const { from, above } = this.chain;
    for (let row = from[leaf]; row !== NONE; row = above[row]) {
      const e = this.buckets.bucketOf(row, h, nowNs);
      if (e !== NONE) this.buckets.charge(e, h, nowNs);
    }
  }
}
