import { expect, test } from 'vitest';
import {
  ADDRESS_GENERATION,
  ADDRESS_HOST,
  HOST_FLAGS,
  HOST_MANY,
  KIND_MAC,
  NOBODY,
} from '../../../../src/core/hosts/host-layout.ts';
import { createAddressRecord, createHostRecord } from '../../../../src/core/hosts/host-reader.ts';
import { tables } from './tables.ts';

test('goes from row to row in use, up to what was settled', () => {
  const { table, reader } = tables();
  const rows = [1, 2, 3].map((n) => table.make(KIND_MAC, 0, n, 0));
  expect(reader.nextHost(NOBODY)).toBe(NOBODY);
  table.settle();
  table.forget(rows[1]!);
  const seen: number[] = [];
  for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row)) seen.push(row);
  expect(seen).toEqual([rows[0], rows[2]]);
  expect(reader.readHost(rows[1]!, createHostRecord())).toBe(false);
});

test('an address that is being made is not read', () => {
  const { addresses, reader } = tables();
  const a = addresses.make(6, 1, 2, 3, -4, 9);
  addresses.settle();
  expect(reader.nextAddress(NOBODY)).toBe(NOBODY);
  addresses.words[a + ADDRESS_HOST] = 64;
  addresses.begin(a);
  const record = createAddressRecord();
  expect([reader.nextAddress(NOBODY), reader.readAddress(a, record)]).toEqual([a, true]);
  expect(record).toMatchObject({
    row: a,
    generation: addresses.words[a + ADDRESS_GENERATION],
    family: 6,
    words: new Uint32Array([1, 2, 3, 0xfffffffc]),
    host: 64,
    lastNs: 9,
  });
});

test('words are unsigned, flags are told apart', () => {
  const { table, reader } = tables();
  const host = table.make(KIND_MAC, 0x0250, 0xdeadbeef | 0, 0);
  table.words[host + HOST_FLAGS] = HOST_MANY;
  const record = createHostRecord();
  expect(reader.readHost(host, record)).toBe(true);
  expect(record).toMatchObject({ key0: 0x0250, key1: 0xdeadbeef, isOwn: false });
});
