import { expect, test } from 'vitest';
import { InvariantError } from '../../../../src/base/assert.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { ARRIVAL_ROWS } from '../../../../src/limits.ts';

test('rows are handed out once each, and again when given back', () => {
  const held = new HeldTable(4);
  const rows = [held.take(), held.take(), held.take(), held.take()];
  expect(new Set(rows).size).toBe(4);
  expect(() => held.take()).toThrow(InvariantError);
});

test('given back rows are taken before the table grows', () => {
  const held = new HeldTable(3);
  const [a] = [held.take(), held.take()];
  held.give(a);
  expect(held.size).toBe(1);
  expect(held.take()).toBe(a);
});

test('giving back more than was taken is a broken invariant', () => {
  const held = new HeldTable(3);
  held.give(held.take());
  expect(() => held.give(0)).toThrow(InvariantError);
});

test('packets may wait while a whole batch still finds rows', () => {
  const held = new HeldTable(ARRIVAL_ROWS + 2);
  held.take();
  held.take();
  expect(held.mayWait()).toBe(true);
  held.take();
  expect(held.mayWait()).toBe(false);
});

test('the bound of waiting packets may rise, within the rows that there are, and does not fall', () => {
  const held = new HeldTable(ARRIVAL_ROWS + 3, 1);
  held.take();
  expect(held.mayWait()).toBe(true);
  held.take();
  expect(held.mayWait()).toBe(false);
  held.raiseBound(3);
  expect(held.mayWait()).toBe(true);
  held.raiseBound(1);
  expect(held.mayWait()).toBe(true);
  expect(() => held.raiseBound(4)).toThrow(InvariantError);
  expect(() => new HeldTable(ARRIVAL_ROWS, 1)).toThrow(InvariantError);
});
