import { expect, test } from 'vitest';
import { nextGeneration } from '../../../../src/core/hosts/addresses.ts';
import { ADDRESS_GENERATION, ADDRESS_LAST_NS, NOBODY } from '../../../../src/core/hosts/host-layout.ts';
import { ROOMS, tables } from './tables.ts';

const SECOND = 1e9;

function filled() {
  const { addresses } = tables();
  const rows: number[] = [];
  for (let n = 1; addresses.hasRoom; n++) {
    rows.push(addresses.make(4, n, 0, 0, 0, 0));
    addresses.begin(rows.at(-1)!);
  }
  return { addresses, rows };
}

test('an address is found by family and words, and forgotten', () => {
  const { addresses } = tables();
  const four = addresses.make(4, 5, 0, 0, 0, 0);
  const six = addresses.make(6, 5, 0, 0, 0, 0);
  expect([addresses.find(4, 5, 0, 0, 0), addresses.find(6, 5, 0, 0, 0)]).toEqual([four, six]);
  expect(addresses.find(6, 5, 0, 0, 1)).toBe(NOBODY);
  expect([addresses.size, addresses.isUsed(four)]).toEqual([2, false]);
  addresses.begin(four);
  expect([addresses.isUsed(four), addresses.hasForgotten]).toEqual([true, false]);
  addresses.forget(four);
  expect([addresses.isUsed(four), addresses.hasForgotten, addresses.find(4, 5, 0, 0, 0)]).toEqual([
    false,
    true,
    NOBODY,
  ]);
});

test('row 0 is nobody’s, so there is room for one less', () => {
  const { addresses, rows } = filled();
  expect(rows).toHaveLength(ROOMS.addresses - 1);
  expect(rows).not.toContain(NOBODY);
  expect(addresses.isUsed(NOBODY)).toBe(false);
});

test('of addresses that were seen for a moment the longest idle makes room', () => {
  const { addresses, rows } = filled();
  for (const [n, a] of rows.entries()) addresses.floats[(a + ADDRESS_LAST_NS) >> 1] = n === 3 ? 1 : 1000;
  expect(addresses.forgettable(SECOND / 2)).toBe(rows[3]);
});

test('an address that was here for a while goes behind all others, and never within ten minutes', () => {
  const { addresses, rows } = filled();
  const seen = (n: number, atNs: number): void => {
    addresses.floats[(rows[n]! + ADDRESS_LAST_NS) >> 1] = atNs;
  };
  for (let n = 0; n < rows.length; n++) seen(n, 5 * SECOND);
  expect(addresses.forgettable(300 * SECOND)).toBe(NOBODY);
  // A search that found nothing is not repeated at once.
  seen(2, SECOND / 2);
  expect(addresses.forgettable(300 * SECOND)).toBe(NOBODY);
  expect(addresses.forgettable(300 * SECOND + 2e6)).toBe(rows[2]);
  seen(2, 6 * SECOND);
  seen(4, 4 * SECOND);
  expect(addresses.forgettable(700 * SECOND)).toBe(rows[4]);
});

test('what was seen in this batch stays', () => {
  const { addresses } = filled();
  expect(addresses.forgettable(0)).toBe(NOBODY);
});

test('the lowest 16 bits of a generation are never 0', () => {
  expect(nextGeneration(0xfffe)).toBe(0xffff);
  expect(nextGeneration(0xffff)).toBe(0x10001);
  expect(nextGeneration(-1)).toBe(1);
  const { addresses } = tables();
  const a = addresses.make(4, 1, 0, 0, 0, 0);
  addresses.begin(a);
  expect(addresses.words[a + ADDRESS_GENERATION]).toBe(1);
});
