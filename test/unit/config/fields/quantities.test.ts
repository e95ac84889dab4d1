/**
 * Numbers as text: the shortest form that is read as the same
 * number. test/property/config-write.test.ts has all forms.
 */
import { expect, it } from 'vitest';
import { fraction, integer, rateOrShare, size, time } from '../../../../src/config/fields/quantities.ts';

const about = { default: 'none', help: 'A test.' };

it.each([
  ['20mbit', '20mbit'],
  ['20 Mbit/s', '20mbit'],
  ['2.5MB/s', '20mbit'],
  ['1234567bit', '1234.567kbit'],
  ['80%', '80%'],
  ['33.30%', '33.3%'],
  ['0.07%', '0.07%'],
])('rate or share %s is written %s', (text, written) => {
  const field = rateOrShare(about);
  expect(field.write(field.read(text))).toBe(written);
});

it.each([
  ['1500B', '1.5kB'],
  ['64KiB', '65536B'],
  ['30000B', '30kB'],
  ['200 p', '200p'],
  ['0.05s', '50ms'],
  ['120s', '120s'],
])('size %s is written %s', (text, written) => {
  const field = size(about);
  expect(field.write(field.read(text))).toBe(written);
});

it.each([
  ['120s', '2m'],
  ['1500us', '1500us'],
  ['0.5ms', '500us'],
])('time %s is written %s', (text, written) => {
  const field = time({ ...about, min: 0, max: 1e15 });
  expect(field.write(field.read(text))).toBe(written);
});

it('a number is written in decimal, a fraction without a percent sign', () => {
  const whole = integer({ ...about, min: 0, max: 100 });
  expect(whole.write(whole.read('0x10'))).toBe('16');
  const part = fraction(about);
  expect(part.write(part.read('10%'))).toBe('0.1');
});
