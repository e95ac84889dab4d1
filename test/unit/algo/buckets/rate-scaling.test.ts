import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  flowQuantumBytes,
  intervalForTargetNs,
  scaledTargetNs,
} from '../../../../src/algo/buckets/rate-scaling.ts';

const SEED = Number(process.env.SEED ?? 78);
const MS = 1e6;
const all = (rate: number): [number, number, number] => [
  scaledTargetNs(rate, 1514, 5 * MS),
  intervalForTargetNs(scaledTargetNs(rate, 1514, 5 * MS), 5 * MS, 100 * MS),
  flowQuantumBytes(rate, 1514),
];

test('the worked example of the header', () => {
  expect(all(125_000)).toEqual([18.168 * MS, 113.168 * MS, 300]);
});

test('a rate that is not limited has the wanted target and whole packets', () => {
  expect(all(Number.POSITIVE_INFINITY)).toEqual([5 * MS, 100 * MS, 1514]);
});

test('invariants 1 and 2: steady in the rate, and the interval at least twice the target', () => {
  const rates = fc.double({ min: 1, max: 1e10, noNaN: true });
  fc.assert(
    fc.property(rates, rates, (a, b) => {
      const [slow, fast] = [all(Math.min(a, b)), all(Math.max(a, b))];
      expect(fast[0]).toBeLessThanOrEqual(slow[0]);
      expect(fast[1]).toBeLessThanOrEqual(slow[1]);
      expect(fast[2]).toBeGreaterThanOrEqual(slow[2]);
      expect(slow[1]).toBeGreaterThanOrEqual(2 * slow[0]);
    }),
    { seed: SEED, numRuns: 500 },
  );
});
