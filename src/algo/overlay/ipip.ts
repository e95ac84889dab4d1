/**
 * IP in IP: a whole IPv4 packet as the load of another one.
 *
 * Reference: RFC 2003, section 3 (headers), 3.1 (TTL, fragments); RFC 6040 (ECN); RFC 1071 and RFC 1624
 * (checksums); RFC 791, 3.1 (the header).
 *
 * Model. Twenty bytes go before the packet. Nothing inside changes; who forwards the packet lowers its inner
 * TTL first.
 *
 *     outer  45 TOS len+20 | ident DF 0 | TTL 4 checksum | tunnel's own ends
 *     inner  as it was                                                          (TOS and DF come from here)
 *
 * | parameter | unit   | range            | default |
 * |-----------|--------|------------------|---------|
 * | src, dst  | word   | an IPv4 address  |         |
 * | ident     |        | 0 .. 65535       | counts up, by the caller |
 * | ttl       | hops   | 1 .. 255         | 64      |
 *
 * Worked example: 40 bytes from 10.0.0.1 to 10.0.0.2 through 192.0.2.1 and 198.51.100.1 with ident 7:
 * `4500003c 00070000 40048e81 c0000201 c6336401`, then the forty bytes.
 *
 * Invariants (test/unit/algo/overlay/ipip, test/vectors):
 *  1. unwrapped(wrapped(packet)) is the packet, and the outer checksum sums to zero.
 *  2. No byte beyond the lengths that were given is read or written.
 *  3. A packet that is no valid IPv4 packet is refused, inside and outside.
 *
 * Departures: no options are copied to the outer header, and inner addresses are not compared with the
 * tunnel's (3.2): the caller wraps nothing twice. Fragments of tunnel packets are refused: who unwraps sees
 * packets after the kernel joined them, or not at all. Cost: one copy, and twenty bytes of sum.
 */
import { ECN_DROP, ecnDecapsulated } from './ecn-tunnel.ts';

export const IPV4_HEADER_BYTES = 20;
export const IPPROTO_IPIP = 4;
export const IP_BYTES_MAX = 65_535;

const TOS_AT = 1;
const LENGTH_AT = 2;
const IDENT_AT = 4;
const FRAGMENT_AT = 6;
const TTL_AT = 8;
const PROTOCOL_AT = 9;
const CHECKSUM_AT = 10;
const SRC_AT = 12;
const DST_AT = 16;
const DF = 0x4000;
/** More fragments, and the offset. */
const IS_PIECE = 0x3fff;
const ECN_MASK = 3;

export const readHalf = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];

export function writeHalf(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export const readAddress = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;

export function writeAddress(bytes: Uint8Array, at: number, address: number): void {
  writeHalf(bytes, at, address >>> 16);
  writeHalf(bytes, at + 2, address & 0xffff);
}

/** Fields of the IPv4 header at `bytes[at]`. Addresses are words. */
export const sourceOf = (bytes: Uint8Array, at = 0): number => readAddress(bytes, at + SRC_AT);
export const destinationOf = (bytes: Uint8Array, at = 0): number => readAddress(bytes, at + DST_AT);
export const protocolOf = (bytes: Uint8Array, at = 0): number => bytes[at + PROTOCOL_AT];
export const headerBytesOf = (bytes: Uint8Array, at = 0): number => (bytes[at] & 15) << 2;
export const mayBeCut = (bytes: Uint8Array, at = 0): boolean =>
  (readHalf(bytes, at + FRAGMENT_AT) & DF) === 0;
export const isPiece = (bytes: Uint8Array, at = 0): boolean =>
  (readHalf(bytes, at + FRAGMENT_AT) & IS_PIECE) !== 0;

/**
 * Length by its header of the IPv4 packet at `bytes[at]`, of which `room` bytes are there; 0: there is no
 * whole packet.
 */
export function packetBytes(bytes: Uint8Array, at: number, room: number): number {
  if (room < IPV4_HEADER_BYTES || bytes[at] >> 4 !== 4) return 0;
  const header = headerBytesOf(bytes, at);
  const length = readHalf(bytes, at + LENGTH_AT);
  return header < IPV4_HEADER_BYTES || length < header || length > room ? 0 : length;
}

/** The complement of the sum in ones' complement of an even number of bytes. */
export function headerChecksum(bytes: Uint8Array, at: number, length: number): number {
  let sum = 0;
  for (let n = at; n < at + length; n += 2) sum += readHalf(bytes, n);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Writes the header's checksum anew. */
export function mendHeader(bytes: Uint8Array, at: number): void {
  writeHalf(bytes, at + CHECKSUM_AT, 0);
  writeHalf(bytes, at + CHECKSUM_AT, headerChecksum(bytes, at, headerBytesOf(bytes, at)));
}

/** An IPv4 header of 20 bytes that does not allow fragments unless `df` is false. */
export function writeHeader(
  out: Uint8Array,
  fields: { tos: number; length: number; ident: number; df: boolean; ttl: number; protocol: number },
  src: number,
  dst: number,
): void {
  out[0] = 0x45;
  out[TOS_AT] = fields.tos;
  writeHalf(out, LENGTH_AT, fields.length);
  writeHalf(out, IDENT_AT, fields.ident);
  writeHalf(out, FRAGMENT_AT, fields.df ? DF : 0);
  out[TTL_AT] = fields.ttl;
  out[PROTOCOL_AT] = fields.protocol;
  writeAddress(out, SRC_AT, src);
  writeAddress(out, DST_AT, dst);
  mendHeader(out, 0);
}

/**
 * Writes `inner` with a header before it into `out`. Returns the bytes written; 0: `inner` is no whole IPv4
 * packet, or there is no room for twenty bytes more.
 */
export function wrap(
  inner: Uint8Array,
  out: Uint8Array,
  ends: { readonly src: number; readonly dst: number },
  ident: number,
  ttl: number,
): number {
  const innerBytes = packetBytes(inner, 0, inner.length);
  const length = innerBytes + IPV4_HEADER_BYTES;
  if (innerBytes === 0 || length > IP_BYTES_MAX || length > out.length) return 0;
  out.set(inner.length === innerBytes ? inner : inner.subarray(0, innerBytes), IPV4_HEADER_BYTES);
  const fields = { tos: inner[TOS_AT], length, ident, df: !mayBeCut(inner), ttl, protocol: IPPROTO_IPIP };
  writeHeader(out, fields, ends.src, ends.dst);
  return length;
}

/** Lowers the TTL of the packet at `bytes[at]` as a router does. false: it may go no further. */
export function lowerTtl(bytes: Uint8Array, at = 0): boolean {
  if (bytes[at + TTL_AT] <= 1) return false;
  bytes[at + TTL_AT]--;
  mendHeader(bytes, at);
  return true;
}

/** Why a packet cannot be taken out. */
export const NO_TUNNEL = 0;
export const TUNNEL_PIECE = -1;
export const TUNNEL_BROKEN = -2;
export const TUNNEL_CONGESTED = -3;

/**
 * Place of the packet inside `bytes`, whose code point is made what RFC 6040 says. NO_TUNNEL: another
 * protocol; TUNNEL_PIECE: a fragment; TUNNEL_BROKEN: a length is wrong, or there is no IPv4 packet inside;
 * TUNNEL_CONGESTED: the packet is to be dropped. The caller checks who sent it.
 */
export function unwrap(bytes: Uint8Array): number {
  const length = packetBytes(bytes, 0, bytes.length);
  if (length === 0) return TUNNEL_BROKEN;
  if (protocolOf(bytes) !== IPPROTO_IPIP) return NO_TUNNEL;
  if (isPiece(bytes)) return TUNNEL_PIECE;
  const at = headerBytesOf(bytes);
  if (packetBytes(bytes, at, length - at) === 0) return TUNNEL_BROKEN;
  const inner = bytes[at + TOS_AT] & ECN_MASK;
  const ecn = ecnDecapsulated(inner, bytes[TOS_AT] & ECN_MASK);
  if (ecn === ECN_DROP) return TUNNEL_CONGESTED;
  if (ecn !== inner) {
    bytes[at + TOS_AT] = (bytes[at + TOS_AT] & ~ECN_MASK) | ecn;
    mendHeader(bytes, at);
  }
  return at;
}
