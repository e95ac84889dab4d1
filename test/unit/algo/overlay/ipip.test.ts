import { expect, test } from 'vitest';
import {
  headerChecksum,
  lowerTtl,
  mendHeader,
  NO_TUNNEL,
  packetBytes,
  sourceOf,
  TUNNEL_BROKEN,
  TUNNEL_CONGESTED,
  TUNNEL_PIECE,
  unwrap,
  wrap,
  writeHeader,
} from '../../../../src/algo/overlay/ipip.ts';

const A = 0x0a000001;
const B = 0x0a000002;
const ENDS = { src: 0xc0000201, dst: 0xc6336401 };

function packet(tos = 0, length = 48, df = true): Uint8Array {
  const bytes = new Uint8Array(length).map((_, i) => i * 7);
  writeHeader(bytes, { tos, length, ident: 9, df, ttl: 61, protocol: 17 }, A, B);
  return bytes;
}

function wrapped(inner: Uint8Array): Uint8Array {
  const room = new Uint8Array(2000);
  return room.subarray(0, wrap(inner, room, ENDS, 7, 64));
}

test('invariant 1: what was wrapped comes out as it was, and the outer header sums to nothing', () => {
  for (const length of [20, 21, 48, 1480]) {
    for (const df of [true, false]) {
      const inner = packet(0xb8, length, df);
      const outer = wrapped(inner);
      expect([outer.length, headerChecksum(outer, 0, 20)]).toEqual([length + 20, 0]);
      expect([outer[1], outer[6], outer[8], outer[9]]).toEqual([0xb8, df ? 0x40 : 0, 64, 4]);
      const at = unwrap(outer);
      expect(outer.subarray(at, at + packetBytes(outer, at, outer.length - at))).toEqual(inner);
    }
  }
});

test('invariant 2: what stands behind the packet stays outside, and no room is overrun', () => {
  const padded = new Uint8Array(64);
  padded.set(packet(0, 48));
  padded.fill(0xee, 48);
  expect(wrapped(padded)).toEqual(wrapped(packet(0, 48)));
  expect(wrap(packet(0, 48), new Uint8Array(67), ENDS, 0, 64)).toBe(0);
  const longest = new Uint8Array(65_516);
  writeHeader(longest, { tos: 0, length: 65_516, ident: 0, df: true, ttl: 1, protocol: 17 }, A, B);
  expect(wrap(longest, new Uint8Array(70_000), ENDS, 0, 64)).toBe(0);
});

test('invariant 3: what is no IPv4 packet is refused', () => {
  const six = new Uint8Array(60).fill(0x60);
  const short = packet().subarray(0, 47);
  const small = packet();
  small[0] = 0x44;
  for (const bad of [six, short, small, new Uint8Array(0)]) {
    expect(wrap(bad, new Uint8Array(200), ENDS, 0, 64)).toBe(0);
    expect(unwrap(bad)).toBe(TUNNEL_BROKEN);
  }
  expect(unwrap(packet())).toBe(NO_TUNNEL);
});

test('a tunnel packet that is a fragment, is cut, or has nothing in it is told apart', () => {
  const piece = wrapped(packet());
  piece[6] = 0x20;
  mendHeader(piece, 0);
  expect(unwrap(piece)).toBe(TUNNEL_PIECE);
  const broken = wrapped(packet());
  broken[22] = 0xff;
  expect(unwrap(broken)).toBe(TUNNEL_BROKEN);
  const empty = new Uint8Array(20);
  writeHeader(empty, { tos: 0, length: 20, ident: 0, df: true, ttl: 9, protocol: 4 }, A, B);
  expect(unwrap(empty)).toBe(TUNNEL_BROKEN);
});

test('an outer header with options is longer than twenty bytes', () => {
  const plain = wrapped(packet());
  const withOptions = new Uint8Array(plain.length + 4);
  withOptions.set(plain.subarray(0, 20));
  withOptions.set([1, 1, 1, 0], 20);
  withOptions.set(plain.subarray(20), 24);
  withOptions[0] = 0x46;
  withOptions[3] = withOptions.length;
  mendHeader(withOptions, 0);
  expect(unwrap(withOptions)).toBe(24);
  expect(sourceOf(withOptions, 24)).toBe(A);
});

test('congestion in the tunnel reaches the inner header, with its checksum', () => {
  const outer = wrapped(packet(0x02));
  outer[1] = 0x03;
  mendHeader(outer, 0);
  const at = unwrap(outer);
  expect([outer[at + 1], headerChecksum(outer, at, 20)]).toEqual([0x03, 0]);
  const deaf = wrapped(packet(0));
  deaf[1] = 0x03;
  expect(unwrap(deaf)).toBe(TUNNEL_CONGESTED);
});

test('a router lowers the TTL, unless it is the last one', () => {
  const bytes = packet();
  expect(lowerTtl(bytes)).toBe(true);
  expect([bytes[8], headerChecksum(bytes, 0, 20)]).toEqual([60, 0]);
  bytes[8] = 1;
  expect([lowerTtl(bytes), bytes[8]]).toEqual([false, 1]);
});
