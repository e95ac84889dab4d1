import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Matcher, type PacketContext } from '../../../../src/core/flows/matcher.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { IPPROTO_ICMP, IPPROTO_UDP, ipv4, type PacketShape } from '../../../../src/sim/packets/packets.ts';
import type { MatcherSpec, PrefixSpec } from '../../../../src/spec/spec.ts';
import { runs } from '../../../effort.ts';
import { parsedOf, unknownPacket } from '../rows.ts';

const SEED = 90;
const NO_CONTEXT: PacketContext = {
  foreignMark: 0,
  deviceIn: 0,
  deviceOut: 0,
  srcAddress: 0,
  dstAddress: 0,
  macHigh: 0,
  macLow: 0,
};
const DEVICES = ['', 'eth0', 'eth1', 'eth2'];

const V4: PacketShape = {
  src: ipv4(10, 0, 9, 4),
  dst: ipv4(192, 0, 2, 1),
  protocol: IPPROTO_TCP,
  sport: 40_000,
  dport: 443,
  dscp: 46,
};
const V6: PacketShape = { ...V4, src: [0xfd000001, 0, 0, 4], dst: [0x20010db8, 0, 0, 0x80000001] };

function matches(spec: MatcherSpec, shape: PacketShape, context: Partial<PacketContext> = {}): boolean {
  const matcher = new Matcher(spec, (name) => DEVICES.indexOf(name));
  return matcher.matches(parsedOf(shape), 0, { ...NO_CONTEXT, ...context });
}

const net4 = (bits: number, ...bytes: [number, number, number, number]): PrefixSpec => ({
  family: 4,
  words: [ipv4(...bytes), 0, 0, 0],
  bits,
});
const net6 = (bits: number, ...words: [number, number, number, number]): PrefixSpec => ({
  family: 6,
  words,
  bits,
});
const ports = (from: number, to = from) => [{ from, to }];

test('an empty matcher takes every packet, also one that nobody can parse', () => {
  expect(matches({}, V4)).toBe(true);
  expect(matches({}, V6)).toBe(true);
  expect(new Matcher({}, () => 0).matches(unknownPacket(), 0, NO_CONTEXT)).toBe(true);
});

describe('each field takes what it names and nothing else', () => {
  test.each<[string, MatcherSpec, boolean]>([
    ['proto', { proto: [IPPROTO_TCP] }, true],
    ['proto', { proto: [IPPROTO_UDP, IPPROTO_ICMP] }, false],
    ['src', { src: [net4(24, 10, 0, 9, 0)] }, true],
    ['src', { src: [net4(24, 192, 0, 2, 0)] }, false],
    ['dst', { dst: [net4(24, 192, 0, 2, 0)] }, true],
    ['dst', { dst: [net4(24, 10, 0, 9, 0)] }, false],
    ['host, by source', { host: [net4(32, 10, 0, 9, 4)] }, true],
    ['host, by destination', { host: [net4(32, 192, 0, 2, 1)] }, true],
    ['host', { host: [net4(32, 10, 0, 9, 5)] }, false],
    ['sport', { sport: ports(40_000) }, true],
    ['sport', { sport: ports(443) }, false],
    ['dport', { dport: ports(443) }, true],
    ['dport', { dport: ports(40_000) }, false],
    ['port, by source', { port: ports(40_000) }, true],
    ['port, by destination', { port: ports(443) }, true],
    ['port', { port: ports(80) }, false],
    ['dscp', { dscp: [46] }, true],
    ['dscp', { dscp: [0] }, false],
    ['mark', { mark: [{ value: 0x10, mask: 0xf0 }] }, true],
    ['mark', { mark: [{ value: 0x20, mask: 0xf0 }] }, false],
    ['iif', { iif: ['eth1'] }, true],
    ['iif', { iif: ['eth2'] }, false],
    ['oif', { oif: ['eth2'] }, true],
    ['oif', { oif: ['eth1'] }, false],
  ])('%s %j: %s', (_, spec, expected) => {
    expect(matches(spec, V4, { foreignMark: 0x15, deviceIn: 2, deviceOut: 3 })).toBe(expected);
  });
});

test('an entry of a list is enough, but every field must hold', () => {
  const spec: MatcherSpec = { proto: [IPPROTO_UDP, IPPROTO_TCP], dport: [...ports(80), ...ports(440, 450)] };
  expect(matches(spec, V4)).toBe(true);
  expect(matches({ ...spec, dscp: [0] }, V4)).toBe(false);
  expect(matches({ ...spec, dscp: [0, 46] }, V4)).toBe(true);
  expect(matches({ sport: ports(40_000), dport: ports(443) }, V4)).toBe(true);
  expect(matches({ sport: ports(40_000), dport: ports(444) }, V4)).toBe(false);
  expect(matches({ port: ports(443), sport: ports(443) }, V4)).toBe(false);
});

test('an empty list takes nothing', () => {
  expect(matches({ proto: [] }, V4)).toBe(false);
  expect(matches({ src: [] }, V4)).toBe(false);
  expect(matches({ iif: [] }, V4)).toBe(false);
});

test('port ranges include both ends', () => {
  const at = (port: number) => matches({ dport: ports(5060, 5090) }, { ...V4, dport: port });
  expect([5059, 5060, 5075, 5090, 5091].map(at)).toEqual([false, true, true, true, false]);
  expect(matches({ dport: ports(0, 65_535) }, { ...V4, dport: 0 })).toBe(true);
});

test('ports are only those of protocols that have ports: an ICMP echo id or a fragment is none', () => {
  expect(matches({ dport: ports(0, 65_535) }, { ...V4, protocol: IPPROTO_ICMP, sport: 443 })).toBe(false);
  expect(matches({ port: ports(443) }, { ...V4, protocol: IPPROTO_ICMP, sport: 443 })).toBe(false);
  const later = { id: 7, offsetBytes: 1480, more: true };
  expect(matches({ dport: ports(0, 65_535) }, { ...V4, fragment: later })).toBe(false);
  for (const protocol of [IPPROTO_UDP, 132, 136])
    expect(matches({ dport: ports(443) }, { ...V4, protocol })).toBe(true);
});

test('a prefix of one family never takes addresses of the other', () => {
  expect(matches({ src: [net6(0, 0, 0, 0, 0)] }, V4)).toBe(false);
  expect(matches({ src: [net4(0, 0, 0, 0, 0)] }, V6)).toBe(false);
  expect(matches({ src: [net4(0, 0, 0, 0, 0), net6(0, 0, 0, 0, 0)] }, V6)).toBe(true);
  const unknown = unknownPacket();
  for (const spec of [{ src: [net4(0, 0, 0, 0, 0)] }, { host: [net6(0, 0, 0, 0, 0)] }, { dscp: [0] }])
    expect(new Matcher(spec, () => 0).matches(unknown, 0, NO_CONTEXT)).toBe(false);
});

test('prefixes of any length take exactly the addresses that share so many bits', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const words = fc.tuple(word, word, word, word);
  fc.assert(
    fc.property(words, words, fc.nat(128), fc.boolean(), (prefix, other, bits, v6) => {
      const family = v6 ? 6 : 4;
      const length = v6 ? bits : bits % 33;
      const asBits = (list: readonly number[]): string =>
        list
          .slice(0, v6 ? 4 : 1)
          .map((w) => w.toString(2).padStart(32, '0'))
          .join('');
      // An address that shares the first `length` bits, and one that may not.
      const shared = asBits(prefix).slice(0, length) + asBits(other).slice(length);
      const address = [0, 32, 64, 96].map((at) => Number.parseInt(shared.slice(at, at + 32) || '0', 2));
      const spec: PrefixSpec = { family, words: prefix, bits: length };
      const shapeOf = (a: readonly number[]): PacketShape =>
        v6 ? { ...V6, src: a as [number, number, number, number] } : { ...V4, src: a[0] };
      expect(matches({ src: [spec] }, shapeOf(address))).toBe(true);
      const same = asBits(other).slice(0, length) === asBits(prefix).slice(0, length);
      expect(matches({ src: [spec] }, shapeOf(other))).toBe(same);
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});

test('every word of an IPv6 address counts', () => {
  const own = V6.src as [number, number, number, number];
  for (const family of ['src', 'host'] as const) {
    expect(matches({ [family]: [net6(128, ...own)] }, V6)).toBe(true);
    for (let w = 0; w < 4; w++) {
      const other: typeof own = [...own];
      other[w] ^= 1;
      expect(matches({ [family]: [net6(128, ...other)] }, V6), `word ${w}`).toBe(false);
    }
  }
});

test('bits of a prefix beyond its length are no condition', () => {
  expect(matches({ src: [net4(8, 10, 255, 255, 255)] }, V4)).toBe(true);
  expect(matches({ src: [net6(8, 0xfdffffff, 1, 2, 3)] }, V6)).toBe(true);
});

test('marks are compared under their mask, top bit included', () => {
  const mark = [{ value: 0x80000000, mask: 0x80000001 }];
  expect(matches({ mark }, V4, { foreignMark: 0x80000010 })).toBe(true);
  expect(matches({ mark }, V4, { foreignMark: 0x80000001 })).toBe(false);
  expect(matches({ mark }, V4, { foreignMark: 0x10 })).toBe(false);
  expect(matches({ mark: [{ value: 0, mask: 0xff }] }, V4)).toBe(true);
});

test('a packet from no known device is not from a named one', () => {
  expect(matches({ iif: ['eth0'] }, V4)).toBe(false);
  expect(matches({ oif: ['eth0', 'eth1', 'eth2'] }, V4)).toBe(false);
});
