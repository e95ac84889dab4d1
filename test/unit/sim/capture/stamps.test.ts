import { expect, test } from 'vitest';
import { JumpFinder, StampReader } from '../../../../src/sim/capture/stamps.ts';

const YEAR = 365 * 86_400;

function instants(stamps: readonly number[]): { seconds: number[]; steps: number } {
  const finder = new JumpFinder();
  for (const sec of stamps) finder.add(Math.floor(sec), (sec % 1) * 1e9);
  const reader = new StampReader(finder.wrongJumps);
  const seconds = stamps.map((sec) => reader.next(Math.floor(sec), (sec % 1) * 1e9) / 1e9);
  return { seconds, steps: reader.steps };
}

test.each<[string, number[], number[], number]>([
  ['in order', [10, 10.5, 12], [0, 0.5, 2], 0],
  ['a little out of order', [5, 5.5, 5.25, 6], [0, 0.5, 0.5, 1], 0],
  ['the first in the future', [10 * YEAR, 1, 2, 3], [0, 0, 1, 2], 1],
  ['one in the middle in the future', [1, 2, 10 * YEAR, 3, 4], [0, 1, 1, 1, 2], 1],
  ['two in a row in the future', [1, 2, 10 * YEAR, 10 * YEAR + 1, 3, 4], [0, 1, 1, 2, 2, 3], 1],
  ['a clock that steps back', [100, 101, 50, 51, 52], [0, 1, 1, 2, 3], 1],
  ['a pause', [0, 1, 12 * 86_400, 12 * 86_400 + 1], [0, 1, 12 * 86_400, 12 * 86_400 + 1], 0],
  ['the last in the future', [0, 1, 10 * YEAR], [0, 1, 10 * YEAR], 0],
])('%s', (_, stamps, seconds, steps) => {
  expect(instants(stamps)).toEqual({ seconds, steps });
});

test('nanoseconds are exact over years', () => {
  const reader = new StampReader();
  reader.next(1_700_000_000, 1);
  expect(reader.next(1_700_000_000, 3)).toBe(2);
  expect(reader.next(1_700_000_001, 2)).toBe(1e9 + 1);
});
