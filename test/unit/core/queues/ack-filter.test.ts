import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { HeldFifos } from '../../../../src/core/packets/held-fifos.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { createBatch } from '../../../../src/packet/batch.ts';
import { createParsed, parseBatch } from '../../../../src/packet/parse.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { writePacket } from '../../../../src/sim/packets/packets.ts';
import { udp } from '../../../sim/world.ts';
import { classesOf, LeafParts } from './leaf.ts';

const FAIR = { discipline: 'fair', ackFilter: true } as const;

function make() {
  const parts = new LeafParts(FAIR);
  const acks = new AckFilter(parts.classes, parts.held);
  const fifo = new HeldFifos(1, parts.held);
  /** A pure ACK of one connection joins the queue. */
  const push = (tcpAck: number): number => {
    const { arrivals } = createBatch();
    const slab = new Uint8Array(128);
    const parsed = createParsed();
    const shape = udp(1, { protocol: IPPROTO_TCP, tcpFlags: 0x10, tcpAck });
    arrivals.copiedBytes[0] = writePacket(slab, 0, shape, 40);
    arrivals.lengthBytes[0] = 40;
    parseBatch(arrivals, slab, 1, parsed);
    const h = parts.packet(1, 40);
    parts.held.nextLeaf[h] = NONE;
    if (acks.isUsed) acks.read(arrivals, slab, parsed, 0, h);
    fifo.push(0, h);
    return h;
  };
  return { acks, push, head: () => fifo.head[0] as number };
}

test('the third ACK makes the first redundant', () => {
  const { acks, push, head } = make();
  const first = push(100);
  expect(acks.isAckRedundant(head(), push(200))).toBe(false);
  expect(acks.isAckRedundant(head(), push(300))).toBe(true);
  expect(acks.lastFound).toEqual({ row: first, before: NONE });
});

test('a packet that moved to another queue makes nothing redundant', () => {
  const { acks, push, head } = make();
  push(100);
  push(200);
  const third = push(300);
  acks.forget(third);
  expect(acks.isAckRedundant(head(), third)).toBe(false);
});

test('without a leaf that has the filter nothing is read, and packets of that time are never redundant', () => {
  const { acks, push, head } = make();
  acks.regroup(classesOf({ discipline: 'fair' }));
  expect(acks.isUsed).toBe(false);
  for (const ack of [100, 200]) push(ack);
  acks.regroup(classesOf(FAIR));
  expect(acks.isUsed).toBe(true);
  expect(acks.isAckRedundant(head(), push(300))).toBe(false);
});
