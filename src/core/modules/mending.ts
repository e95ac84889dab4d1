/**
 * Headers of a packet are changed in place, and its checksums follow: by the difference where one field has
 * changed (RFC 1624), or made anew.
 *
 *   IPv4           its own header
 *   TCP, UDP       everything behind the IP header, and addresses, protocol and length (the pseudo header)
 *   UDP-Lite       the same, but only as much of it as its header says (RFC 3828, 3.1)
 *   ICMP           everything behind the IP header
 *   ICMPv6         the same with the pseudo header (RFC 8200, 8.1)
 *   SCTP           a CRC32c over everything behind the IP header (RFC 9260, 6.8): made anew every time
 *
 * UDP without a checksum (0) stays without one.
 */
import { checksumAfter, checksumOver } from '../../algo/pacing/checksum.ts';
import { NONE } from '../../base/none.ts';
import { IPPROTO_TCP, readHalf } from '../../packet/tcp-header.ts';

const IPPROTO_ICMP = 1;
export const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;
const IPPROTO_UDPLITE = 136;

/** Place of the checksum in the header of IPv4 (RFC 791, 3.1). */
export const IPV4_CHECKSUM_AT = 10;
const SCTP_CHECKSUM_AT = 8;
const UDPLITE_COVERAGE_AT = 4;

/** Place of the checksum in a transport header; 0: the protocol has none that is a sum. */
export function checksumPlace(protocol: number): number {
  if (protocol === IPPROTO_TCP) return 16;
  if (protocol === IPPROTO_UDP || protocol === IPPROTO_UDPLITE) return 6;
  return protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6 ? 2 : 0;
}

/** Whether the checksum covers addresses. */
export function hasPseudoHeader(protocol: number): boolean {
  return protocol !== IPPROTO_ICMP && checksumPlace(protocol) !== 0;
}

export function writeHalf(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

/**
 * The checksum at `bytes[sumAt]` follows a half word that changes. With `isUdp` 0 means that there is none.
 */
export function mend(bytes: Uint8Array, sumAt: number, before: number, after: number, isUdp: boolean): void {
  const checksum = readHalf(bytes, sumAt);
  if (isUdp && checksum === 0) return;
  const next = checksumAfter(checksum, before, after);
  writeHalf(bytes, sumAt, isUdp && next === 0 ? 0xffff : next);
}

/** The checksum of the IPv4 header at `bytes[at]` is made anew. */
export function sumIpv4(bytes: Uint8Array, at: number): void {
  writeHalf(bytes, at + IPV4_CHECKSUM_AT, 0);
  writeHalf(bytes, at + IPV4_CHECKSUM_AT, checksumOver(bytes, at, at + (bytes[at] & 15) * 4, 0));
}

/**
 * The checksum of the transport header at `bytes[l4At]` is made anew, in the whole packet from `bytes[at]` to
 * `bytes[end]` that is no fragment.
 */
export function sumTransport(
  bytes: Uint8Array,
  at: number,
  l4At: number,
  end: number,
  protocol: number,
): void {
  if (protocol === IPPROTO_SCTP) {
    if (l4At + SCTP_CHECKSUM_AT + 4 <= end) sumSctp(bytes, l4At, end);
    return;
  }
  const place = checksumPlace(protocol);
  if (place === 0 || l4At + place + 2 > end) return;
  const isUdp = protocol === IPPROTO_UDP;
  if (isUdp && readHalf(bytes, l4At + place) === 0) return;
  writeHalf(bytes, l4At + place, 0);
  const pseudo = hasPseudoHeader(protocol) ? pseudoSum(bytes, at, end - l4At, protocol) : 0;
  const checksum = checksumOver(bytes, l4At, coverageEnd(bytes, l4At, end, protocol), pseudo);
  const isNone = checksum === 0 && (isUdp || protocol === IPPROTO_UDPLITE);
  writeHalf(bytes, l4At + place, isNone ? 0xffff : checksum);
}

/** Where the bytes end that the checksum covers. */
function coverageEnd(bytes: Uint8Array, l4At: number, end: number, protocol: number): number {
  if (protocol !== IPPROTO_UDPLITE) return end;
  const coverage = readHalf(bytes, l4At + UDPLITE_COVERAGE_AT);
  return coverage === 0 ? end : Math.min(end, l4At + coverage);
}

/** Sum of the half words of addresses, protocol and length. */
function pseudoSum(bytes: Uint8Array, at: number, lengthBytes: number, protocol: number): number {
  const isIpv4 = bytes[at] >> 4 === 4;
  const from = isIpv4 ? at + 12 : at + 8;
  let sum = protocol + (lengthBytes & 0xffff) + (lengthBytes >>> 16);
  for (let n = from; n < (isIpv4 ? at + 20 : at + 40); n += 2) sum += readHalf(bytes, n);
  return sum;
}

/** CRC32c, reflected (RFC 9260, appendix A): one entry for each byte. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  return crc;
});

function sumSctp(bytes: Uint8Array, l4At: number, end: number): void {
  const sumAt = l4At + SCTP_CHECKSUM_AT;
  bytes.fill(0, sumAt, sumAt + 4);
  let crc = -1;
  for (let n = l4At; n < end; n++) crc = CRC_TABLE[(crc ^ bytes[n]) & 0xff] ^ (crc >>> 8);
  const checksum = ~crc;
  // The lowest byte goes first.
  for (let n = 0; n < 4; n++) bytes[sumAt + n] = (checksum >>> (8 * n)) & 0xff;
}

export const ECN_CE = 3;

/** Gives the IP packet at `bytes[at]` this DSCP and ECN field; NONE: as it is. */
export function setTrafficClass(bytes: Uint8Array, at: number, dscp: number, ecn: number): void {
  const isIpv4 = bytes[at] >> 4 === 4;
  const before = readHalf(bytes, at);
  const tos = isIpv4 ? before & 0xff : (before >> 4) & 0xff;
  const next = ((dscp === NONE ? tos >> 2 : dscp) << 2) | (ecn === NONE ? tos & 3 : ecn);
  const after = isIpv4 ? (before & 0xff00) | next : (before & 0xf00f) | (next << 4);
  writeHalf(bytes, at, after);
  if (isIpv4) mend(bytes, at + IPV4_CHECKSUM_AT, before, after, false);
}
