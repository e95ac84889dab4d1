import { expect, test } from 'vitest';
import { targetBytes, waterLevel } from '../../../../src/algo/pacing/share.ts';

const level = (capacity: number, ...wanted: number[]): number =>
  waterLevel(capacity, Float64Array.from(wanted), wanted.length);
const ALL = Number.POSITIVE_INFINITY;

test('the worked example of the header', () => {
  expect(level(1000, 100, ALL, ALL)).toBe(450);
  expect(targetBytes(187_500, 0.1, 1460)).toBe(17_520);
});

test('nobody has all; who wants little leaves the rest', () => {
  expect(level(1000)).toBe(1000);
  expect(level(1000, ALL)).toBe(1000);
  expect(level(1000, 300)).toBe(1000);
  expect(level(1000, 100, 200)).toBe(900);
  expect(level(0, ALL, ALL)).toBe(0);
  expect(level(900, 300, 300, 300)).toBe(300);
});

test('a window has two segments at least', () => {
  expect(targetBytes(0, 0.1, 1460)).toBe(2920);
  expect(targetBytes(30_000, 0.1, 1460)).toBe(2920);
  expect(targetBytes(50_000, 0.1, 1460)).toBe(4380);
});
