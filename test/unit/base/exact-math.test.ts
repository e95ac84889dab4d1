import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chanceStream, drawExponential, drawHeavyTailed, drawInteger } from '../../../src/base/chance.ts';
import { cubeRoot, naturalLog } from '../../../src/base/exact-math.ts';
import { Prng } from '../../../src/base/prng.ts';

const close = (got: number, wanted: number, relative: number): void =>
  expect(Math.abs(got - wanted)).toBeLessThanOrEqual(relative * Math.abs(wanted));

test('the logarithm is that of the library, to the last digits', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), (x) => {
      const wanted = Math.log(x);
      expect(Math.abs(naturalLog(x) - wanted)).toBeLessThanOrEqual(1e-15 + 1e-15 * Math.abs(wanted));
    }),
  );
  expect([naturalLog(1), naturalLog(2), naturalLog(0.5)]).toEqual([0, Math.LN2, -Math.LN2]);
});

test('the cube root is that of the library, of exact cubes exact', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (x) => {
      close(cubeRoot(x), Math.cbrt(x), 1e-15);
    }),
  );
  for (let n = -20; n <= 20; n++) close(cubeRoot(n * n * n), n, 3e-16);
  expect(cubeRoot(0)).toBe(0);
});

test('draws have the means and bounds they say', () => {
  const prng = new Prng(7);
  const n = 20_000;
  const mean = (draw: () => number): number =>
    Array.from({ length: n }, draw).reduce((sum, x) => sum + x, 0) / n;
  close(
    mean(() => drawExponential(prng, 50)),
    50,
    0.03,
  );
  const integers = Array.from({ length: n }, () => drawInteger(prng, 3, 5));
  expect([3, 4, 5].map((k) => integers.filter((i) => i === k).length).every((c) => c > n / 3.2)).toBe(true);
  const sizes = Array.from({ length: n }, () => drawHeavyTailed(prng, 100, 10_000));
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(100);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(10_000);
  // Half of all sizes lie below twice the least, nearly.
  close(sizes.filter((size) => size < 200).length, n / 2, 0.05);
});

test('streams differ by number and by seed, and repeat', () => {
  const first = (seed: number, index: number): number => chanceStream(seed, index).nextUint32();
  expect(first(1, 0)).toBe(first(1, 0));
  expect(new Set([first(1, 0), first(1, 1), first(2, 0), first(2 ** 40, 0)]).size).toBe(4);
});
