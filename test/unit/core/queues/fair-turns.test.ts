import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { FairHosts } from '../../../../src/core/queues/fair-hosts.ts';
import {
  BULK,
  clearLists,
  DECAYING,
  HEAD,
  IDLE,
  isKnown,
  KNOWN,
  LIST_WORDS,
  NEW,
  NEW_BYTES,
  OTHER_HOST,
  stateOf,
} from '../../../../src/core/queues/fair-records.ts';
import { FairTurns } from '../../../../src/core/queues/fair-turns.ts';
import { LeafParts } from './leaf.ts';

const WORDS = 32;
const QUANTUM = 1500;
const m = (n: number): number => n * WORDS;

/** Turns of one group. Members have packets of one length; HEAD counts them, less one. */
function make(packetBytes = 1500) {
  const lists = new Int32Array(LIST_WORDS);
  clearLists(lists, 0);
  const floats = new Float64Array(32 * WORDS);
  const words = new Int32Array(floats.buffer);
  for (let n = 0; n < 64; n++) {
    words[m(n) + HEAD] = NONE;
    words[m(n) + OTHER_HOST] = NONE;
  }
  const { flows } = new LeafParts({ discipline: 'fair' });
  const turns = new FairTurns(lists, words, floats, new FairHosts(1, 1, 2, flows), false);
  const add = (n: number, packets = 1): void => {
    for (let i = 0; i < packets; i++) {
      words[m(n) + HEAD] += 1;
      turns.addBacklog(0, m(n), packetBytes);
      turns.join(0, m(n), QUANTUM);
    }
  };
  const serve = (bytes = packetBytes): number => {
    const at = turns.pick(0, QUANTUM);
    words[at + HEAD] -= 1;
    turns.addBacklog(0, at, -packetBytes);
    turns.charge(0, at, bytes);
    return at / WORDS;
  };
  return { turns, words, lists, add, serve, state: (n: number) => stateOf(words, m(n)) };
}

const times = (count: number, serve: () => number): number[] => Array.from({ length: count }, () => serve());

test('new members first, then the old ones in turn, and one that empties passes them once', () => {
  const { add, serve, state } = make();
  add(1, 3);
  add(2, 2);
  expect(times(3, serve)).toEqual([1, 2, 1]);
  add(3);
  expect(times(2, serve)).toEqual([3, 2]);
  expect([1, 2, 3].map(state)).toEqual([BULK, BULK, DECAYING]);
  add(3);
  expect(times(2, serve), 'in the place that it has among the old ones').toEqual([3, 1]);
});

test('a new member that empties with some of its quantum left is no new one until the old had their turn', () => {
  const { add, serve, state } = make(100);
  add(1, 40);
  expect(new Set(times(15, serve))).toEqual(new Set([1]));
  add(2);
  expect(times(2, serve)).toEqual([2, 1]);
  expect([1, 2].map(state)).toEqual([BULK, DECAYING]);
  add(2);
  expect(serve(), 'the turn of 1 is not over').toBe(1);
});

test('a flood of new members gets ahead by eight packets, then both kinds have the same bytes', () => {
  const { add, serve, lists } = make();
  add(1, 30);
  expect(serve()).toBe(1);
  for (let n = 2; n < 40; n++) add(n);
  const served = times(36, serve);
  const old = served.flatMap((n, at) => (n === 1 ? [at] : []));
  expect(old.slice(0, 4)).toEqual([9, 11, 13, 15]);
  expect(old.length).toBe(14);
  expect(lists[NEW_BYTES]).toBe(1500 * (38 - (36 - 14)));
});

test('a member that has sent sixteen packets goes before the new ones when it comes back', () => {
  const { add, serve, state, turns, words } = make();
  add(1, 16);
  times(16, serve);
  expect(isKnown(words, m(1))).toBe(true);
  turns.clear(0);
  for (const n of [2, 3]) add(n);
  add(1);
  expect([1, 2].map(state)).toEqual([KNOWN, NEW]);
  expect(times(3, serve)).toEqual([1, 2, 3]);
});

test('where no packet waits, turns pass until debts are paid', () => {
  const { add, serve, turns, state } = make();
  add(1, 2);
  add(2);
  times(3, serve);
  let passed = 0;
  while (turns.passTurn(0, QUANTUM)) passed++;
  expect([passed > 0, state(1), state(2)]).toEqual([true, IDLE, IDLE]);
});

test('the only member gets the quanta for a superpacket at once; two share by bytes', () => {
  const { add, serve } = make(64_000);
  add(1, 10);
  expect(times(2, serve)).toEqual([1, 1]);
  add(2, 10);
  const served = times(12, serve);
  // With the two before, seven each.
  expect(served.filter((n) => n === 1).length).toBe(5);
});

test('firstNew() passes members that were emptied', () => {
  const { add, serve, turns, state, words } = make();
  for (const n of [1, 2, 3]) add(n);
  words[m(1) + HEAD] = NONE;
  expect(turns.firstNew(0)).toBe(m(2));
  expect(state(1)).toBe(IDLE);
  expect(times(2, serve)).toEqual([2, 3]);
});
