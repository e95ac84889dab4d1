import { expect, it } from 'vitest';
import { addressText } from '../../../src/packet/address-text.ts';

it.each([
  [4, [0x7f000001], '127.0.0.1'],
  [4, [0xffffffff], '255.255.255.255'],
  [6, [0, 0, 0, 0], '::'],
  [6, [0, 0, 0, 1], '::1'],
  [6, [0x20010db8, 0, 0, 0x10000], '2001:db8::1:0'],
  [6, [0x20010db8, 1, 0x00010001, 1], '2001:db8:0:1:1:1:0:1'],
  [6, [0x00010000, 0, 0x00010000, 0], '1::1:0:0:0'],
])('%d %j: %s', (family, words, text) => {
  expect(addressText(family, words)).toBe(text);
});
