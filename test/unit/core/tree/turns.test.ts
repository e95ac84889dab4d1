import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { SEND, WAIT } from '../../../../src/core/tree/class-buckets.ts';
import { nodeBefore, PRIORITIES, Turns } from '../../../../src/core/tree/turns.ts';
import { type ClassInput, shaper } from '../../../sim/world.ts';

const QUANTUM = 1514;
// Rows: 0 root, 1 inner, 2 a, 3 b, 4 inner/default, 5 default.
const [ROOT, INNER, A, B] = [0, 1, 2, 3];
const classes = listClasses(
  shaper({
    wan: {
      up: {
        rate: 1e6,
        burst: 1e4,
        leaves: [{ name: 'inner', classes: [{ name: 'a' }, { name: 'b', weight: 2 }] as ClassInput[] }],
      },
    },
  }),
);
const node = (c: number, prio = 0): number => c * PRIORITIES + prio;
const FEED = node(INNER);
const MODES = new Uint8Array(classes.length).fill(SEND);
const waiting = (...all: number[]): Uint8Array => MODES.map((mode, c) => (all.includes(c) ? WAIT : mode));

test('rows: the lowest level first, then the lowest priority number, then turns', () => {
  const turns = new Turns(classes);
  expect([turns.firstInRows(ROOT), turns.anyRow(ROOT)]).toEqual([NONE, false]);
  turns.joinRow(ROOT, 0);
  turns.joinRow(INNER, 3);
  turns.joinRow(INNER, 1);
  expect(turns.firstInRows(ROOT)).toBe(node(INNER, 1));
  turns.joinRow(A, 5);
  turns.joinRow(B, 5);
  expect(turns.firstInRows(ROOT)).toBe(node(A, 5));
  expect(turns.descend(node(A, 5), MODES)).toBe(A);
  turns.charge(100);
  expect(turns.firstInRows(ROOT)).toBe(node(B, 5));
  for (const [c, prio] of [
    [A, 5],
    [B, 5],
    [INNER, 1],
    [INNER, 3],
  ] as const)
    turns.leaveRow(c, prio);
  expect(turns.firstInRows(ROOT)).toBe(node(ROOT));
});

test('feeds: a turn is a quantum times the weight, a debt is paid by later turns', () => {
  const turns = new Turns(classes);
  turns.joinRow(INNER, 0);
  expect([turns.joinFeed(A, 0), turns.joinFeed(B, 0), turns.joinFeed(A, 0)]).toEqual([true, false, false]);
  const served: number[] = [];
  for (let n = 0; n < 6; n++) {
    served.push(turns.descend(FEED, MODES));
    turns.charge(QUANTUM);
  }
  expect(served).toEqual([A, B, B, A, B, B]);
});

test('a node that must wait is parked and comes back to the front, one that left to the back', () => {
  const turns = new Turns(classes);
  for (const c of [A, B]) turns.joinFeed(c, 0);
  expect(turns.descend(FEED, waiting(A))).toBe(B);
  turns.joinFeed(A, 0);
  expect(turns.descend(FEED, MODES)).toBe(A);
  expect(turns.leaveFeed(A, 0)).toBe(false);
  turns.joinFeed(A, 0);
  expect(turns.descend(FEED, MODES)).toBe(B);
  expect([turns.leaveFeed(A, 0), turns.leaveFeed(B, 0), turns.leaveFeed(B, 0)]).toEqual([false, true, false]);
});

test('the rest of a turn is forfeit when the packets end, and a new turn begins', () => {
  const turns = new Turns(classes);
  turns.joinRow(INNER, 0);
  turns.joinFeed(B, 0);
  turns.descend(FEED, MODES);
  turns.charge(2 * QUANTUM - 1);
  turns.leaveFeed(B, 0);
  for (const c of [B, A]) turns.joinFeed(c, 0);
  const served = [1, 2, 3].map(() => {
    const c = turns.descend(FEED, MODES);
    turns.charge(QUANTUM);
    return c;
  });
  expect(served).toEqual([B, B, A]);
});

test('where all must wait the emptied feed is told', () => {
  const turns = new Turns(classes);
  for (const c of [A, B]) turns.joinFeed(c, 0);
  expect(turns.descend(FEED, waiting(A, B))).toBe(~FEED);
});

test('a change keeps order, debts and places of classes whose parent stays', () => {
  const before = new Turns(classes);
  before.joinRow(INNER, 0);
  for (const c of [B, A]) before.joinFeed(c, 0);
  expect(before.descend(FEED, waiting(B))).toBe(A);
  before.charge(QUANTUM);
  const rows = Int32Array.from(classes, (_, row) => row);
  const change = {
    ...{ before: classes, classes, oldRow: rows, newRow: rows },
    ...{
      heir: Int16Array.from(rows),
      isReclassified: false,
      isRenumbered: false,
      left: new Set<number>(),
      nowNs: 0,
    },
  };
  expect([nodeBefore(change, node(A, 3)), nodeBefore(change, node(ROOT))]).toEqual([node(A, 3), NONE]);
  expect(nodeBefore({ ...change, oldRow: rows.map(() => NONE) }, node(A))).toBe(NONE);
  const after = new Turns(classes);
  expect(after.inheritPlace(before, node(A), node(A)), 'must join the feed').toBe(true);
  expect(after.inheritPlace(before, node(B), node(B)), 'parked').toBe(false);
  for (const c of [A, B]) {
    after.joinFeed(c, 0);
    after.inheritDeficit(before, node(c), node(c));
  }
  after.inheritOrder(before, change);
  // B is parked there and so in no list; A has had its turn.
  expect(after.descend(FEED, MODES)).toBe(B);
});
