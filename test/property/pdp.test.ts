/** The invariants of test/reference/pdp.ts, against a twin that looks at each second. */
import { expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { runs } from '../effort.ts';
import { PrimaryPoints } from '../reference/pdp.ts';

const SEED = Number(process.env.SEED ?? 60);
const INTERVALS = runs(20_000);
const NS_PER_SEC = 1e9;

/** Bytes of each second; null: unknown. */
function secondsOf(
  intervals: readonly (readonly [seconds: number, bytes: number | null])[],
): (number | null)[] {
  return intervals.flatMap(([seconds, bytes]) =>
    Array.from({ length: seconds }, () => (bytes === null ? null : bytes / seconds)),
  );
}

function slowPoints(seconds: readonly (number | null)[], step: number): (number | null)[] {
  const points: (number | null)[] = [];
  for (let from = 0; from + step <= seconds.length; from += step) {
    const known = seconds.slice(from, from + step).filter((bytes) => bytes !== null);
    const sum = known.reduce((all, bytes) => all + bytes, 0);
    points.push(known.length * 2 < step || known.length === 0 ? null : sum / known.length);
  }
  return points;
}

test.each([1, 7, 60, 300])('points of %d s are those of a twin, second by second', (step) => {
  const chance = new Prng(SEED + step);
  const below = (limit: number): number => Math.floor(chance.nextUnit() * limit);
  const points = new PrimaryPoints(step * NS_PER_SEC, 0);
  const intervals = Array.from({ length: INTERVALS / 10 }, (): [number, number | null] => [
    1 + below([3, 20, 100, 400][below(4)]),
    below(4) === 0 ? null : below(1e9),
  ]);
  let atNs = 0;
  const found = intervals.flatMap(([seconds, bytes]) => {
    atNs += seconds * NS_PER_SEC;
    return points.add(atNs, bytes);
  });
  const wanted = slowPoints(secondsOf(intervals), step);
  expect(found.length).toBe(wanted.length);
  expect(found.every(({ endNs }, n) => endNs === (n + 1) * step * NS_PER_SEC)).toBe(true);
  found.forEach(({ bytesPerSec }, n) => {
    const want = wanted[n];
    const isSame =
      want === null || bytesPerSec === null
        ? want === bytesPerSec
        : // The twin adds seconds, we add intervals: only rounding differs.
          Math.abs(bytesPerSec - want) <= 1e-9 * want + 1e-9;
    if (!isSame) expect.fail(`point ${n}: ${want} expected, ${bytesPerSec} found`);
  });
});

test('points that are all known have every byte', () => {
  const chance = new Prng(SEED);
  const points = new PrimaryPoints(60 * NS_PER_SEC, 0);
  let [atNs, bytes, told] = [0, 0, 0];
  const intervals = 1000;
  for (let n = 0; n < intervals; n++) {
    atNs += Math.floor(1 + chance.nextUnit() * 200) * NS_PER_SEC;
    const counted = Math.floor(chance.nextUnit() * 1e6);
    bytes += counted;
    for (const { bytesPerSec } of points.add(atNs, counted)) told += bytesPerSec! * 60;
  }
  for (const { bytesPerSec } of points.add(Math.ceil(atNs / 60e9) * 60e9, 0)) told += bytesPerSec! * 60;
  // Rounding of a thousand additions.
  expect(Math.abs(told - bytes)).toBeLessThan(1e-3);
});
