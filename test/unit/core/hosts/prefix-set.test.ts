import { expect, test } from 'vitest';
import { PrefixSet } from '../../../../src/core/hosts/prefix-set.ts';

test('an address is in a prefix of its family', () => {
  const set = new PrefixSet([
    { family: 4, words: [0x0a000000, 0, 0, 0], bits: 8 },
    { family: 6, words: [0x20010db8, 0, 0, 0], bits: 33 },
  ]);
  expect(set.has(4, 0x0affffff, 0, 0, 0)).toBe(true);
  expect(set.has(4, 0x0b000000, 0, 0, 0)).toBe(false);
  // As a signed word, too.
  expect(set.has(6, 0x20010db8 | 0, 0x7fffffff, -1, -1)).toBe(true);
  expect(set.has(6, 0x20010db8, 0x80000000, 0, 0)).toBe(false);
  expect(set.has(6, 0x0a000000, 0, 0, 0)).toBe(false);
  expect(set.has(0, 0x0a000000, 0, 0, 0)).toBe(false);
});
