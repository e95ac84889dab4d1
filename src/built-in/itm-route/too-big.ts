/**
 * The answer to a packet that may not be cut and is too long: ICMP, fragmentation needed (RFC 792;
 * RFC 1191, 4; RFC 1812, 4.3.2.3: as much of the packet as fits 576 bytes).
 */
import {
  headerChecksum,
  IPV4_HEADER_BYTES,
  packetBytes,
  sourceOf,
  writeHalf,
  writeHeader,
} from '../../algo/overlay/ipip.ts';

const IPPROTO_ICMP = 1;
const ICMP_HEADER_BYTES = 8;
const DEST_UNREACH = 3;
const FRAG_NEEDED = 4;
const QUOTED_BYTES_MAX = 576 - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES;
/** Internetwork control (RFC 1812, 4.3.2.5). */
const TOS = 0xc0;
const TTL = 64;

/** A whole packet from `self` to the sender of the IPv4 packet `bytes`: `mtu` bytes would pass. */
export function tooBig(bytes: Uint8Array, mtu: number, self: number): Uint8Array {
  const quoted = Math.min(packetBytes(bytes, 0, bytes.length), QUOTED_BYTES_MAX) & ~1;
  const length = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quoted;
  const out = new Uint8Array(length);
  const fields = { tos: TOS, length, ident: 0, df: true, ttl: TTL, protocol: IPPROTO_ICMP };
  writeHeader(out, fields, self, sourceOf(bytes));
  out[IPV4_HEADER_BYTES] = DEST_UNREACH;
  out[IPV4_HEADER_BYTES + 1] = FRAG_NEEDED;
  writeHalf(out, IPV4_HEADER_BYTES + 6, mtu);
  out.set(bytes.subarray(0, quoted), IPV4_HEADER_BYTES + ICMP_HEADER_BYTES);
  const sum = headerChecksum(out, IPV4_HEADER_BYTES, ICMP_HEADER_BYTES + quoted);
  writeHalf(out, IPV4_HEADER_BYTES + 2, sum);
  return out;
}
