import { describe, expect, test } from 'vitest';
import { bucketWidthNs, SlidingSums } from '../../../../src/algo/quota/sliding-sum.ts';

const SECOND = 1e9;

test.each([
  [14_400 * SECOND, 60 * SECOND],
  [240 * SECOND, SECOND],
  [5 * SECOND, SECOND],
  [1000 * SECOND, 4_166_666_666],
])('buckets of a window of %d ns are %d ns wide', (overNs, widthNs) => {
  expect(bucketWidthNs(overNs)).toBe(widthNs);
});

describe('SlidingSums', () => {
  /** Four seconds in buckets of one. */
  function sums(): SlidingSums {
    const all = new SlidingSums(4 * SECOND);
    all.advance(0);
    return all;
  }

  test('a bucket counts until its beginning is as old as the window is long', () => {
    const all = sums();
    all.add(3, 10, 20);
    all.advance(4 * SECOND - 1);
    expect([all.upBytes[3], all.downBytes[3]]).toEqual([10, 20]);
    all.advance(4 * SECOND);
    expect([all.upBytes[3], all.downBytes[3]]).toEqual([0, 0]);
    expect(all.isEmpty(3)).toBe(true);
  });

  test('a bucket holds more than 32 bits, and gives all of it back', () => {
    const all = sums();
    all.add(0, 2 ** 32 - 1, 2 ** 50);
    all.add(0, 1, 3);
    expect(all.upBytesAt(0, 0)).toBe(2 ** 32);
    expect(all.downBytesAt(0, 0)).toBe(2 ** 50 + 3);
    all.advance(SECOND);
    all.add(0, 7, 7);
    all.advance(4 * SECOND);
    expect([all.upBytes[0], all.downBytes[0]]).toEqual([7, 7]);
    // The place of the bucket that was so full is used again.
    all.add(0, 1, 1);
    expect(all.upBytesAt(0, 4)).toBe(1);
  });

  test('buckets that are gone or to come take nothing', () => {
    const all = sums();
    all.advance(10 * SECOND);
    expect(all.addTo(0, 6, 1, 1)).toBe(false);
    expect(all.addTo(0, 11, 1, 1)).toBe(false);
    expect(all.addTo(0, 7, 1, 1)).toBe(true);
    expect(all.upBytes[0]).toBe(1);
    expect(all.upBytesAt(0, 6)).toBe(0);
  });

  test('an instant before the last one changes nothing', () => {
    const all = sums();
    all.advance(10 * SECOND);
    all.add(0, 5, 5);
    all.advance(0);
    expect([all.newest, all.gone, all.upBytes[0]]).toEqual([10, 6, 5]);
  });

  test('after a gap longer than the window nothing is left', () => {
    const all = sums();
    all.add(0, 5, 5);
    all.reserve(201);
    all.add(200, 2 ** 40, 0);
    all.advance(1e6 * SECOND);
    expect(all.isEmpty(0) && all.isEmpty(200)).toBe(true);
    expect(all.fallsToNs(200, true, true, 0)).toBe(Number.NEGATIVE_INFINITY);
  });

  test('rows keep their sums when there is room for more', () => {
    const all = sums();
    all.add(1, 5, 6);
    all.reserve(1000);
    all.add(999, 7, 8);
    expect([all.upBytes[1], all.downBytes[1], all.upBytes[999]]).toEqual([5, 6, 7]);
  });

  test('the end is that of the directions that are asked for', () => {
    const all = sums();
    all.add(0, 10, 0);
    all.advance(SECOND);
    all.add(0, 0, 10);
    expect(all.fallsToNs(0, true, false, 9)).toBe(4 * SECOND);
    expect(all.fallsToNs(0, false, true, 9)).toBe(5 * SECOND);
    expect(all.fallsToNs(0, true, true, 9)).toBe(5 * SECOND);
    expect(all.fallsToNs(0, true, true, 10)).toBe(4 * SECOND);
    expect(all.fallsToNs(0, true, true, 20)).toBe(Number.NEGATIVE_INFINITY);
  });
});
