/** The invariants of src/algo/quota/sliding-sum.ts, against a twin that keeps every event. */
import { expect, test } from 'vitest';
import { bucketWidthNs, SlidingSums } from '../../src/algo/quota/sliding-sum.ts';
import { Prng } from '../../src/base/prng.ts';
import { runs } from '../effort.ts';
import { SlowSums } from '../oracle/sliding-sum.ts';

const SEED = Number(process.env.SEED ?? 14);
const STEPS = runs(1_000_000);
const ROWS = 70;
const NS_PER_SEC = 1e9;

/** Windows of seconds, with a part of a bucket at the end, of buckets wider than a second, and of days. */
const OVERS_NS = [1, 5, 7.3, 60, 480, 14_400, 604_800].map((seconds) => seconds * NS_PER_SEC);

class Pair {
  fast: SlidingSums;
  readonly slow: SlowSums;
  nowNs = 0;
  readonly #chance: Prng;

  constructor(overNs: number, seed: number) {
    const widthNs = bucketWidthNs(overNs);
    this.#chance = new Prng(seed);
    this.fast = new SlidingSums(overNs);
    this.fast.reserve(ROWS);
    this.slow = new SlowSums(overNs, widthNs);
  }

  below(limit: number): number {
    return Math.floor(this.#chance.nextUnit() * limit);
  }

  /** Mostly small; now and then more than a cell of 32 bits holds. */
  bytes(): number {
    const exponent = this.below(20);
    return exponent < 15 ? this.below(1e6) : this.below(10 ** (exponent - 7));
  }

  /** Nothing, a part of a bucket, some buckets, or longer than the window. To a whole nanosecond. */
  gapNs(): number {
    const { overNs, widthNs } = this.fast;
    switch (this.below(40)) {
      case 0:
        return this.below(2 * overNs);
      case 1:
        return overNs;
      case 2:
      case 3:
        return widthNs;
      case 4:
      case 5:
        return this.below(5 * widthNs);
      default:
        return this.below(widthNs / 8);
    }
  }

  step(): number {
    const row = this.below(4) === 0 ? this.below(ROWS) : this.below(4);
    const kind = this.below(1000);
    if (kind < 1) this.restart();
    else if (kind < 3) this.clear(row);
    else if (kind < 5) this.merge(row, this.below(ROWS));
    else if (kind < 10) this.fast.advance(this.nowNs - this.below(2 * this.fast.overNs));
    else if (kind < 400) this.slide();
    else this.count(row);
    return row;
  }

  private slide(): void {
    this.nowNs += this.gapNs();
    this.fast.advance(this.nowNs);
  }

  private count(row: number): void {
    const [up, down] = [this.bytes(), this.bytes()];
    this.fast.advance(this.nowNs);
    this.fast.add(row, up, down);
    this.slow.count(row, up, down, this.nowNs);
  }

  private clear(row: number): void {
    this.fast.clear(row);
    this.slow.clear(row);
  }

  private merge(from: number, into: number): void {
    if (from === into) return;
    this.fast.merge(from, into);
    this.slow.merge(from, into);
  }

  /** Another instance takes over what this one has, bucket by bucket, after some time. */
  private restart(): void {
    const before = this.fast;
    this.nowNs += this.gapNs();
    this.fast = new SlidingSums(before.overNs);
    this.fast.reserve(ROWS);
    this.fast.advance(this.nowNs);
    for (let row = 0; row < ROWS; row++) {
      for (let k = before.gone + 1; k <= before.newest; k++) {
        this.fast.addTo(row, k, before.upBytesAt(row, k), before.downBytesAt(row, k));
      }
    }
  }
}

test.each(OVERS_NS)('sums over %d ns are those of a list of all events', (overNs) => {
  const pair = new Pair(overNs, SEED);
  for (let n = 0; n < STEPS / OVERS_NS.length; n++) {
    const row = pair.step();
    const { fast, slow, nowNs } = pair;
    if (fast.newest === Number.NEGATIVE_INFINITY) continue;
    if (fast.upBytes[row] !== slow.upBytes(row, nowNs)) expect.fail(`up, step ${n}, seed ${SEED}`);
    if (fast.downBytes[row] !== slow.downBytes(row, nowNs)) expect.fail(`down, step ${n}, seed ${SEED}`);
  }
  for (let row = 0; row < ROWS; row++) {
    expect(pair.fast.upBytes[row]).toBe(pair.slow.upBytes(row, pair.nowNs));
  }
});

test.each(OVERS_NS)(
  'the end of a sum over %d ns is the first instant at which it is low enough',
  (overNs) => {
    const pair = new Pair(overNs, SEED + 1);
    let ends = 0;
    for (let n = 0; n < STEPS / 100; n++) {
      const row = pair.step();
      const { fast, slow, nowNs } = pair;
      const sum = slow.upBytes(row, nowNs) + slow.downBytes(row, nowNs);
      const mark = Math.floor(sum * (pair.below(120) / 100));
      const endNs = fast.fallsToNs(row, true, true, mark);
      const sumAt = (atNs: number): number => slow.upBytes(row, atNs) + slow.downBytes(row, atNs);
      if (sum <= mark) {
        expect(endNs).toBe(Number.NEGATIVE_INFINITY);
        continue;
      }
      ends++;
      expect(sumAt(endNs)).toBeLessThanOrEqual(mark);
      // Centuries later there is no instant one nanosecond before.
      if (Number.isSafeInteger(endNs)) expect(sumAt(endNs - 1)).toBeGreaterThan(mark);
    }
    expect(ends).toBeGreaterThan(STEPS / 1000);
  },
);
