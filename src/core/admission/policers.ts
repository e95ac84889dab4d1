/** The policers of every class. They decision on arrival and never delay. */
import {
  boundedFullNs,
  conforms,
  createTokenBuckets,
  fillBucket,
  inheritBucket,
  type TokenBuckets,
  takeTokens,
  tokensIn,
} from '../../algo/buckets/token-bucket.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import { type Chain, type ClassInfo, chainOf } from '../classes/classes.ts';

/** Decisions of the policers. */
export const POLICE_PASS = 0;
export const POLICE_DROP = 1;
/** The packet exceeds a rate, and the class asks for a CE mark instead of a drop. */
export const POLICE_MARK = 2;

export class Policers {
  /** Whether any class has a policer. */
  readonly isUsed: boolean;
  /** The class whose policer made the last ask() decide to drop. */
  lastClass = 0;
  private readonly buckets: TokenBuckets;
  private readonly chain: Chain;
  private readonly marks: Uint8Array;

  constructor(classes: readonly ClassInfo[]) {
    this.isUsed = classes.some(({ spec }) => spec.police !== null);
    this.buckets = createTokenBuckets(classes.length);
    this.chain = chainOf(classes, ({ spec }) => spec.police !== null);
    this.marks = Uint8Array.from(classes, ({ spec }) => (spec.police?.exceed === 'mark' ? 1 : 0));
    for (const [row, { spec }] of classes.entries()) {
      if (spec.police) fillBucket(this.buckets, row, spec.police.rateBytesPerSec, spec.police.burstBytes);
    }
  }

  /** Takes over the tokens of policers that stay. */
  inherit(from: Policers, { before, classes, oldRow, nowNs }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) {
      const hadPolicer = old !== NONE && before[old].spec.police !== null;
      if (hadPolicer && classes[c].spec.police !== null)
        inheritBucket(this.buckets, c, from.buckets, old, nowNs);
    }
  }

  /** Tokens of the policer of class `c` at `nowNs`. */
  tokensAt(c: number, nowNs: number): number {
    return tokensIn(this.buckets, c, nowNs);
  }

  /**
   * Asks the policers of the leaf and of all classes around it. A dropped packet is charged nowhere, a marked
   * one only where it conformed. A packet that must not be dropped passes and is charged everywhere; its debt
   * is at most one burst, so that it delays the tokens of others by no more. A packet that may not be marked
   * is dropped instead.
   */
  ask(leaf: number, chargeBytes: number, mayDrop: boolean, mayMark: boolean, nowNs: number): number {
    const { buckets, marks } = this;
    const { from, above } = this.chain;
    let decision = POLICE_PASS;
    for (let row = from[leaf]; mayDrop && row !== NONE; row = above[row]) {
      if (conforms(buckets, row, chargeBytes, nowNs)) continue;
      if (marks[row] === 0 || !mayMark) {
        this.lastClass = row;
        return POLICE_DROP;
      }
      decision = POLICE_MARK;
    }
    for (let row = from[leaf]; row !== NONE; row = above[row]) {
      if (decision === POLICE_MARK && !conforms(buckets, row, chargeBytes, nowNs)) continue;
      takeTokens(buckets, row, chargeBytes, nowNs);
      const { fullNs, nsPerByte, burstBytes } = buckets;
      fullNs[row] = boundedFullNs(fullNs[row], nsPerByte[row], burstBytes[row], nowNs);
    }
    return decision;
  }
}
