/**
 * Chance in the virtual world: one stream per purpose, so that what one flow draws does not depend on what
 * others do or on the configuration under test. Two configurations compared with one seed meet the same
 * traffic.
 */

import { naturalLog } from './exact-math.ts';
import { Prng } from './prng.ts';

/** The stream of number `index` (below 2^20) of a run. */
export function chanceStream(seed: number, index: number): Prng {
  const folded = (seed ^ Math.floor(seed / 0x100000000)) >>> 0;
  return new Prng((index + 1) * 0x100000000 + folded);
}

/** Exponentially distributed with this mean. */
export function drawExponential(prng: Prng, mean: number): number {
  return -mean * naturalLog((prng.nextUint32() + 1) / 0x100000000);
}

/** Uniform integer in [from, to]. */
export function drawInteger(prng: Prng, from: number, to: number): number {
  return from + Math.floor(prng.nextUnit() * (to - from + 1));
}

/** Heavy-tailed size: density falls with the square of the size (Pareto, shape 1), cut to [least, most]. */
export function drawHeavyTailed(prng: Prng, least: number, most: number): number {
  const unit = prng.nextUnit();
  return Math.floor(least / (1 - unit * (1 - least / most)));
}
