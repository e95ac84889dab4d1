import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { GENERATION } from '../../../../src/core/flows/flow-layout.ts';
import { createFlowRecord, FlowReader, type FlowRecord } from '../../../../src/core/flows/flow-reader.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { DROP_AQM, DROP_POLICE, DROP_TAIL, Ledger } from '../../../../src/core/packets/ledger.ts';
import { FLOW_IDLE_NS } from '../../../../src/limits.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import type { PacketShape } from '../../../../src/sim/packets/packets.ts';
import { MS, SECOND, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';

const ROWS = 16;

function bench() {
  const held = new HeldTable(ROWS);
  const flows = new FlowTable(ROWS, 1, 2, new Ledger(4, held));
  const reader = new FlowReader(flows.buffer);
  return {
    flows,
    held,
    reader,
    hold: (f: number, lengthBytes: number): number => {
      const h = held.take();
      held.flow[h] = f;
      held.flags[h] = 0;
      held.lengthBytes[h] = lengthBytes;
      held.enter(h, 0, 0);
      return h;
    },
    find: (shape: PacketShape, nowNs = 0) => flows.findOrMake(parsedOf(shape), 0, nowNs),
    read: (f: number): FlowRecord | null => {
      const record = createFlowRecord();
      return reader.read(f, record) ? record : null;
    },
    rows: (): number[] => {
      const rows: number[] = [];
      for (let f = reader.next(NONE); f !== NONE; f = reader.next(f)) rows.push(f);
      return rows;
    },
  };
}

test('goes over the rows in use, those that were given back left out', () => {
  const { flows, find, rows, reader } = bench();
  expect(rows()).toEqual([]);
  const [a, b] = [find(udp(1), 0), find(udp(2), FLOW_IDLE_NS)];
  flows.settle();
  expect(rows()).toEqual([a, b]);
  expect(reader.size).toBe(2);
  for (let t = 0; t <= 1.5 * FLOW_IDLE_NS; t += SECOND) flows.sweep(t);
  expect(rows()).toEqual([b]);
});

test('a new flow: who it is, since when, and nothing else', () => {
  const { flows, find, read } = bench();
  flows.begin(70 * MS);
  const f = find(udp(7, { protocol: IPPROTO_TCP }), 70 * MS);
  expect(read(f)).toMatchObject({
    ...{ f, family: 4, protocol: IPPROTO_TCP, sport: 1007, dport: 5000, leaf: NONE, secondLeaf: NONE },
    ...{ src: Uint32Array.of(0x0a000001, 0, 0, 0), dst: Uint32Array.of(0xc0000201, 0, 0, 0) },
    ...{ receivedPackets: 0, sentPackets: 0, backlogPackets: 0, marked: 0, dropClass: NONE, eachClass: NONE },
    ...{ waitedNs: Number.NEGATIVE_INFINITY, eachNs: Number.NEGATIVE_INFINITY },
    ...{ dropNs: Number.NEGATIVE_INFINITY, lastNs: 70 * MS },
  });
  const { firstNs, waits } = read(f)!;
  // To the tick of 67 ms, and not later than its last packet.
  expect(firstNs).toBeGreaterThanOrEqual(67 * MS);
  expect(firstNs).toBeLessThanOrEqual(70 * MS);
  expect([...waits].every((count) => count === 0)).toBe(true);
});

test('an IPv6 flow has addresses of four words', () => {
  const { find, read } = bench();
  const record = read(find({ ...udp(1), src: [1, 2, 3, 0xffffffff], dst: [5, 6, 7, 8] }))!;
  expect([...record.src, ...record.dst, record.family]).toEqual([1, 2, 3, 0xffffffff, 5, 6, 7, 8, 6]);
});

test('packets that came, wait, were sent, dropped and marked', () => {
  const { flows, held, hold, find, read } = bench();
  const f = find(udp(1));
  flows.assign(f, 2, 3);
  const packets = [1000, 200, 30, 4].map((bytes) => {
    flows.packetHeld(f, bytes);
    return hold(f, bytes);
  });
  expect(read(f)).toMatchObject({ backlogPackets: 0, receivedPackets: 4, receivedBytes: 1234 });
  // All but one come to a queue, one of them to two.
  for (const h of [0, 2, 3, 2]) flows.packetWaits(held, packets[h]!);
  expect(read(f)).toMatchObject({ backlogPackets: 3, backlogBytes: 1034 });
  flows.verdictGiven(f, 1000, NONE);
  flows.measures.packetMarked(held, packets[0]!);
  flows.measures.packetDropped(f, 1, DROP_POLICE, 200);
  flows.verdictGiven(f, NONE, NONE);
  flows.settle();
  expect(read(f)).toMatchObject({
    ...{ leaf: 2, secondLeaf: 3, receivedPackets: 4, receivedBytes: 1234, sentPackets: 1, sentBytes: 1000 },
    ...{
      backlogPackets: 2,
      backlogBytes: 34,
      dropPolice: 1,
      dropTail: 0,
      marked: 1,
      dropClass: 1,
      dropReason: DROP_POLICE,
    },
  });
});

test('more bytes than 32 bits hold, sent and dropped', () => {
  const { flows, find, read } = bench();
  const f = find(udp(1));
  for (let n = 0; n < 5; n++) {
    for (const reason of [DROP_TAIL, NONE]) {
      flows.packetHeld(f, 0x7fffffff);
      if (reason !== NONE) flows.measures.packetDropped(f, 0, reason, 0x7fffffff);
      flows.verdictGiven(f, NONE, NONE);
    }
  }
  flows.settle();
  expect(read(f)).toMatchObject({ sentBytes: 5 * 0x7fffffff, backlogBytes: 0, dropTail: 5 });
});

test('the last wait, the last bucket and the last drop have their instants', () => {
  const { flows, held, hold, find, read } = bench();
  const f = find(udp(1));
  flows.begin(5 * SECOND);
  flows.measures.packetWaitsForEach(f, 3);
  flows.begin(7 * SECOND);
  flows.measures.packetDropped(f, 2, DROP_AQM, 100);
  flows.begin(9 * SECOND);
  flows.measures.packetWaited(held, hold(f, 100), 9 * SECOND);
  flows.settle();
  flows.begin(12.3456789 * SECOND);
  expect(read(f)).toMatchObject({
    ...{
      eachNs: 5 * SECOND,
      eachClass: 3,
      dropNs: 7 * SECOND,
      dropClass: 2,
      dropReason: DROP_AQM,
      waitedNs: 9 * SECOND,
    },
  });
});

test('instants are right where the milliseconds of 32 bits begin again', () => {
  const { flows, find, read } = bench();
  const f = find(udp(1));
  const again = 2 ** 32 * MS;
  flows.begin(again - 2 * SECOND);
  flows.measures.packetWaitsForEach(f, 3);
  flows.begin(again + SECOND);
  expect(read(f)!.eachNs).toBe(again - 2 * SECOND);
  // Millisecond 0 would be "never": the next one stands for it.
  flows.begin(again);
  flows.measures.packetWaitsForEach(f, 3);
  flows.begin(again + SECOND);
  expect(read(f)!.eachNs).toBe(again + MS);
});

test('classes that get other rows take the measures along, and tell readers', () => {
  const { flows, find, read, reader } = bench();
  const f = find(udp(1));
  flows.assign(f, 1, 2);
  flows.measures.packetWaitsForEach(f, 1);
  flows.measures.packetDropped(f, 2, DROP_AQM, 100);
  flows.renumber([0, 3, 1]);
  expect(read(f)).toMatchObject({ leaf: 3, secondLeaf: 1, eachClass: 3, dropClass: 1, dropReason: DROP_AQM });
  expect([flows.classChanges, reader.classChanges]).toEqual([1, 1]);
});

test('a row that passed to another flow has nothing of the flow before', () => {
  const { flows, held, hold, find, read } = bench();
  const first = find(udp(1), 0);
  flows.packetHeld(first, 100);
  flows.verdictGiven(first, NONE, NONE);
  flows.measures.packetDropped(first, 2, DROP_TAIL, 100);
  flows.measures.packetWaited(held, hold(first, 100), MS);
  flows.measures.packetMarked(held, hold(first, 100));
  const { generation } = read(first)!;
  for (let t = 0; t <= 2 * FLOW_IDLE_NS; t += SECOND) flows.sweep(t);
  expect(read(first)).toBe(null);
  const again = find(udp(2), 2 * FLOW_IDLE_NS);
  expect(again).toBe(first);
  const record = read(again)!;
  expect(record.generation).not.toBe(generation);
  expect(record).toMatchObject({ receivedPackets: 0, dropTail: 0, marked: 0, dropClass: NONE });
  expect(Math.max(...record.waits)).toBe(0);
});

test('a record that another flow takes while it is read is given up', () => {
  const { flows, find, reader } = bench();
  const f = find(udp(1));
  const words = new Int32Array(flows.buffer, 48);
  const record = createFlowRecord();
  // Each time that the reader comes to the family, another flow has begun in the row.
  Object.defineProperty(record, 'family', { set: () => Atomics.add(words, f + GENERATION, 1) });
  expect(reader.read(f, record)).toBe(false);
});
