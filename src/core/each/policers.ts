/**
 * `each` with `exceed: drop`: a policer for every flow, host, source or destination. They answer when a packet arrives, before it
 * waits anywhere, all of its class and of the classes above or none: a bucket is not charged for what another one drops.
 */
import { NONE } from '../../base/none.ts';
import { type Chain, type ClassInfo, chainOf } from '../classes/classes.ts';
import type { EachTable } from './each.ts';

/** What the policers say of a packet. */
export const EACH_PASS = 0;
export const EACH_DROP = 1;
/** There is no room for one more bucket. */
export const EACH_FULL = 2;

export class EachPolicers {
  private readonly each: EachTable;
  private readonly chain: Chain;

  constructor(classes: readonly ClassInfo[], each: EachTable) {
    this.each = each;
    this.chain = chainOf(classes, ({ spec }) => spec.each?.exceed === 'drop');
  }

  /** What they say of packet `h`; takes no tokens. */
  ask(leaf: number, h: number, nowNs: number): number {
    const { from, above } = this.chain;
    for (let row = from[leaf]; row !== NONE; row = above[row]) {
      const e = this.each.bucketOf(row, h, nowNs);
      if (e === NONE) return EACH_FULL;
      if (!this.each.conforms(e, nowNs, h)) return EACH_DROP;
    }
    return EACH_PASS;
  }

  /** Takes the tokens of packet `h`, which passes. One that must not be dropped goes at most a burst into debt. */
  charge(leaf: number, h: number, nowNs: number): void {
    const { from, above } = this.chain;
    for (let row = from[leaf]; row !== NONE; row = above[row]) {
      const e = this.each.bucketOf(row, h, nowNs);
      if (e !== NONE) this.each.charge(e, nowNs, h);
    }
  }
}
