import { expect, test } from 'vitest';
import { prefixMasks, wordMask } from '../../../src/base/prefix.ts';

test.each([
  [-1, 0],
  [0, 0],
  [1, 0x80000000],
  [31, 0xfffffffe],
  [32, 0xffffffff],
  [33, 0xffffffff],
])('the first %d bits of a word', (bits, mask) => {
  expect(wordMask(bits)).toBe(mask);
});

test.each([0, 1, 31, 32, 33, 56, 64, 65, 96, 127, 128])('a prefix of %d bits', (bits) => {
  const text = prefixMasks(bits).map((mask) => mask.toString(2).padStart(32, '0'));
  expect(text.join('')).toBe('1'.repeat(bits).padEnd(128, '0'));
});
