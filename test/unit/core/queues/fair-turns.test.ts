import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { FairTurns, LEAF_WHEEL } from '../../../../src/core/queues/fair-turns.ts';

const WORDS = 32;
/** Turns of two leaves; queues are places of records. */
const make = () => new FairTurns(2, new Int32Array(64 * WORDS), LEAF_WHEEL);
const q = (n: number): number => n * WORDS;

/** Takes out all queues of leaf 0, in the order of their turns. */
function order(turns: FairTurns): number[] {
  const all: number[] = [];
  while (!turns.isEmpty(0)) {
    all.push(turns.next(0) / WORDS);
    turns.shift(0);
  }
  return all;
}

test('new queues first, then the old ones round by round, later arrivals at the back', () => {
  const turns = make();
  turns.joinRound(0, q(1), 1);
  turns.joinRound(0, q(2), 3);
  turns.joinRound(0, q(3), 1);
  turns.joinNew(0, q(4));
  turns.joinNew(0, q(5));
  expect([turns.isEmpty(1), turns.hasOld(0)]).toEqual([true, true]);
  expect(order(turns)).toEqual([4, 5, 1, 3, 2]);
  expect(turns.hasOld(0)).toBe(false);
});

test('shift() says whether the queue was a new one', () => {
  const turns = make();
  turns.joinNew(0, q(1));
  turns.joinRound(0, q(2), 1);
  turns.next(0);
  expect(turns.shift(0)).toBe(true);
  turns.next(0);
  expect(turns.shift(0)).toBe(false);
});

test('up to 127 rounds ahead a queue has its exact round, then the first round of its block', () => {
  const turns = make();
  expect(turns.joinRound(0, q(1), 127)).toBe(127);
  expect(turns.joinRound(0, q(2), 128)).toBe(128);
  expect(turns.joinRound(0, q(3), 200)).toBe(128);
  expect(turns.joinRound(0, q(4), 256)).toBe(256);
  expect(turns.joinRound(0, q(5), 1e6), 'as far as the wheel goes').toBe(15 * 128);
  expect(order(turns)).toEqual([1, 2, 3, 4, 5]);
});

test('in the middle of a block the distance counts from the present round', () => {
  const turns = make();
  turns.joinRound(0, q(1), 100);
  turns.next(0);
  turns.shift(0);
  expect(turns.joinRound(0, q(2), 130)).toBe(28);
  expect(turns.joinRound(0, q(3), 28)).toBe(28);
  // The list of the exact round goes first.
  expect(order(turns)).toEqual([3, 2]);
});

test('the wheel turns over: rounds go on after the last block', () => {
  const turns = make();
  for (let n = 0; n < 40; n++) {
    expect(turns.joinRound(0, q(1), 100)).toBe(100);
    expect(turns.joinRound(0, q(2), 101)).toBe(101);
    expect(order(turns)).toEqual([1, 2]);
  }
});

test('a change of leaves keeps lists and round of those that stay', () => {
  const turns = make();
  turns.joinRound(0, q(1), 5);
  turns.joinNew(0, q(2));
  turns.joinNew(1, q(3));
  turns.regroup(3, Int32Array.of(2, NONE));
  expect([turns.isEmpty(0), turns.isEmpty(1), turns.next(2)]).toEqual([true, true, q(2)]);
  turns.shift(2);
  expect(turns.next(2)).toBe(q(1));
});
