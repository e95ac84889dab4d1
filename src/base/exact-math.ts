/**
 * Logarithm and cube root from additions, multiplications and divisions only. IEEE 754 fixes those to the
 * last bit, while Math.log, Math.cbrt, Math.pow may differ between engines and machines; the trace hash must
 * not. (Math.sqrt is exact.)
 */

/** Natural logarithm of a finite x > 0; relative error below 1e-15 away from 1. */
export function naturalLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  // Powers of two are exact; the mantissa ends in [1/sqrt 2, sqrt 2].
  while (mantissa > Math.SQRT2) {
    mantissa *= 0.5;
    exponent++;
  }
  while (mantissa < Math.SQRT2 / 2) {
    mantissa *= 2;
    exponent--;
  }
  // ln m = 2 artanh s, s = (m - 1) / (m + 1), |s| < 0.172: the term s^25 / 25 is below 1e-20.
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let odd = 23; odd >= 1; odd -= 2) sum = sum * square + 1 / odd;
  return exponent * Math.LN2 + 2 * s * sum;
}

/** Cube root of a finite x, by Newton's iteration from above. */
export function cubeRoot(x: number): number {
  if (x === 0) return 0;
  let mantissa = Math.abs(x);
  let scale = x < 0 ? -1 : 1;
  while (mantissa >= 8) {
    mantissa /= 8;
    scale *= 2;
  }
  while (mantissa < 1) {
    mantissa *= 8;
    scale /= 2;
  }
  // The chord from (1, 1) to (8, 2) lies at most 0.17 below the root; the first step overshoots, the rest
  // halve the digits left.
  let root = 1 + (mantissa - 1) / 7;
  for (let step = 0; step < 6; step++) root = (2 * root + mantissa / (root * root)) / 3;
  return scale * root;
}
