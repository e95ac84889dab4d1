/**
 * Queues of leaves by themselves: rows of a table, made on sight, at rest again when nothing waits; what
 * CoDel remembers.
 */
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { SetQueues } from '../../../../src/core/queues/set-queues.ts';
import type { AqmSpec, QueueSpec } from '../../../../src/spec/spec.ts';
import { MS, SECOND } from '../../../sim/world.ts';
import { LEAF, LeafParts } from './leaf.ts';

const ROWS = 32;

const CODEL: AqmSpec = { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } };

class Leaf extends LeafParts {
  readonly queues: SetQueues;

  constructor(queue: Partial<QueueSpec> = { discipline: 'fair', isolation: 'dual-src' }) {
    super(queue);
    const acks = new AckFilter(this.classes, this.held);
    this.queues = new SetQueues(
      ROWS,
      () => [3, 4],
      QueueSets.ofLeaves(this.classes),
      this.held,
      this.flows,
      acks,
    );
  }

  /** Whether there is a queue for a packet of the flow. */
  push(flow: number, lengthBytes: number, nowNs: number): boolean {
    const h = this.packet(flow, lengthBytes, nowNs);
    const isIn = this.queues.push(LEAF, h, nowNs);
    if (!isIn) this.held.give(h);
    return isIn;
  }

  shift(nowNs: number): void {
    this.held.give(this.queues.shift(LEAF, nowNs));
  }

  /** Packets that CoDel drops before it lets one go at `nowNs`. */
  drops(nowNs: number): number {
    this.shift(nowNs);
    let drops = 0;
    for (let h = this.queues.popDoomed(); h !== NONE; h = this.queues.popDoomed()) drops++;
    return drops;
  }

  sweep(nowNs: number): void {
    this.queues.sweep(nowNs);
  }
}

test('a leaf of short flows, one packet at a time, goes on finding queues when there were more flows than rows', () => {
  const leaf = new Leaf();
  // One that has used up its quantum is the first on the list of old queues.
  for (const _ of [1, 2]) leaf.push(0, 1500, 0);
  for (const _ of [1, 2]) leaf.shift(0);
  let refused = 0;
  for (let flow = 1; flow <= 10 * ROWS; flow++) {
    const nowNs = (flow * SECOND) / 100;
    if (leaf.push(flow, 80, nowNs)) leaf.shift(nowNs);
    else refused++;
    leaf.sweep(nowNs);
  }
  expect(refused).toBe(0);
});

test('while packets wait nobody loses the place of its queue to a sweep', () => {
  const leaf = new Leaf();
  for (let flow = 0; flow < ROWS; flow++) expect(leaf.push(flow, 80, 0)).toBe(true);
  for (let n = 0; n < 100; n++) leaf.sweep(n * SECOND);
  expect(leaf.push(ROWS, 80, 100 * SECOND)).toBe(false);
  for (let flow = 0; flow < ROWS; flow++) leaf.shift(100 * SECOND);
  leaf.sweep(100 * SECOND);
  expect(leaf.push(ROWS, 80, 101 * SECOND)).toBe(true);
});

test.each(['fair', 'short-first'] as const)(
  'a %s queue whose packets all had to make room is as good as new for CoDel',
  (discipline) => {
    const leaf = new Leaf({ discipline, isolation: 'flow', aqm: CODEL });
    for (const _ of [1, 2, 3, 4]) leaf.push(1, 1500, 0);
    // One that has waited too long, with more than a packet behind it.
    expect(leaf.drops(10 * MS)).toBe(0);
    leaf.queues.findPayer(LEAF, NONE);
    for (const _ of [1, 2, 3]) leaf.held.give(leaf.queues.evict(LEAF, LEAF, true));
    for (const _ of [1, 2, 3, 4]) leaf.push(1, 1500, SECOND);
    expect(leaf.drops(SECOND + 10 * MS)).toBe(0);
    // The next one found that the queue has stood for an interval.
    expect(leaf.drops(SECOND + 110 * MS)).toBe(1);
  },
);

test('a packet whose message was cut before its length has its turn in the long band of a short-first leaf', () => {
  const leaf = new Leaf({ discipline: 'short-first', shortBytes: 100 });
  leaf.push(1, 1000, 0);
  leaf.push(1, 0, 0);
  leaf.shift(0);
  expect(leaf.queues.isEmpty(LEAF)).toBe(false);
  leaf.shift(0);
  expect(leaf.queues.isEmpty(LEAF)).toBe(true);
  expect(leaf.held.size).toBe(0);
});
