/** Packets and datagrams that are longer than the limit of their leaf. */
import { describe, expect, test } from 'vitest';
import { IPPROTO_UDP } from '../../src/sim/packets/packets.ts';
import type { QueueSpec } from '../../src/spec/spec.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { MS, SECOND, shaper, udp, up, World } from './world.ts';

/** 1 Mbit/s, with the limit and the CoDel that are the default there. */
const LINE = 125_000;
const LIMIT_BYTES = 30_000;
const CODEL = { targetNs: 18.168 * MS, intervalNs: 113.168 * MS };
const QUEUES: readonly [string, Partial<QueueSpec>][] = [
  ['fair with CoDel', { discipline: 'fair', isolation: 'dual-src', aqm: { kind: 'codel', codel: CODEL } }],
  ['fifo', { discipline: 'fifo' }],
  ['short-first', { discipline: 'short-first', shortBytes: 30_000 }],
];

function world(queue: Partial<QueueSpec>): World {
  const leaves = [{ name: 'default', queue, limitBytes: LIMIT_BYTES }];
  return new World(shaper({ wan: { up: { rate: LINE, burst: 3028, leaves } } }));
}

/** A datagram of `bytes` in fragments of 1500 bytes that come at once, as from a fast network. */
function fragments(timeNs: number, bytes: number, id: number, flow = 1): SimArrival[] {
  const all: SimArrival[] = [];
  for (let offsetBytes = 0; offsetBytes < bytes; offsetBytes += 1480) {
    const payload = Math.min(1480, bytes - offsetBytes);
    const fragment = { id, offsetBytes, more: offsetBytes + payload < bytes };
    all.push(up(timeNs, 20 + payload, { shape: { ...udp(flow), protocol: IPPROTO_UDP, fragment } }));
  }
  return all;
}

describe.each(QUEUES)('%s', (_, queue) => {
  test('a packet of 40 kB passes a limit of 30 kB', () => {
    const w = world(queue);
    w.inject([up(0, 40_000), up(SECOND, 40_000)]);
    w.run(10 * SECOND);
    expect(w.accepted().map(({ id }) => id)).toEqual([1, 2]);
  });

  test.each([40_000, 65_507 + 8])('a datagram of %i bytes in fragments does, again and again', (bytes) => {
    const w = world(queue);
    const count = Math.ceil(bytes / 1480);
    w.inject([...fragments(0, bytes, 7), ...fragments(SECOND, bytes, 8)]);
    w.run(10 * SECOND);
    expect(w.accepted().length).toBe(2 * count);
    expect(w.totals.droppedPackets).toBe(0);
    // The burst at once, the rest at the rate.
    const lastNs = w.acceptedNs()[count - 1]!;
    expect(lastNs).toBe((bytes + 20 * count - 3028) * 8000);
  });

  test('a second datagram while the first waits has the room that the limit leaves', () => {
    const w = world(queue);
    w.inject([...fragments(0, 40_000, 7), ...fragments(1, 40_000, 8, 2)]);
    w.run(0);
    const { backlog } = w.classOf('wan/up/default');
    expect(backlog).toBe(26);
    w.run(10 * SECOND);
    expect(w.totals.droppedPackets).toBeGreaterThan(20);
  });
});
