import { expect, test } from 'vitest';
import { counterDelta } from '../../../../src/algo/quota/counter.ts';

const params = { bits: 'auto', heartbeatNs: 600e9, bytesPerSecMax: Number.POSITIVE_INFINITY } as const;

test.each([
  ['the first reading is not traffic', null, 5000n],
  ['a reading that is missing', 5000n, null],
])('%s: unknown', (_, previous, current) => {
  expect(counterDelta(previous, current, 1e9, params)).toBeNull();
});

test.each([
  [0, null],
  [-1, null],
  [600e9, 7n],
  [600e9 + 1, null],
])('readings %d ns apart', (elapsedNs, delta) => {
  expect(counterDelta(3n, 10n, elapsedNs, params)).toBe(delta);
});

test('no byte is missing at a wrap', () => {
  expect(counterDelta(2n ** 32n - 1n, 0n, 1e9, params)).toBe(1n);
  expect(counterDelta(2n ** 64n - 1n, 0n, 1e9, { ...params, bits: 64 })).toBe(1n);
});

test('the greatest rate is allowed, and one byte more is a reset', () => {
  const most = { ...params, bytesPerSecMax: 100 };
  expect(counterDelta(0n, 1000n, 10e9, most)).toBe(1000n);
  expect(counterDelta(0n, 1001n, 10e9, most)).toBeNull();
});

test('of a counter of 32 bits a reading above 32 bits before is unknown', () => {
  expect(counterDelta(2n ** 40n, 5n, 1e9, { ...params, bits: 32 })).toBeNull();
});
