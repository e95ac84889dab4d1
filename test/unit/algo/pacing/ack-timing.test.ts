import { expect, test } from 'vitest';
import {
  dataComes,
  dueNs,
  HOLD_MAX_NS,
  openTiming,
  passes,
  recentHoldNs,
  TIMING_WORDS,
} from '../../../../src/algo/pacing/ack-timing.ts';

const MS = 1e6;

function fresh(): Float64Array {
  const words = new Float64Array(TIMING_WORDS + 1);
  openTiming(words, 1);
  return words;
}

/** How long an acknowledgement of `costMs` is held that comes at `atMs`. */
function holdMs(words: Float64Array, costMs: number, atMs: number, isOpen = false, roundTripMs = 20): number {
  const due = dueNs(words, 1, costMs * MS, roundTripMs * MS, 0, isOpen, HOLD_MAX_NS, atMs * MS);
  return due / MS - atMs;
}

test('after silence the first passes, the next waits until it is earned', () => {
  const words = fresh();
  expect(holdMs(words, 8, 1000)).toBe(-8);
  expect(holdMs(words, 8, 1000)).toBe(0);
  expect(holdMs(words, 8, 1003)).toBe(5);
  expect(recentHoldNs(words, 1)).toBeCloseTo((5 * MS) / 8);
});

test('the first long hold is half a round trip and 1.5 ms; a window that is open lets it be 150 ms', () => {
  const words = fresh();
  passes(words, 1, 0, 1000 * MS);
  expect(holdMs(words, 900, 1000)).toBe(11.5);
  const open = fresh();
  passes(open, 1, 0, 1000 * MS);
  expect(holdMs(open, 900, 1000, true)).toBe(150);
});

test('no hold is longer than the bound, whatever the round trip', () => {
  const words = fresh();
  passes(words, 1, 0, 1000 * MS);
  expect(holdMs(words, 5000, 1000, false, 3000)).toBe(400);
});

test('data that came faster than the share makes the next acknowledgement wait', () => {
  const words = fresh();
  dataComes(words, 1, 10 * MS, 1000 * MS);
  dataComes(words, 1, 10 * MS, 1000 * MS);
  expect(holdMs(words, 2, 1000)).toBe(10);
});

test('one that passes at once is paid by the next', () => {
  const words = fresh();
  passes(words, 1, 6 * MS, 1000 * MS);
  passes(words, 1, 6 * MS, 1000 * MS);
  passes(words, 1, 6 * MS, 1000 * MS);
  expect(holdMs(words, 4, 1000)).toBe(10);
});
