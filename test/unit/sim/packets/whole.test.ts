import { expect, test } from 'vitest';
import { checksumOver, tcpChecksum } from '../../../../src/algo/pacing/checksum.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { IPPROTO_UDP, ipv4, type PacketShape, writePacket } from '../../../../src/sim/packets/packets.ts';
import { completePacket } from '../../../../src/sim/packets/whole.ts';

const ENDS = { src: ipv4(10, 0, 0, 1), dst: ipv4(10, 0, 0, 2), sport: 1, dport: 2 };
const ENDS6 = { src: [1, 0, 0, 1], dst: [1, 0, 0, 2], sport: 1, dport: 2 } as const;

/** A packet of 101 bytes at place 7 of a slab that is full of old bytes. */
function complete(shape: PacketShape, lengthBytes = 101): { slab: Uint8Array; copiedBytes: number } {
  const slab = new Uint8Array(200).fill(0xaa);
  const copiedBytes = writePacket(slab, 7, shape, lengthBytes);
  completePacket(slab, 7, copiedBytes, lengthBytes);
  return { slab, copiedBytes };
}

test.each([
  ['IPv4', ENDS, 20],
  ['IPv6', ENDS6, 40],
] as const)('TCP over %s has zeros for data, and right checksums', (_, ends, ipBytes) => {
  const { slab, copiedBytes } = complete({ ...ends, protocol: IPPROTO_TCP });
  expect([...slab.subarray(7 + copiedBytes, 108)]).toEqual(Array(101 - copiedBytes).fill(0));
  expect(slab[108]).toBe(0xaa);
  if (ipBytes === 20) expect(checksumOver(slab, 7, 27, 0)).toBe(0);
  const at = 7 + ipBytes;
  expect((slab[at + 16]! << 8) | slab[at + 17]!).toBe(tcpChecksum(slab, 7, at, 108));
});

test('UDP stays without a checksum, and a fragment as it is', () => {
  const { slab } = complete({ ...ENDS, protocol: IPPROTO_UDP });
  expect([slab[33], slab[34]]).toEqual([0, 0]);
  const later = complete({
    ...ENDS,
    protocol: IPPROTO_TCP,
    fragment: { id: 1, offsetBytes: 80, more: false },
  });
  expect([...later.slab.subarray(27, 108)]).toEqual(Array(81).fill(0));
});

test('a packet that is there whole keeps its checksums', () => {
  const slab = new Uint8Array(60);
  writePacket(slab, 0, { ...ENDS, protocol: IPPROTO_TCP }, 40);
  slab.set([0x12, 0x34], 10);
  slab.set([0x56, 0x78], 36);
  completePacket(slab, 0, 40, 40);
  expect([slab[10], slab[11], slab[36], slab[37]]).toEqual([0x12, 0x34, 0x56, 0x78]);
});
