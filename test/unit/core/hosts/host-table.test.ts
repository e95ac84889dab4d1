import { expect, test } from 'vitest';
import {
  DOWN_BYTES,
  HOST_ADDRESSES,
  HOST_FIRST_NS,
  HOST_LAST_NS,
  KIND_MAC,
  KIND_PORT,
  NOBODY,
  UP_BYTES,
} from '../../../../src/core/hosts/host-layout.ts';
import { ROOMS, tables } from './tables.ts';

test('a host is found by kind and key, and begins with nothing', () => {
  const { table } = tables();
  const host = table.make(KIND_MAC, 0x50, -7, 5);
  expect([table.find(KIND_MAC, 0x50, -7), table.find(KIND_PORT, 0x50, -7)]).toEqual([host, NOBODY]);
  table.floats[(host + UP_BYTES) >> 1] = 9;
  const generation = table.generation(host);
  table.forget(host);
  expect(table.generation(host)).toBe(0);
  const again = table.make(KIND_PORT, 3, 0, 5);
  expect([again, table.floats[(again + UP_BYTES) >> 1]]).toEqual([host, 0]);
  expect(table.generation(again)).not.toBe(generation);
});

test('counts are added, and the span in which both were seen', () => {
  const { table } = tables();
  const [one, other] = [table.make(KIND_MAC, 0, 1, 10), table.make(KIND_MAC, 0, 2, 20)];
  const { floats } = table;
  floats[(one + UP_BYTES) >> 1] = 1;
  floats[(one + DOWN_BYTES) >> 1] = 2;
  floats[(other + DOWN_BYTES) >> 1] = 40;
  floats[(one + HOST_LAST_NS) >> 1] = 15;
  table.addCounts(one, other);
  const read = (field: number): number => floats[(other + field) >> 1]!;
  expect([UP_BYTES, DOWN_BYTES, HOST_FIRST_NS, HOST_LAST_NS].map(read)).toEqual([1, 42, 10, 20]);
  // A maximum of the other one may be exceeded by now.
  expect(table.growthBytes).toBe(3);
});

test('in a full table the longest idle host without addresses makes room, and no other', () => {
  const { table, reader } = tables();
  const hosts = Array.from({ length: ROOMS.hosts - 1 }, (_, n) => table.make(KIND_MAC, 0, n, 100 + n));
  for (const host of hosts) table.words[host + HOST_ADDRESSES] = 1;
  expect(table.make(KIND_MAC, 1, 0, 0)).toBe(NOBODY);
  table.words[hosts[7]! + HOST_ADDRESSES] = 0;
  table.words[hosts[4]! + HOST_ADDRESSES] = 0;
  expect(table.make(KIND_MAC, 1, 0, 500)).toBe(hosts[4]);
  expect([table.find(KIND_MAC, 0, 4), reader.hostsForgotten]).toEqual([NOBODY, 1]);
});

test('a verdict is of the host in its row if that was there before, also where tags begin again', () => {
  const { table } = tables();
  for (const last of [0x7fffffff, 1000, 0x7ffffffe]) {
    table.lastTag = last;
    const host = table.make(KIND_MAC, 2, last, 0);
    const next = (last + 1) & 0x7fffffff;
    table.lastTag = (next + 5) & 0x7fffffff;
    expect([table.isAsOld(host, last), table.isAsOld(host, next)]).toEqual([false, true]);
    table.forget(host);
    expect(table.isAsOld(host, next)).toBe(false);
  }
});
