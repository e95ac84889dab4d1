import { expect, test } from 'vitest';
import {
  ADDRESS_HOST,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  NOBODY,
} from '../../../../src/core/hosts/host-layout.ts';
import type { PacketEnd } from '../../../../src/core/hosts/host-names.ts';
import { tables } from './tables.ts';

const MAC = { high: 0x0250, low: 0xdeadbeef };
const NAS = { name: 'nas', mac: null, address: { family: 4, words: [5, 0, 0, 0], bits: 32 } } as const;
const LAB = {
  name: 'lab',
  mac: null,
  address: { family: 4, words: [0x0a000000, 0, 0, 0], bits: 8 },
} as const;

const end = (address: number, w0: number, mac = { high: 0, low: 0 }): PacketEnd => {
  const { high: macHigh, low: macLow } = mac;
  return { address, family: 4, w0, w1: 0, w2: 0, w3: 0, macHigh, macLow };
};

function setUp() {
  const { addresses, names } = tables();
  const make = (n: number, host: number, mac = { high: 0, low: 0 }): number => {
    const a = addresses.make(4, n, 0, 0, 0, 0);
    addresses.words[a + ADDRESS_HOST] = host;
    addresses.words[a + ADDRESS_MAC_HIGH] = mac.high;
    addresses.words[a + ADDRESS_MAC_LOW] = mac.low;
    addresses.begin(a);
    return a;
  };
  return { names, make };
}

test('a MAC is that of the packet, or the one by which the address was seen', () => {
  const { names, make } = setUp();
  const a = make(1, 32, MAC);
  expect(names.hasMac(end(a, 1), [MAC])).toBe(true);
  expect(names.hasMac(end(make(2, 64), 2), [MAC])).toBe(false);
  expect(names.hasMac(end(NOBODY, 9, MAC), [{ high: 0, low: 1 }, MAC])).toBe(true);
});

test('a name stands for MACs, addresses, prefixes, and the host that has the address', () => {
  const { names, make } = setUp();
  names.set([NAS, LAB, { name: 'nas', mac: MAC, address: null }]);
  expect(names.hasName(end(NOBODY, 5), ['nas'])).toBe(true);
  expect(names.hasName(end(NOBODY, 6), ['nas', 'nobody'])).toBe(false);
  expect(names.hasName(end(NOBODY, 0x0a010203), ['lab'])).toBe(true);
  expect(names.hasName(end(NOBODY, 6, MAC), ['nas'])).toBe(true);
  const other = make(6, 32);
  expect(names.hasName(end(other, 6), ['nas'])).toBe(false);
  make(5, 32);
  expect(names.hasName(end(other, 6), ['nas'])).toBe(true);
});

test('a change matters only if a matcher asks for that MAC, or for a host that is concerned', () => {
  const { names, make } = setUp();
  names.set([NAS]);
  make(5, 32);
  expect([names.isAsked, names.matters(MAC.high, MAC.low | 0, 32)]).toEqual([false, false]);
  names.ask({ names: ['nas'], macs: [] });
  expect(names.isAsked).toBe(true);
  expect([names.matters(0, 0, 32), names.matters(0, 0, 64), names.matters(MAC.high, MAC.low, 64)]).toEqual([
    true,
    false,
    false,
  ]);
  names.ask({ names: [], macs: [MAC] });
  expect(names.matters(MAC.high, MAC.low | 0, NOBODY)).toBe(true);
});
