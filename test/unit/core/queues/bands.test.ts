import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { Bands } from '../../../../src/core/queues/bands.ts';
import { QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import type { QueueSpec } from '../../../../src/spec/spec.ts';
import { classesOf, LEAF, LeafParts } from './leaf.ts';

const SHORT_FIRST = { discipline: 'short-first', shortBytes: 3000 } as const;

function leafOf(queue: Partial<QueueSpec>) {
  const parts = new LeafParts(queue);
  const bands = new Bands(QueueSets.ofLeaves(parts.classes), parts.held, parts.flows);
  const push = (flow: number, lengthBytes: number): number => {
    const h = parts.packet(flow, lengthBytes);
    bands.push(LEAF, h);
    return h;
  };
  const shift = (): number => {
    const band = bands.next(LEAF);
    const h = bands.take(band);
    bands.sent(band, h);
    return h;
  };
  return { ...parts, parts, bands, push, shift };
}

test('a fifo has one band, serves in order of arrival and evicts nothing', () => {
  const { bands, push, shift } = leafOf({ discipline: 'fifo' });
  const packets = [push(1, 1500), push(2, 100), push(1, 1500)];
  expect([bands.victimOf(LEAF, packets[0]), bands.longestVictim(LEAF)]).toEqual([NONE, NONE]);
  expect([shift(), shift(), shift()]).toEqual(packets);
  expect(bands.isEmpty(LEAF)).toBe(true);
});

test('a flow is short for its first bytes; short packets go first, but one in four is long', () => {
  const { bands, push, shift } = leafOf(SHORT_FIRST);
  const early = [push(1, 1500), push(1, 1500)];
  const long = [push(1, 1500), push(1, 1500)];
  const short = [push(2, 1500), push(2, 1500), push(3, 1500), push(3, 1500)];
  expect(bands.victimOf(LEAF, long[0])).toBe(2 * LEAF + 1);
  // The two early packets of the long flow go first, though they put the short band into debt.
  expect(Array.from({ length: 8 }, shift)).toEqual([
    ...early,
    short[0],
    long[0],
    short[1],
    short[2],
    short[3],
    long[1],
  ]);
});

test('a long packet overtakes no short packet that came before it, whatever it is owed', () => {
  const { push, shift } = leafOf(SHORT_FIRST);
  const short = [2, 2, 3, 3, 1, 1].map((flow) => push(flow, 1500));
  const long = push(1, 1500);
  expect(Array.from({ length: 7 }, shift)).toEqual([...short, long]);
});

test('the longer band is the victim, and loses its first packet that may be dropped', () => {
  const { bands, held, push } = leafOf(SHORT_FIRST);
  const first = push(1, 3000);
  push(1, 500);
  expect(bands.longestVictim(LEAF)).toBe(2 * LEAF);
  const long = push(1, 6000);
  expect(bands.longestVictim(LEAF)).toBe(2 * LEAF + 1);
  expect([bands.canSpare(2 * LEAF + 1, LEAF, 2, 6500), bands.canSpare(2 * LEAF + 1, LEAF, 2, 6501)]).toEqual([
    true,
    false,
  ]);
  expect(held.lengthBytes[bands.evict(2 * LEAF + 1, LEAF)]).toBe(500);
  expect([bands.backlogBytes(2 * LEAF + 1), bands.head(2 * LEAF + 1), bands.head(2 * LEAF)]).toEqual([
    6000,
    long,
    first,
  ]);
});

test('after an increase of shortBytes the old threshold applies until the long band drains', () => {
  const { bands, parts, push } = leafOf(SHORT_FIRST);
  for (const _ of [1, 2, 3]) push(1, 1500);
  const classes = classesOf({ ...SHORT_FIRST, shortBytes: 9000 });
  const rows = Int32Array.from(classes, (_, row) => row);
  const both = { before: parts.classes, classes, oldRow: rows, newRow: rows };
  const after = new Bands(QueueSets.ofLeaves(classes), parts.held, parts.flows);
  const mover = { settle: (h: number) => parts.held.leaf[h] as number, move: () => expect.unreachable() };
  after.inherit(
    bands,
    {
      ...both,
      heir: Int16Array.from(rows),
      isReclassified: false,
      isRenumbered: false,
      left: new Set<number>(),
      nowNs: 0,
    },
    mover,
  );
  const next = parts.packet(1, 1500);
  expect(after.victimOf(LEAF, next), 'behind the long packet of its flow').toBe(2 * LEAF + 1);
  after.take(2 * LEAF + 1);
  after.push(LEAF, next);
  expect(after.backlogBytes(2 * LEAF), 'three short packets of 1500 bytes').toBe(4500);
});
