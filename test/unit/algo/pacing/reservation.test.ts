import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  keepsLimit,
  leastBytesPerSec,
  leftBytesPerSec,
  reservedBytesPerSec,
} from '../../../../src/algo/pacing/reservation.ts';

const SEED = Number(process.env.SEED ?? 1013);
const bytesPerSec = fc.double({ min: 1, max: 1e10, noNaN: true });

/** What remains of 2000 tick by tick, beside a sibling of limit 128. */
function left(used: readonly number[]): number[] {
  let isKept = false;
  return used.map((use) => {
    isKept = keepsLimit(128, use, isKept);
    return leftBytesPerSec(200_000, 100 * reservedBytesPerSec(128, use, isKept), 0) / 100;
  });
}

test('the worked example of the header', () => {
  expect(left([64, 65, 49, 48, 64, 65])).toEqual([1936, 1872, 1872, 1952, 1936, 1872]);
});

test('a sibling without a limit of its own reserves what it uses', () => {
  const none = Number.POSITIVE_INFINITY;
  expect(keepsLimit(none, 1e12, false)).toBe(false);
  expect(reservedBytesPerSec(none, 700, false)).toBe(700);
});

test('the least limit: a fiftieth, a full packet in 0.75 s, or the guarantee, but no more than the limit', () => {
  expect(leastBytesPerSec(1e6, 0)).toBe(20_000);
  expect(leastBytesPerSec(50_000, 0)).toBe(2000);
  expect(leastBytesPerSec(50_000, 7000)).toBe(7000);
  expect(leastBytesPerSec(1500, 0)).toBe(1500);
  expect(leftBytesPerSec(1e6, 2e6, 0)).toBe(20_000);
});

test('invariant 1: use that swings between the thresholds does not move the limit', () => {
  const uses = fc.array(fc.double({ min: 0.3751, max: 0.5, noNaN: true }), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(bytesPerSec, uses, fc.boolean(), (limit, shares, wasKept) => {
      let isKept = wasKept;
      for (const share of shares) {
        isKept = keepsLimit(limit, share * limit, isKept);
        expect(isKept).toBe(wasKept);
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test('invariants 2 and 3: within the least and the whole, and never more by more use', () => {
  const use = fc.double({ min: 0, max: 1e10, noNaN: true });
  fc.assert(
    fc.property(bytesPerSec, bytesPerSec, use, use, fc.boolean(), (whole, limit, a, b, wasKept) => {
      const after = (used: number): number =>
        leftBytesPerSec(whole, reservedBytesPerSec(limit, used, keepsLimit(limit, used, wasKept)), 0);
      const [little, much] = [after(Math.min(a, b)), after(Math.max(a, b))];
      // A sibling may use more than its limit for a moment: its burst.
      if (Math.max(a, b) <= limit) expect(much).toBeLessThanOrEqual(little);
      for (const found of [little, much]) {
        expect(found).toBeLessThanOrEqual(whole);
        expect(found).toBeGreaterThanOrEqual(leastBytesPerSec(whole, 0));
      }
    }),
    { seed: SEED, numRuns: 500 },
  );
});
