import { expect, it } from 'vitest';
import { printable } from '../../../src/base/printable.ts';

it.each([
  ['colours', 'a\x1b[31mb', 'a\\x1b[31mb'],
  ['an 8-bit control', 'a\x9b31m', 'a\\x9b31m'],
  ['a line that looks like ours', 'x\r\nshaper: ok', 'x\\x0d\\x0ashaper: ok'],
  ['reversed text', 'a\u202eb', 'a\\u{202e}b'],
  ['half a character', 'a\ud800', 'a\\u{d800}'],
  ['letters of any script', "grün 'ß' 漢字 😀", "grün 'ß' 漢字 😀"],
])('%s', (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});
