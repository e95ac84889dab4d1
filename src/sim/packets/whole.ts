/** Whole packets, for who reads more of them than their headers. What nobody knows of their data is zero. */
import { CHECKSUM_AT, checksumOver, tcpChecksum } from '../../algo/pacing/checksum.ts';
import { IPPROTO_TCP, readHalf } from '../../packet/tcp-header.ts';

const IPV4_CHECKSUM_AT = 10;
const IPV6_BYTES = 40;

/**
 * The packet at `slab[at]`, of which `copiedBytes` are there, gets all its `lengthBytes` bytes, and
 * checksums of IPv4 and of TCP that are right for them. A packet that is there whole keeps a checksum
 * that it has.
 */
export function completePacket(slab: Uint8Array, at: number, copiedBytes: number, lengthBytes: number): void {
  const isCut = copiedBytes < lengthBytes;
  if (isCut) slab.fill(0, at + copiedBytes, at + lengthBytes);
  const isIpv4 = slab[at] >> 4 === 4;
  const ipBytes = isIpv4 ? (slab[at] & 15) * 4 : IPV6_BYTES;
  if (isIpv4 && readHalf(slab, at + IPV4_CHECKSUM_AT) === 0)
    writeHalf(slab, at + IPV4_CHECKSUM_AT, checksumOver(slab, at, at + ipBytes, 0));
  const isTcp = slab[at + (isIpv4 ? 9 : 6)] === IPPROTO_TCP && !(isIpv4 && isFragment(slab, at));
  const l4At = at + ipBytes;
  if (isCut && isTcp && ipBytes + CHECKSUM_AT + 2 <= copiedBytes)
    writeHalf(slab, l4At + CHECKSUM_AT, tcpChecksum(slab, at, l4At, at + lengthBytes));
}

function isFragment(slab: Uint8Array, at: number): boolean {
  return (readHalf(slab, at + 6) & 0x3fff) !== 0;
}

function writeHalf(slab: Uint8Array, at: number, value: number): void {
  slab[at] = value >> 8;
  slab[at + 1] = value & 0xff;
}
