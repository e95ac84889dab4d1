import { expect, test } from 'vitest';
import { equal } from '../../../src/base/equal.ts';

test.each([
  [1, 1],
  [Number.NaN, Number.NaN],
  [null, null],
  [
    [1, [2, 3]],
    [1, [2, 3]],
  ],
  [
    { a: 1, b: { c: [null] } },
    { b: { c: [null] }, a: 1 },
  ],
  [{ a: 1, b: undefined }, { a: 1 }],
])('%j equals %j', (a, b) => {
  expect(equal(a, b)).toBe(true);
  expect(equal(b, a)).toBe(true);
});

test.each([
  [1, 2],
  [1, '1'],
  [null, undefined],
  [null, {}],
  // JSON makes null of both.
  [Number.POSITIVE_INFINITY, null],
  [[], {}],
  [[1], [1, undefined]],
  [
    [1, 2],
    [2, 1],
  ],
  [{ a: 1 }, { a: 1, b: 1 }],
  [{ a: { b: [1] } }, { a: { b: [2] } }],
])('%j does not equal %j', (a, b) => {
  expect(equal(a, b)).toBe(false);
  expect(equal(b, a)).toBe(false);
});
