import { expect, test } from 'vitest';
import { Attempts } from '../../../src/portal/attempts.ts';

test('an address is answered once a second, and asking too soon makes it no later', () => {
  const attempts = new Attempts();
  const at = (ms: number): number | null => attempts.take('10.0.0.7', ms);
  expect([at(0), at(1), at(999), at(1000), at(1500), at(2000)]).toEqual([0, 1, 1, 0, 1, 0]);
  expect(attempts.take('10.0.0.8', 1500)).toBe(0);
});

test('all addresses together get 200 answers a second', () => {
  const attempts = new Attempts();
  const answers = Array.from({ length: 1000 }, (_, i) => attempts.take(`10.0.${i >> 8}.${i & 255}`, i / 10));
  expect(answers.filter((wait) => wait === 0)).toHaveLength(200);
  expect(answers.filter((wait) => wait === null)).toHaveLength(800);
  expect(attempts.take('10.9.9.9', 1000)).toBe(0);
});

test('who asks too often is told so three times, and takes nothing from others', () => {
  const attempts = new Attempts();
  const answers = Array.from({ length: 5000 }, (_, i) => attempts.take('10.0.0.7', i / 5000));
  expect(answers.slice(0, 5)).toEqual([0, 1, 1, 1, null]);
  expect(answers.filter((wait) => wait === 1)).toHaveLength(3);
  expect(attempts.take('10.0.0.8', 1)).toBe(0);
  expect(attempts.take('10.0.0.7', 1000)).toBe(0);
});

test('what is remembered has a bound', () => {
  const attempts = new Attempts();
  // 100 a second over two minutes are more than the table has rows.
  const waits = Array.from({ length: 12_000 }, (_, i) => attempts.take(`address-${i}`, i * 10));
  expect(waits.every((wait) => wait === 0)).toBe(true);
  expect(attempts.take('address-11999', 12_000 * 10)).toBe(1);
});
