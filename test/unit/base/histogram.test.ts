import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  HISTOGRAM_BINS,
  histogramBin,
  histogramBinStart,
  histogramPercentile,
} from '../../../src/base/histogram.ts';

const SEED = 30;
/** Spread over all sizes, not only the large ones. */
const value = fc
  .tuple(fc.integer({ min: 0, max: 31 }), fc.double({ min: 1, max: 2, maxExcluded: true, noNaN: true }))
  .map(([exponent, mantissa]) => Math.floor(mantissa * 2 ** exponent) - 1);

test('every bin starts where the one before ends, and holds exactly the values between', () => {
  for (let bin = 0; bin < HISTOGRAM_BINS; bin++) {
    const start = histogramBinStart(bin);
    expect(histogramBin(start), `start of bin ${bin}`).toBe(bin);
    if (bin > 0) expect(histogramBin(start - 1), `before bin ${bin}`).toBe(bin - 1);
    expect(histogramBinStart(bin + 1)).toBeGreaterThan(start);
  }
});

test('values 0 to 15 have a bin each, beyond a bin is at most an eighth of its start wide', () => {
  for (let bin = 0; bin < HISTOGRAM_BINS; bin++) {
    const start = histogramBinStart(bin);
    const width = histogramBinStart(bin + 1) - start;
    if (start < 16) expect(width).toBe(1);
    else expect(width).toBeLessThanOrEqual(start / 8);
  }
});

test('a larger value never falls into a smaller bin', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(Math.sign(histogramBin(a) - histogramBin(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('a fraction of a microsecond counts with the whole one below it', () => {
  for (const whole of [0, 7, 15, 16, 100, 12345, 2 ** 31]) {
    expect(histogramBin(whole + 0.75)).toBe(histogramBin(whole));
  }
});

test('values beyond the range fall into the last bin', () => {
  expect(histogramBin(2 ** 32 - 1)).toBe(HISTOGRAM_BINS - 1);
  expect(histogramBin(2 ** 32)).toBe(HISTOGRAM_BINS - 1);
  expect(histogramBin(Number.POSITIVE_INFINITY)).toBe(HISTOGRAM_BINS - 1);
});

test('a percentile is within an eighth of the one of the sorted values', () => {
  const fraction = fc.constantFrom(0, 0.01, 0.5, 0.9, 0.99, 1);
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), fraction, (values, share) => {
      const offset = 3 * HISTOGRAM_BINS;
      // Neighbouring slices are full of other counts, which must not be seen.
      const counts = new Uint32Array(5 * HISTOGRAM_BINS).fill(1000);
      counts.fill(0, offset, offset + HISTOGRAM_BINS);
      for (const v of values) counts[offset + histogramBin(v)]++;
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1];
      const got = histogramPercentile(counts, offset, share);
      expect(Math.abs(got - exact)).toBeLessThanOrEqual(exact / 8);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('an empty histogram has percentile 0', () => {
  expect(histogramPercentile(new Uint32Array(HISTOGRAM_BINS), 0, 0.99)).toBe(0);
});
