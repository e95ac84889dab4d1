/**
 * The two token buckets of every class of a tree: its guaranteed rate and its ceiling.
 *
 * A leaf must have the tokens of its first packet. The next packet of an inner class is not known yet, so an
 * inner class lends while it is not in debt, and may go one packet into debt.
 */
import {
  changeRate,
  conformInstantNs,
  conformNs,
  createTokenBuckets,
  fillBucket,
  fullWithoutNs,
  inheritBucket,
  type TokenBuckets,
  takeTokens,
  tokensIn,
} from '../../algo/buckets/token-bucket.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';

/** The ceiling is used up. */
export const WAIT = 0;
/** The ceiling lets the class go, the rate does not. */
export const BORROW = 1;
/** Both let the class go. */
export const SEND = 2;

export class ClassBuckets {
  private readonly ceil: TokenBuckets;
  private readonly rate: TokenBuckets;
  private readonly hasRate: Uint8Array;
  private readonly parent: Int32Array;

  constructor(classes: readonly ClassInfo[]) {
    this.ceil = createTokenBuckets(classes.length);
    this.rate = createTokenBuckets(classes.length);
    this.hasRate = Uint8Array.from(classes, ({ spec }) => (spec.rateBytesPerSec > 0 ? 1 : 0));
    this.parent = Int32Array.from(classes, (info) => info.parent);
    for (const [row, { spec }] of classes.entries()) {
      fillBucket(this.ceil, row, spec.ceilBytesPerSec, spec.burstBytes);
      if (spec.rateBytesPerSec > 0) fillBucket(this.rate, row, spec.rateBytesPerSec, spec.rateBurstBytes);
    }
  }

  /**
   * Takes over the tokens of the classes that stay; a bucket that is new starts full. All packets due by now
   * have left, so no packet may take tokens at an earlier instant: one that waited for another bucket would
   * find tokens that have overflowed since.
   */
  inherit(from: ClassBuckets, { oldRow, nowNs }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) {
      if (old !== NONE) inheritBucket(this.ceil, c, from.ceil, old, nowNs);
      const hadRate = old !== NONE && from.hasRate[old] === 1;
      if (hadRate && this.hasRate[c] === 1) inheritBucket(this.rate, c, from.rate, old, nowNs);
      this.ceil.fullNs[c] = Math.max(this.ceil.fullNs[c], nowNs);
      this.rate.fullNs[c] = Math.max(this.rate.fullNs[c], nowNs);
    }
  }

  /** The ceiling of class `c` is another from `nowNs` on. Packets that were due by then have left. */
  moveCeil(c: number, bytesPerSec: number, nowNs: number): void {
    changeRate(this.ceil, c, bytesPerSec, nowNs);
  }

  /** Nanoseconds a byte takes at the class's ceiling. */
  nsPerByte(c: number): number {
    return this.ceil.nsPerByte[c];
  }

  /** What both buckets hold at `nowNs`; debts are negative. null without a guaranteed rate. */
  tokensAt(c: number, nowNs: number): { ceilTokens: number; rateTokens: number | null } {
    const rateTokens = this.hasRate[c] === 1 ? tokensIn(this.rate, c, nowNs) : null;
    return { ceilTokens: tokensIn(this.ceil, c, nowNs), rateTokens };
  }

  /** First instant at or after `fromNs` at which the ceiling lets `bytes` go. */
  conformNs(c: number, bytes: number, fromNs: number): number {
    return conformNs(this.ceil, c, bytes, fromNs);
  }

  /** Mode of the class by `horizonNs`. `headBytes` is 0 for an inner class. */
  mode(c: number, headBytes: number, horizonNs: number): number {
    if (conformNs(this.ceil, c, headBytes, horizonNs) > horizonNs) return WAIT;
    if (this.hasRate[c] === 0) return BORROW;
    return conformNs(this.rate, c, headBytes, horizonNs) <= horizonNs ? SEND : BORROW;
  }

  /** Instant at which a class in this mode changes to another by itself; Infinity for never. */
  changeNs(c: number, headBytes: number, mode: number): number {
    if (mode === WAIT) return instantNs(this.ceil, c, headBytes);
    return mode === BORROW && this.hasRate[c] === 1
      ? instantNs(this.rate, c, headBytes)
      : Number.POSITIVE_INFINITY;
  }

  /**
   * Takes a packet's tokens at `atNs`: of all ceilings from the leaf up, and of all rates from the lender up.
   */
  take(leaf: number, lender: number, bytes: number, atNs: number): void {
    let lends = false;
    for (let c = leaf; c !== NONE; c = this.parent[c]) {
      takeTokens(this.ceil, c, bytes, atNs);
      if (c === lender) lends = true;
      if (lends && this.hasRate[c] === 1) takeTokens(this.rate, c, bytes, atNs);
    }
  }

  /** Gives back at `nowNs` what take() took at `takenNs`: the packet was lost. */
  giveBack(leaf: number, lender: number, bytes: number, takenNs: number, nowNs: number): void {
    const { ceil, rate } = this;
    let lends = false;
    for (let c = leaf; c !== NONE; c = this.parent[c]) {
      ceil.fullNs[c] = fullWithoutNs(ceil.fullNs[c], ceil.nsPerByte[c], bytes, takenNs, nowNs);
      if (c === lender) lends = true;
      if (lends && this.hasRate[c] === 1)
        rate.fullNs[c] = fullWithoutNs(rate.fullNs[c], rate.nsPerByte[c], bytes, takenNs, nowNs);
    }
  }
}

function instantNs(b: TokenBuckets, c: number, bytes: number): number {
  return conformInstantNs(b.fullNs[c], b.nsPerByte[c], b.burstBytes[c], bytes, 0);
}
