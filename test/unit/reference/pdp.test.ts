import { describe, expect, test } from 'vitest';
import { consolidated, PrimaryPoints } from '../../reference/pdp.ts';

describe('PrimaryPoints', () => {
  test('half a step known is enough, less is unknown', () => {
    const half = new PrimaryPoints(60e9, 0);
    half.add(30e9, 60);
    expect(half.add(60e9, null)).toEqual([{ endNs: 60e9, bytesPerSec: 2 }]);
    const less = new PrimaryPoints(60e9, 0);
    less.add(29e9, 60);
    expect(less.add(60e9, null)).toEqual([{ endNs: 60e9, bytesPerSec: null }]);
  });

  test('an interval over several steps is the same rate in each', () => {
    const points = new PrimaryPoints(10e9, 0);
    expect(points.add(5e9, 5)).toEqual([]);
    expect(points.add(35e9, 300).map(({ bytesPerSec }) => bytesPerSec)).toEqual([5.5, 10, 10]);
  });

  test('an interval that ends before it begins counts nothing', () => {
    const points = new PrimaryPoints(10e9, 0);
    points.add(5e9, 50);
    expect(points.add(4e9, 1000)).toEqual([]);
    expect(points.add(10e9, 50)).toEqual([{ endNs: 10e9, bytesPerSec: 10 }]);
  });
});

describe('consolidated', () => {
  test.each([
    [[1, 2, 3, 6], 0.5, 3],
    [[4, null, null, 2], 0.5, 3],
    [[4, null, null, null], 0.5, null],
    [[4, null, null, null], 0.75, 4],
    [[null, null], 1, null],
    [[], 1, null],
  ])('%j with at most %d unknown is %j', (points, share, value) => {
    expect(consolidated(points, share)).toBe(value);
  });
});
