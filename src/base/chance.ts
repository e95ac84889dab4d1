/**
 * Chance in the virtual world: one stream per purpose, so that the numbers drawn by one flow do not depend on
 * other flows or on the configuration under test. Two configurations compared with one seed meet the same
 * traffic.
 */

import { naturalLog } from './exact-math.ts';
import { Prng } from './prng.ts';

/** The stream of number `index` (below 2^20) of a run. */
export function chanceStream(seed: number, index: number): Prng {
  const folded = (seed ^ Math.floor(seed / 0x100000000)) >>> 0;
  return new Prng((index + 1) * 0x100000000 + folded);
}

/** Draws from the exponential distribution with this mean. */
export function drawExponential(prng: Prng, mean: number): number {
  return -mean * naturalLog((prng.nextUint32() + 1) / 0x100000000);
}

/** Draws a uniform integer in [from, to]. */
export function drawInteger(prng: Prng, from: number, to: number): number {
  return from + Math.floor(prng.nextUnit() * (to - from + 1));
}

/**
 * Draws a heavy-tailed size in [least, most]. The density falls with the square of the size (Pareto, shape
 * 1).
 */
export function drawHeavyTailed(prng: Prng, least: number, most: number): number {
  const unit = prng.nextUnit();
  return Math.floor(least / (1 - unit * (1 - least / most)));
}
