import { expect, test } from 'vitest';
import type { Isolation } from '../../../../src/algo/queues/host-isolation.ts';
import { NONE } from '../../../../src/base/none.ts';
import { FairKeys, HEAD, IDLE, STATE } from '../../../../src/core/queues/fair-keys.ts';
import { HostLoads } from '../../../../src/core/queues/host-loads.ts';
import { leafKinds, QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { FLOW_IDLE_NS } from '../../../../src/limits.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { LEAF, LeafParts } from './leaf.ts';

const BUSY = IDLE + 1;

function make(isolation: Isolation, rows = 8) {
  const parts = new LeafParts({ discipline: 'fair', isolation });
  const hosts = new HostLoads(64, 1, 2, parts.flows);
  const keys = new FairKeys(
    rows,
    1,
    2,
    new QueueSets(leafKinds(parts.classes)),
    parts.held,
    parts.flows,
    hosts,
  );
  const packet = (flow: number, host = 1): number => {
    const h = parts.packet(flow, 100);
    parts.held.flow[h] = parts.flow(flow, ipv4(10, 0, 0, host));
    return h;
  };
  return { ...parts, keys, packet };
}

test('a queue per flow: made once, found again by the flow and by its key', () => {
  const { keys, packet } = make('flow');
  expect(keys.find(LEAF, packet(1))).toBe(NONE);
  const q = keys.queueOf(LEAF, packet(1), 0);
  expect([keys.queueOf(LEAF, packet(1), 0), keys.find(LEAF, packet(1))]).toEqual([q, q]);
  expect(keys.queueOf(LEAF, packet(2), 0)).not.toBe(q);
  expect([keys.words[q + STATE], keys.words[q + HEAD]]).toEqual([IDLE, NONE]);
});

test('a queue per source: flows of a host share it, packets without a flow have one of their own', () => {
  const { keys, held, packet } = make('src');
  const q = keys.queueOf(LEAF, packet(1, 1), 0);
  expect(keys.queueOf(LEAF, packet(2, 1), 0)).toBe(q);
  expect(keys.queueOf(LEAF, packet(1, 2), 0)).not.toBe(q);
  const unknown = packet(1, 1);
  held.flow[unknown] = NONE;
  expect(keys.queueOf(LEAF, unknown, 0)).not.toBe(q);
});

test('the load is the number of busy queues of the host, where the isolation asks for it', () => {
  for (const [isolation, load] of [
    ['flow', 1],
    ['dual-src', 2],
    ['dual-dst', 3],
    ['triple', 3],
  ] as const) {
    const { keys, packet } = make(isolation);
    const [a, b, c] = [packet(1, 1), packet(2, 1), packet(3, 2)].map((h) => keys.queueOf(LEAF, h, 0));
    for (const q of [a, b, c]) keys.addBulk(q, 1);
    expect(keys.load(a), isolation).toBe(load);
    keys.addBulk(b, -1);
    keys.addBulk(c, -1);
    expect(keys.load(a), isolation).toBe(1);
  }
});

test('a full table makes room by forgetting idle queues only', () => {
  const { keys, packet } = make('flow', 2);
  const [a, b] = [1, 2].map((flow) => keys.queueOf(LEAF, packet(flow), 0));
  for (const q of [a, b]) keys.words[q + STATE] = BUSY;
  expect(keys.queueOf(LEAF, packet(3), 0)).toBe(NONE);
  keys.words[b + STATE] = IDLE;
  expect(keys.queueOf(LEAF, packet(3), 0)).toBe(b);
  expect(keys.find(LEAF, packet(2))).toBe(NONE);
  expect(keys.queueOf(LEAF, packet(1), 0), 'the flow remembers its queue').toBe(a);
});

test('a sweep forgets queues that have been idle for long, not those in use', () => {
  const { keys, packet } = make('flow');
  const [idle, busy] = [1, 2].map((flow) => keys.queueOf(LEAF, packet(flow), 0));
  keys.words[busy + STATE] = BUSY;
  for (let n = 1; n <= 8; n++) keys.sweep((n * FLOW_IDLE_NS) / 8);
  expect(keys.classId(idle), 'not yet').not.toBe(NONE);
  for (let n = 9; n <= 16; n++) keys.sweep((n * FLOW_IDLE_NS) / 8);
  expect([keys.classId(idle), keys.classId(busy)]).toEqual([NONE, keys.words[busy]]);
});
