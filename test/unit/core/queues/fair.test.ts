import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { HeldFifos } from '../../../../src/core/packets/held-fifos.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { FairQueues } from '../../../../src/core/queues/fair.ts';
import { FairKeys } from '../../../../src/core/queues/fair-keys.ts';
import { HostLoads } from '../../../../src/core/queues/host-loads.ts';
import { leafKinds, QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { LEAF, LeafParts } from './leaf.ts';

const QUANTUM = 1514;
const MS = 1e6;
const CODEL = { targetNs: 5 * MS, intervalNs: 100 * MS, mtuBytes: 1500, ecn: false };

function make(codel: typeof CODEL | null = null) {
  const parts = new LeafParts({ discipline: 'fair', isolation: 'flow' });
  const { classes, held, flows } = parts;
  const kinds = leafKinds(classes).map((kind) => kind && { ...kind, quantumBytes: QUANTUM, codel });
  const sets = new QueueSets(kinds);
  const keys = new FairKeys(64, 1, 2, sets, held, flows, new HostLoads(1, 1, 2, flows));
  const doomed = new HeldFifos(1, held);
  const fair = new FairQueues(sets, held, keys, new AckFilter(classes, held), doomed);
  const push = (flow: number, lengthBytes: number): number => {
    const h = parts.packet(flow, lengthBytes);
    expect(fair.push(LEAF, h, 0)).toBe(true);
    return h;
  };
  return { ...parts, fair, doomed, push };
}

test('a new flow goes before those that have had their quantum', () => {
  const { fair, push } = make();
  const bulk = [1, 2, 3].map(() => push(1, 1514));
  expect(fair.shift(LEAF, 0)).toBe(bulk[0]);
  const fresh = push(2, 100);
  expect(fair.head(LEAF), 'and stays').toBe(fresh);
  expect([fair.shift(LEAF, 0), fair.shift(LEAF, 0), fair.shift(LEAF, 0)]).toEqual([fresh, bulk[1], bulk[2]]);
  expect(fair.isEmpty(LEAF)).toBe(true);
});

test('the longest queue is the victim; among short ones the longest of the next few', () => {
  const { fair, push } = make();
  expect(fair.longestQueue(LEAF)).toBe(NONE);
  push(1, 200);
  const longer = push(2, 300);
  expect(fair.longestQueue(LEAF)).toBe(fair.find(LEAF, longer));
  for (const _ of [1, 2]) push(3, 1500);
  const first = push(1, 1400);
  const q = fair.longestQueue(LEAF);
  expect([fair.waitingBytes(q), q === fair.find(LEAF, first)]).toEqual([3000, false]);
  expect([fair.canSpare(q, LEAF, 2, 3000), fair.canSpare(q, LEAF, 3, 0)]).toEqual([true, false]);
  fair.evict(LEAF, q, LEAF);
  expect(fair.waitingBytes(q)).toBe(1500);
});

test('CoDel drops into `doomed` and lets the packet behind go', () => {
  const { fair, held, doomed, push } = make(CODEL);
  const packets = [1, 2, 3, 4, 5].map(() => push(1, 1500));
  expect(fair.shift(LEAF, 20 * MS)).toBe(packets[0]);
  expect(fair.shift(LEAF, 120 * MS)).toBe(packets[2]);
  expect([doomed.shift(0), doomed.isEmpty(0)]).toEqual([packets[1], true]);
  expect(fair.waitingBytes(fair.find(LEAF, packets[3])), held.lengthBytes[packets[3]].toString()).toBe(3000);
});

test('shiftAny() takes a packet whatever CoDel would say', () => {
  const { fair, push } = make(CODEL);
  const packets = [1, 2, 3].map(() => push(1, 1500));
  expect(packets.map(() => fair.shiftAny(LEAF))).toEqual(packets);
  expect(fair.isEmpty(LEAF)).toBe(true);
});

test('two flows of unlike packets get the same bytes', () => {
  const { fair, held, push } = make();
  for (let n = 0; n < 4; n++) push(1, 1514);
  for (let n = 0; n < 32; n++) push(2, 200);
  const sent = new Map<number, number>();
  for (let n = 0; n < 20; n++) {
    const h = fair.shift(LEAF, 0);
    sent.set(held.flow[h], (sent.get(held.flow[h]) ?? 0) + held.lengthBytes[h]);
  }
  const [a, b] = [...sent.values()] as [number, number];
  expect(Math.abs(a - b)).toBeLessThanOrEqual(QUANTUM + 1514);
});
