/** The simulator's packets are what the parser says they are, and no longer than they claim. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBatch } from '../../../../src/packet/batch.ts';
import { createParsed, parseBatch } from '../../../../src/packet/parse.ts';
import { ipv4, type PacketShape, writePacket } from '../../../../src/sim/packets/packets.ts';
import { rowOf } from '../../packet/harness.ts';

const SEED = 130;
const word = fc.integer({ min: 0, max: 0xffffffff });
const words = fc.tuple(word, word, word, word);
const port = fc.integer({ min: 0, max: 65_535 });
const common = {
  protocol: fc.constantFrom(6, 17, 132, 136),
  sport: port,
  dport: port,
  dscp: fc.nat(63),
  ecn: fc.nat(3),
  tcpFlags: fc.nat(255),
};
const shape: fc.Arbitrary<PacketShape> = fc.oneof(
  fc.record({ src: word, dst: word, ...common }),
  fc.record({ src: words, dst: words, ...common }),
);

function parse(packet: PacketShape, lengthBytes: number): { row: ReturnType<typeof rowOf>; written: number } {
  const { arrivals } = createBatch();
  const slab = new Uint8Array(300).fill(0xee);
  const parsed = createParsed();
  const written = writePacket(slab, 50, packet, lengthBytes);
  arrivals.slabOffset[0] = 50;
  arrivals.copiedBytes[0] = written;
  parseBatch(arrivals, slab, 1, parsed);
  return { row: rowOf(parsed, 0), written };
}

test('what was asked for is what the parser reads', () => {
  fc.assert(
    fc.property(shape, (packet) => {
      const v6 = typeof packet.src !== 'number';
      const { row } = parse(packet, 1500);
      expect(row).toMatchObject({
        family: v6 ? 6 : 4,
        protocol: packet.protocol,
        src: v6 ? packet.src : [packet.src, 0, 0, 0],
        dst: v6 ? packet.dst : [packet.dst, 0, 0, 0],
        sport: packet.sport,
        dport: packet.dport,
        hasPorts: 1,
        dscp: packet.dscp,
        ecn: packet.ecn,
        tcpFlags: packet.protocol === 6 ? packet.tcpFlags : 0,
        fragment: 0,
      });
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('ICMP carries its type and, for echoes, the id', () => {
  const icmp: PacketShape = { src: 1, dst: 2, protocol: 1, sport: 77 };
  expect(parse({ ...icmp, icmpType: 8 }, 100).row).toMatchObject({ sport: 77, hasPorts: 0, icmpError: 0 });
  expect(parse({ ...icmp, icmpType: 3 }, 100).row).toMatchObject({ icmpError: 1 });
  const v6: PacketShape = { src: [1, 2, 3, 4], dst: [4, 3, 2, 1], protocol: 58, icmpType: 2 };
  expect(parse(v6, 100).row).toMatchObject({ protocol: 58, icmpError: 1 });
});

test('a first fragment has ports, a later one none; both have the id', () => {
  for (const [src, dst] of [
    [1, 2],
    [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ],
  ] as [PacketShape['src'], PacketShape['dst']][]) {
    const packet: PacketShape = { src, dst, protocol: 17, sport: 5, dport: 6 };
    const first = parse({ ...packet, fragment: { id: 0x1234, offsetBytes: 0, more: true } }, 1500).row;
    const later = parse({ ...packet, fragment: { id: 0x1234, offsetBytes: 1480, more: false } }, 1500).row;
    expect(first).toMatchObject({ fragment: 1, fragmentId: 0x1234, hasPorts: 1, dport: 6 });
    expect(later).toMatchObject({ fragment: 2, fragmentId: 0x1234, hasPorts: 0, protocol: 17 });
  }
});

test('a packet shorter than its headers is cut, not padded', () => {
  for (const lengthBytes of [1, 20, 24, 28])
    expect(parse({ src: 1, dst: 2, protocol: 17 }, lengthBytes).written).toBe(Math.min(28, lengthBytes));
});

test('a superpacket claims the most that its length field holds', () => {
  expect(parse({ src: 1, dst: 2, protocol: 6 }, 70_000).row).toMatchObject({ family: 4, protocol: 6 });
});

test('ipv4 builds addresses as unsigned numbers', () => {
  expect(ipv4(192, 0, 2, 1)).toBe(0xc0000201);
  expect(ipv4(10, 0, 0, 1)).toBe(0x0a000001);
});
