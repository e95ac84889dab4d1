import { expect, test } from 'vitest';
import {
  createMarkerBuckets,
  fillMarker,
  GREEN,
  type MarkerParameters,
  markerColour,
  markerProblem,
  RED,
  YELLOW,
} from '../../../../src/algo/buckets/markers.ts';

const SECOND = 1e9;
const SINGLE: MarkerParameters = {
  kind: 'single-rate',
  committedBytesPerSec: 1000,
  committedBytes: 1500,
  excessBytesPerSec: 0,
  excessBytes: 3000,
};

function marker(params: MarkerParameters) {
  const m = createMarkerBuckets(1);
  fillMarker(m, 0, params, 0);
  return (nowNs: number, lengthBytes: number, before = GREEN): number =>
    markerColour(m, 0, params, lengthBytes, before, nowNs);
}

test('the worked example of the header', () => {
  const colour = marker(SINGLE);
  expect([0, 0, 0, 0].map((t) => colour(t, 1500))).toEqual([GREEN, YELLOW, YELLOW, RED]);
  expect([1.5, 1.5].map((t) => colour(t * SECOND, 1500))).toEqual([GREEN, RED]);
  // C is full after another 1.5 s, E holds what 1 s more overflowed.
  expect([4, 4].map((t) => colour(t * SECOND, 1000))).toEqual([GREEN, YELLOW]);
});

test('two rates: the peak comes first, and green pays in both buckets', () => {
  const params: MarkerParameters = {
    ...SINGLE,
    kind: 'two-rate',
    excessBytesPerSec: 2000,
    excessBytes: 3000,
  };
  const colour = marker(params);
  expect([1500, 1500, 40].map((bytes) => colour(0, bytes))).toEqual([GREEN, YELLOW, RED]);
  // 0.75 s: 1500 B of peak, 750 B of committed.
  expect([700, 700, 200].map((bytes) => colour(0.75 * SECOND, bytes))).toEqual([GREEN, YELLOW, RED]);
});

test('RFC 4115: excess fills while committed is not full, and never starves it', () => {
  const params: MarkerParameters = { ...SINGLE, kind: 'two-rate-4115', excessBytesPerSec: 500 };
  const colour = marker(params);
  expect([1500, 1500, 1500, 1500].map((bytes) => colour(0, bytes))).toEqual([GREEN, YELLOW, YELLOW, RED]);
  expect([1000, 500, 40].map((bytes) => colour(SECOND, bytes))).toEqual([GREEN, YELLOW, RED]);
});

test('what came yellow may be yellow, what came red is red, and takes nothing', () => {
  const colour = marker(SINGLE);
  expect(colour(0, 1500, RED)).toBe(RED);
  expect(colour(0, 1500, YELLOW)).toBe(YELLOW);
  expect(colour(0, 1500, GREEN)).toBe(GREEN);
});

test('a clock that steps back mints nothing', () => {
  const colour = marker(SINGLE);
  for (let n = 0; n < 3; n++) colour(5 * SECOND, 1500);
  expect([1, 5, 1, 5].map((t) => colour(t * SECOND, 1500))).toEqual([RED, RED, RED, RED]);
});

test.each([
  [SINGLE, null],
  [{ ...SINGLE, committedBytesPerSec: 0 }, /committed rate/],
  [{ ...SINGLE, committedBytes: 0 }, null],
  [{ ...SINGLE, committedBytes: 0, excessBytes: 0 }, /burst sizes/],
  [{ ...SINGLE, kind: 'two-rate', excessBytesPerSec: 0 }, /both rates/],
  [{ ...SINGLE, kind: 'two-rate', excessBytesPerSec: 999 }, /peak rate/],
  [{ ...SINGLE, kind: 'two-rate', excessBytesPerSec: 1000 }, null],
  [{ ...SINGLE, kind: 'two-rate-4115', committedBytes: 0 }, /committed burst/],
  [{ ...SINGLE, kind: 'two-rate-4115', excessBytesPerSec: 1, excessBytes: 0 }, /excess burst/],
  [{ ...SINGLE, kind: 'two-rate-4115', excessBytesPerSec: 0, excessBytes: 0 }, null],
] as [MarkerParameters, RegExp | null][])('%j is valid or not, and why', (params, problem) => {
  const found = markerProblem(params);
  if (problem === null) expect(found).toBeNull();
  else expect(found).toMatch(problem);
});
