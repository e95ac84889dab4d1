import { expect, test } from 'vitest';
import { hashKeys, hashWords } from '../../../src/base/hash.ts';
import { Prng } from '../../../src/base/prng.ts';

const SEED = 20;

function randomWords(prng: Prng, count: number): Int32Array {
  return Int32Array.from({ length: count }, () => prng.nextUint32());
}

/**
 * HalfSipHash-1-3 of the bytes 0, 1, 2 … under the key 00 01 02 … 07: the values that the kernel's own test
 * of hsiphash (lib/siphash_kunit.c, 32-bit) expects for 0, 4, 8, 12 and 16 bytes.
 */
test.each([
  [0, 0x5814c896],
  [1, 0x7e059ea6],
  [2, 0x577999b1],
  [3, 0x6b28096c],
  [4, 0x8b31d501],
])('the hash of %i words is the one the kernel computes', (count, expected) => {
  const words = new Int32Array(Uint8Array.from({ length: 16 }, (_, i) => i).buffer);
  expect(hashWords(0x03020100, 0x07060504, words, count) >>> 0).toBe(expected);
});

test('only the first `count` words matter, and how many they are', () => {
  const words = Int32Array.of(1, 2, 0, 0);
  const longer = Int32Array.of(1, 2, 9, 9);
  expect(hashWords(7, 8, longer, 2)).toBe(hashWords(7, 8, words, 2));
  expect(hashWords(7, 8, words, 3)).not.toBe(hashWords(7, 8, words, 2));
});

test('flipping any one bit of the words or of the key flips each bit of the hash half of the time', () => {
  const prng = new Prng(SEED);
  const TRIALS = 400;
  const INPUT_BITS = 6 * 32;
  for (let bit = 0; bit < INPUT_BITS; bit++) {
    const flips = new Uint32Array(32);
    for (let trial = 0; trial < TRIALS; trial++) {
      // Two key words, then four words of message.
      const input = randomWords(prng, 6);
      const before = hashWords(input[0], input[1], input.subarray(2), 4);
      input[bit >> 5] ^= 1 << (bit & 31);
      const difference = before ^ hashWords(input[0], input[1], input.subarray(2), 4);
      for (let out = 0; out < 32; out++) flips[out] += (difference >>> out) & 1;
    }
    // Binomial(400, 1/2) has a standard deviation of 10: 65 away happens once in 10^10.
    const farthest = Math.max(...flips.map((n) => Math.abs(n - TRIALS / 2)));
    expect(farthest, `seed ${SEED}, input bit ${bit}`).toBeLessThan(65);
  }
});

test('keys that collide under one secret do not collide under another', () => {
  const prng = new Prng(SEED);
  const slotOf = (key0: number, key1: number, words: Int32Array): number =>
    hashWords(key0, key1, words, 4) & 0xff;
  const aimed: Int32Array[] = [];
  while (aimed.length < 256) {
    const words = randomWords(prng, 4);
    if (slotOf(11, 12, words) === 5) aimed.push(words);
  }
  const slots = new Map<number, number>();
  for (const words of aimed) {
    const slot = slotOf(13, 14, words);
    slots.set(slot, (slots.get(slot) ?? 0) + 1);
  }
  // 256 balls into 256 slots: the fullest has four to six, ten would be one case in ten thousand.
  expect(Math.max(...slots.values()), `seed ${SEED}`).toBeLessThan(10);
});

test('pairs of words that differ only in their top bits spread as well as any', () => {
  // A hash without rotations maps a difference in the top bits of two words to the same few outputs.
  const prng = new Prng(SEED);
  const differences = new Set<number>();
  for (let trial = 0; trial < 2000; trial++) {
    const words = randomWords(prng, 4);
    const before = hashWords(1, 2, words, 4);
    words[0] ^= 0x80000000;
    words[1] ^= 0x80000000;
    differences.add(before ^ hashWords(1, 2, words, 4));
  }
  expect(differences.has(0), `seed ${SEED}`).toBe(false);
  // 2000 draws out of 2^32: even one repetition is a chance of one in two thousand.
  expect(differences.size, `seed ${SEED}`).toBeGreaterThan(1997);
});

test('addresses and ports as networks have them fill a table evenly', () => {
  const SLOTS = 1024;
  const load = new Uint32Array(SLOTS);
  const words = new Int32Array(4);
  for (let host = 0; host < 64; host++) {
    for (let port = 0; port < 256; port++) {
      words.set([0x0406, ((1024 + port) << 16) | 443, 0x0a000000 + host, 0xc0a80001]);
      load[hashWords(3, 4, words, 4) & (SLOTS - 1)]++;
    }
  }
  const mean = (64 * 256) / SLOTS;
  const chiSquare = load.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
  // 1023 degrees of freedom: mean 1023, deviation 45.
  expect(chiSquare).toBeGreaterThan(1023 - 6 * 45);
  expect(chiSquare).toBeLessThan(1023 + 6 * 45);
});

test('keys are those of a seed and a name, and no two of them are alike', () => {
  expect(hashKeys(2 ** 40 + 1, 'flows')).toEqual(hashKeys(2 ** 40 + 1, 'flows'));
  const all = [1, 2, 2 ** 40 + 1].flatMap((seed) => [...hashKeys(seed, 'flows'), ...hashKeys(seed, 'each')]);
  expect(new Set(all).size).toBe(12);
});
