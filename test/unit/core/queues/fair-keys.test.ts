import { expect, test } from 'vitest';
import type { Isolation } from '../../../../src/algo/queues/host-isolation.ts';
import { NONE } from '../../../../src/base/none.ts';
import { FairHosts } from '../../../../src/core/queues/fair-hosts.ts';
import { FairKeys } from '../../../../src/core/queues/fair-keys.ts';
import { HEAD, HOST, IDLE, OTHER_HOST, STATE } from '../../../../src/core/queues/fair-records.ts';
import { QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { FLOW_IDLE_NS } from '../../../../src/limits.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { LEAF, LeafParts } from './leaf.ts';

const BUSY = IDLE + 1;

function make(isolation: Isolation, rows = 8) {
  const parts = new LeafParts({ discipline: 'fair', isolation });
  const hosts = new FairHosts(64, 1, 2, parts.flows);
  const keys = new FairKeys(rows, 1, 2, QueueSets.ofLeaves(parts.classes), parts.held, parts.flows, hosts);
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

test.each([
  ['flow', [false, false]],
  ['dual-src', [true, false]],
  ['dual-dst', [true, false]],
  // In `up` the source is inside, so it is the host.
  ['triple', [true, true]],
] as const)('%s: whether queues have a host, and one at the other end', (isolation, has) => {
  const { keys, packet } = make(isolation);
  const [a, b, c] = [packet(1, 1), packet(2, 1), packet(3, 2)].map((h) => keys.queueOf(LEAF, h, 0)) as [
    ...[number, number, number],
  ];
  const host = (q: number): number => keys.words[q + HOST]!;
  const other = (q: number): number => keys.words[q + OTHER_HOST]!;
  expect([host(a) !== NONE, other(a) !== NONE]).toEqual(has);
  expect([host(b), other(b)], 'both ends are the same').toEqual([host(a), other(a)]);
  expect([host(c) === host(a), other(c)], 'another source').toEqual([
    isolation !== 'dual-src' && isolation !== 'triple',
    other(a),
  ]);
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
