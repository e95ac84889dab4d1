import { expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.ts';

const first = (seed: number, count: number): number[] => {
  const prng = new Prng(seed);
  return Array.from({ length: count }, () => prng.nextUint32());
};

/** Computed apart, with PractRand's recurrence in integers modulo 2^32. */
test.each([
  [0, [3300212312, 1743954244, 207519241, 3716241083, 193275849]],
  [1, [2308299391, 1950625580, 354034397, 661219729, 2802375379]],
  [2 ** 32 + 5, [781919239, 4149851499, 2884951553, 1577648469, 547169109]],
])('seed %i gives the same words on every machine and in every version', (seed, words) => {
  expect(first(seed, 5)).toEqual(words);
});

test('all 53 bits of a seed count', () => {
  const seeds = [0, 1, 2, 0xffffffff, 0x100000000, 0x100000001, 2 ** 52, Number.MAX_SAFE_INTEGER];
  expect(new Set(seeds.map((seed) => first(seed, 2).join())).size).toBe(seeds.length);
});

test('neighbouring seeds have nothing in common', () => {
  const a = first(1000, 100);
  const b = first(1001, 100);
  const differing = a.reduce((sum, word, i) => sum + bitCount(word ^ b[i]), 0);
  // 3200 bits, half of them expected, deviation 28.
  expect(Math.abs(differing - 1600)).toBeLessThan(6 * 28);
});

test('nextUnit is nextUint32 scaled to [0, 1)', () => {
  const words = first(5, 1000);
  const prng = new Prng(5);
  for (const word of words) {
    const unit = prng.nextUnit();
    expect(unit * 2 ** 32).toBe(word);
    expect(unit).toBeLessThan(1);
  }
});

test('its bytes are uniform', () => {
  const prng = new Prng(6);
  const counts = new Uint32Array(256);
  for (let i = 0; i < 25_600; i++) {
    const word = prng.nextUint32();
    for (const shift of [0, 8, 16, 24]) counts[(word >>> shift) & 0xff]++;
  }
  const chiSquare = counts.reduce((sum, n) => sum + (n - 400) ** 2 / 400, 0);
  // 255 degrees of freedom: mean 255, deviation 23.
  expect(Math.abs(chiSquare - 255)).toBeLessThan(6 * 23);
});

function bitCount(word: number): number {
  let n = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) n++;
  return n;
}
