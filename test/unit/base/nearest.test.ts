import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/base/nearest.ts';

describe('nearest', () => {
  it.each([
    ['devcie', 'device', true],
    ['RATE', 'rate', true],
    ['ceill', 'ceil', true],
    ['burts', 'burst', true],
    ['zzz', 'rate', false],
    ['x', 'rate', false],
    ['dev', 'device', true],
    ['ceiling', 'ceil', true],
    ['de', 'rate', false],
  ])('%s: %s', (word, expected, isNear) => {
    expect(nearest(word, ['device', 'rate', 'ceil', 'burst'])).toEqual({ word: expected, isNear });
  });

  it.each([
    ['pid', 'iif', false],
    ['mac', 'src', false],
    ['srx', 'src', true],
    ['prot', 'proto', true],
    ['prio', 'priority', true],
    ['pririoty', 'priority', true],
    ['porirtyi', 'priority', false],
  ])('a third of the letters may differ: %s, %s', (word, expected, isNear) => {
    const keys = ['src', 'proto', 'iif', 'priority'];
    expect(nearest(word, keys)).toEqual(
      isNear ? { word: expected, isNear } : expect.objectContaining({ isNear }),
    );
  });

  it('nothing is nearest to nothing', () => {
    expect(nearest('x', [])).toBeNull();
  });

  it('distance is a metric on the cases that matter', () => {
    expect(editDistance('abc', 'abc')).toBe(0);
    expect(editDistance('abc', 'acb')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
        const edits = editDistance(a, b);
        expect(edits).toBe(editDistance(b, a));
        expect(edits).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(edits).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(edits === 0).toBe(a === b);
      }),
    );
  });
});
