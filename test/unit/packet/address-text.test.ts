import { expect, it } from 'vitest';
import { addressText, addressWordsOf } from '../../../src/packet/address-text.ts';

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

it.each([
  ['127.0.0.1', [0x7f000001]],
  ['255.255.255.255', [0xffffffff]],
  ['::', [0, 0, 0, 0]],
  ['::1', [0, 0, 0, 1]],
  ['2001:db8::1:0', [0x20010db8, 0, 0, 0x10000]],
  ['2001:DB8:0:1:1:1:0:1', [0x20010db8, 1, 0x00010001, 1]],
  ['fe80::', [0xfe800000, 0, 0, 0]],
  ['::ffff:192.0.2.1', [0, 0, 0xffff, 0xc0000201]],
])('%s: %j', (text, words) => {
  expect(addressWordsOf(text)).toEqual(words);
});

it.each([
  '',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4.5',
  '010.1.1.1',
  '10.1.1.00',
  '::ffff:10.01.1.1',
  'a.b.c.d',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3',
  '12345::',
  'g::',
])('%j is no address', (text) => {
  expect(addressWordsOf(text)).toBeNull();
});
