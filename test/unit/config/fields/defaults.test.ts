/** Defaults that depend on a rate: where the fixed bound ends and the computed value begins. */
import { expect, it } from 'vitest';
import {
  defaultBurst,
  defaultExcessBytes,
  defaultIntervalNs,
  defaultLimitBytes,
  defaultTargetNs,
} from '../../../../src/config/fields/defaults.ts';

const MBIT = 125_000;

it.each([
  ['shape', 24 * MBIT, 3028],
  ['shape', 25 * MBIT, 3125],
  ['police', 5 * MBIT, 15_000],
  ['police', 10 * MBIT, 25_000],
] as const)('burst of a bucket, %s, at %d bytes per second', (kind, rateBytesPerSec, bytes) => {
  expect(defaultBurst(rateBytesPerSec, kind)).toBe(bytes);
});

it.each([
  ['single-rate', 20_000, 0, 40_000],
  ['two-rate', 20_000, MBIT, 20_000],
  ['two-rate', 20_000, 10 * MBIT, 25_000],
  ['two-rate-4115', 20_000, MBIT, 15_000],
] as const)('excess burst of a meter, %s', (kind, committedBytes, excessBytesPerSec, bytes) => {
  expect(defaultExcessBytes(kind, committedBytes, excessBytesPerSec)).toBe(bytes);
});

it.each([
  [2 * MBIT, 30_000],
  [4 * MBIT, 50_000],
])('limit at %d bytes per second', (ceilBytesPerSec, bytes) => {
  expect(defaultLimitBytes(ceilBytesPerSec)).toBe(bytes);
});

it.each([
  // 1.5 packets of 1514 bytes at 1 Mbit/s; the interval grows by as much as the target, then to twice the
  // target.
  [MBIT, 18_168_000, 113_168_000],
  [10 * MBIT, 5e6, 100e6],
  [MBIT / 10, 181_680_000, 363_360_000],
])('CoDel at %d bytes per second', (ceilBytesPerSec, targetNs, intervalNs) => {
  expect(defaultTargetNs(ceilBytesPerSec)).toBe(targetNs);
  expect(defaultIntervalNs(targetNs)).toBe(intervalNs);
});
