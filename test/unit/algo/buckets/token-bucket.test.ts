import { expect, test } from 'vitest';
import {
  conformNs,
  conforms,
  createTokenBuckets,
  fillBucket,
  type TokenBuckets,
  takeTokens,
} from '../../../../src/algo/buckets/token-bucket.ts';
import { retuneBucket, tokensBytes } from '../../../reference/tokens.ts';

const SECOND_NS = 1e9;

function bucket(rateBytesPerSec: number, burstBytes: number): TokenBuckets {
  const b = createTokenBuckets(3);
  // Neighbours are buckets of their own: nothing may touch them.
  fillBucket(b, 0, 7, 7);
  fillBucket(b, 1, rateBytesPerSec, burstBytes);
  fillBucket(b, 2, 9, 9);
  return b;
}

/** Shapes packets that all wait from `fromNs` on; the instants at which they leave. */
function shape(b: TokenBuckets, fromNs: number, lengths: readonly number[]): number[] {
  return lengths.map((lengthBytes) => {
    const atNs = conformNs(b, 1, lengthBytes, fromNs);
    takeTokens(b, 1, lengthBytes, atNs);
    return atNs;
  });
}

test('the worked example of the header: 1500 B packets leave at 0, 1.4, 2.9 and 4.4 s', () => {
  const b = bucket(1000, 1600);
  expect(shape(b, 0, [1500, 1500, 1500, 1500])).toEqual([0, 1.4e9, 2.9e9, 4.4e9]);
  expect([tokensBytes(b, 0, 0), tokensBytes(b, 2, 0)]).toEqual([7, 9]);
});

test('a rate raised while packets wait counts from that instant: 0, 1.08, 1.38, 1.68 s', () => {
  const b = bucket(1000, 1600);
  expect(shape(b, 0, [1500])).toEqual([0]);
  expect(conformNs(b, 1, 1500, 0)).toBe(1.4e9);
  retuneBucket(b, 1, 5000, 1600, SECOND_NS);
  expect(shape(b, 0, [1500, 1500, 1500])).toEqual([1.08e9, 1.38e9, 1.68e9]);
});

test('a bucket starts full and never holds more than its burst', () => {
  const b = bucket(1000, 1600);
  expect(tokensBytes(b, 1, 0)).toBe(1600);
  expect(tokensBytes(b, 1, 1e6 * SECOND_NS)).toBe(1600);
  takeTokens(b, 1, 600, 5 * SECOND_NS);
  expect(tokensBytes(b, 1, 5 * SECOND_NS)).toBe(1000);
  expect(tokensBytes(b, 1, 5.3 * SECOND_NS)).toBe(1300);
  expect(tokensBytes(b, 1, 9 * SECOND_NS)).toBe(1600);
});

test('a packet of exactly the tokens conforms, one byte more does not', () => {
  const b = bucket(1000, 1600);
  takeTokens(b, 1, 1500, 0);
  for (const nowNs of [0, 0.2e9, 1.1e9]) {
    const tokens = 100 + nowNs / 1e6;
    expect(conforms(b, 1, tokens, nowNs)).toBe(true);
    expect(conforms(b, 1, tokens + 1, nowNs)).toBe(false);
  }
});

test('asking takes nothing', () => {
  const b = bucket(1000, 1600);
  for (let i = 0; i < 100; i++) {
    conforms(b, 1, 1600, 0);
    conformNs(b, 1, 1600, 0);
  }
  expect(tokensBytes(b, 1, 0)).toBe(1600);
});

test('a policer never lets a packet larger than the burst pass, a shaper lets it leave on a full bucket', () => {
  const b = bucket(1000, 1600);
  expect(conforms(b, 1, 1601, 1e6 * SECOND_NS)).toBe(false);
  expect(shape(b, 0, [100])).toEqual([0]);
  // Full again at 0.1 s; then 65000 B of debt less 1600 B of burst, and the next byte at 64.4 s more.
  expect(conformNs(b, 1, 65_000, 0)).toBe(0.1e9);
  takeTokens(b, 1, 65_000, 0.1e9);
  expect(tokensBytes(b, 1, 0.1e9)).toBe(1600 - 65_000);
  expect(conformNs(b, 1, 1000, 0.1e9)).toBe(0.1e9 + 64.4e9);
  expect(conformNs(b, 1, 65_000, 0.1e9)).toBe(0.1e9 + 65e9);
});

test('a bucket without a rate limit never waits', () => {
  const b = bucket(Number.POSITIVE_INFINITY, 1600);
  expect(shape(b, 50, [1500, 1500, 65_000, 1])).toEqual([50, 50, 50, 50]);
  expect(conforms(b, 1, 1600, 50)).toBe(true);
});

test('a limit put on an unlimited bucket finds it full, also when a packet was let go ahead of time', () => {
  const b = bucket(Number.POSITIVE_INFINITY, 1600);
  takeTokens(b, 1, 1500, 2000);
  retuneBucket(b, 1, 1000, 1600, 1000);
  expect(tokensBytes(b, 1, 1000)).toBe(1600);
  expect(conformNs(b, 1, 1500, 1000)).toBe(1000);
});

test('lifting the limit frees what waits at once', () => {
  const b = bucket(1000, 1600);
  shape(b, 0, [1500, 1500]);
  retuneBucket(b, 1, Number.POSITIVE_INFINITY, 1600, SECOND_NS);
  expect(conformNs(b, 1, 1500, SECOND_NS)).toBe(SECOND_NS);
});

test('a smaller burst cuts tokens, a larger one gives none', () => {
  const b = bucket(1000, 1600);
  retuneBucket(b, 1, 1000, 500, 0);
  expect(tokensBytes(b, 1, 0)).toBe(500);
  retuneBucket(b, 1, 1000, 5000, 0);
  expect(tokensBytes(b, 1, 0)).toBe(500);
  expect(tokensBytes(b, 1, 0.25e9)).toBe(750);
});

test('after a hundred days of uptime the rate is still right to one part in ten thousand', () => {
  // Instants of float64 are a nanosecond apart there, and 1500 B take 11,990.4 of them: each step errs the
  // same way.
  const rateBytesPerSec = 125.1e6;
  const b = bucket(rateBytesPerSec, 3000);
  const startNs = 100 * 86_400 * SECOND_NS;
  const instants = shape(b, startNs, new Array<number>(100_001).fill(1500));
  const seconds = (instants[100_000] - startNs) / 1e9;
  expect(Math.abs((1500 * 99_999) / seconds / rateBytesPerSec - 1)).toBeLessThan(1e-4);
});
