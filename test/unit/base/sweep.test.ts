import { expect, test } from 'vitest';
import { KeyTable } from '../../../src/base/key-table.ts';
import { SweepingHand } from '../../../src/base/sweep.ts';

const IDLE_NS = 1000;

function tableOf(rows: number): KeyTable {
  const table = new KeyTable(64, 1, 0, 1, 2);
  for (let n = 0; n < rows; n++) {
    table.key[0] = n;
    table.insert(n);
  }
  return table;
}

test('the hand owes four rounds in the idle time, and nothing before one row is due', () => {
  const hand = new SweepingHand(tableOf(10), IDLE_NS, 100);
  expect(hand.rowsDue(24)).toBe(0);
  // What was not due counts on: 25 ns since the start are one of 40 rows in 1000 ns.
  expect(hand.rowsDue(25)).toBe(1);
  expect(hand.rowsDue(25)).toBe(0);
  expect(hand.rowsDue(25 + 100)).toBe(4);
});

test('at most so many rows a batch, and no row twice', () => {
  expect(new SweepingHand(tableOf(10), IDLE_NS, 3).rowsDue(IDLE_NS)).toBe(3);
  expect(new SweepingHand(tableOf(10), IDLE_NS, 100).rowsDue(IDLE_NS)).toBe(10);
});

test('an empty table owes nothing', () => {
  expect(new SweepingHand(tableOf(0), IDLE_NS, 3).rowsDue(IDLE_NS)).toBe(0);
});

test('the hand passes every row that was ever in use, again and again, and rows that come later', () => {
  const table = tableOf(3);
  const { stride } = table;
  const hand = new SweepingHand(table, IDLE_NS, 100);
  expect(Array.from({ length: 5 }, () => hand.next())).toEqual([1, 2, 0, 1, 2].map((n) => n * stride));
  table.key[0] = 9;
  table.insert(9);
  expect(Array.from({ length: 3 }, () => hand.next())).toEqual([3, 0, 1].map((n) => n * stride));
});
