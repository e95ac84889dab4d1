import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { HeldFifos } from '../../../../src/core/packets/held-fifos.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { FairQueues } from '../../../../src/core/queues/fair.ts';
import { FairHosts } from '../../../../src/core/queues/fair-hosts.ts';
import { FairKeys } from '../../../../src/core/queues/fair-keys.ts';
import { payerWeight } from '../../../../src/core/queues/payer-weight.ts';
import { QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { LEAF, LeafParts } from './leaf.ts';

const QUANTUM = 1514;
const MS = 1e6;
const CODEL = { targetNs: 5 * MS, intervalNs: 100 * MS, mtuBytes: 1500, ecn: false };

function make(codel: typeof CODEL | null = null) {
  const parts = new LeafParts({ discipline: 'fair', isolation: 'flow' });
  const { classes, held, flows } = parts;
  const sets = QueueSets.ofLeaves(classes);
  sets.kinds = sets.kinds.map((kind) => kind && { ...kind, quantumBytes: QUANTUM, codel });
  const hosts = new FairHosts(1, 1, 2, flows);
  const keys = new FairKeys(64, 1, 2, sets, held, flows, hosts);
  const doomed = new HeldFifos(1, held);
  const fair = new FairQueues(sets, held, keys, hosts, new AckFilter(classes, held), doomed);
  const push = (flow: number, lengthBytes: number): number => {
    const h = parts.packet(flow, lengthBytes);
    expect(fair.push(LEAF, h, 0)).toBe(true);
    return h;
  };
  return { ...parts, packet: parts.packet.bind(parts), fair, doomed, push };
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

test('the longest queue pays for an arriving packet, from its head, and loses half of its bytes at once', () => {
  const { fair, push, ...parts } = make();
  expect(fair.findPayer(LEAF, NONE)).toBe(0);
  for (let n = 0; n < 6; n++) push(1, 1500);
  for (let n = 0; n < 2; n++) push(2, 1500);
  const arriving = parts.packet(2, 500);
  expect(fair.findPayer(LEAF, arriving)).toBe(payerWeight(9000, true));
  expect([fair.canSpare(LEAF, LEAF, 1, 9000), fair.canSpare(LEAF, LEAF, 7, 0)]).toEqual([true, false]);
  const first = fair.evict(LEAF, LEAF, true);
  const more = [1, 2, 3].map(() => fair.evict(LEAF, LEAF, false));
  expect([first, ...more].map((h) => h >= 0)).toEqual([true, true, true, false]);
  expect(fair.waitingBytes(fair.find(LEAF, first))).toBe(4500);
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
