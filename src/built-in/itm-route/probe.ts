/**
 * Probes: UDP packets that the other end sends back by the same path. They are made and read as packets, not
 * by sockets, so that each can go through the neighbour it is about, and so that `simulate` has them too.
 *
 *     0        4     5     6         8          12            20                 24
 *     | itmR   | kind| 0   | path    | sequence | nonce       | neighbour, or 0  |
 *
 * An answer is believed if its source, sequence and nonce are those of a question that waits. That keeps out
 * everybody who does not see the questions; it is no authentication against those who do.
 */
import {
  destinationOf,
  headerBytesOf,
  IPV4_HEADER_BYTES,
  isPiece,
  packetBytes,
  protocolOf,
  readAddress,
  readHalf,
  sourceOf,
  writeAddress,
  writeHalf,
  writeHeader,
} from '../../algo/overlay/ipip.ts';

/** Below the ports that Linux gives to programs by itself. */
export const PROBE_PORT = 24_754;
export const PROBE_QUESTION = 1;
export const PROBE_ANSWER = 2;

const IPPROTO_UDP = 17;
const UDP_HEADER_BYTES = 8;
const LOAD_BYTES = 24;
export const PROBE_BYTES = IPV4_HEADER_BYTES + UDP_HEADER_BYTES + LOAD_BYTES;
const MAGIC = 0x69746d52;
const TTL = 64;
/** Probes shall wait as the traffic does that follows them: they have no code point of their own. */
const TOS = 0;

export interface Probe {
  src: number;
  dst: number;
  kind: number;
  path: number;
  sequence: number;
  nonceHigh: number;
  nonceLow: number;
  /** The neighbour by which it goes, and by which the answer is to come back; 0: none. */
  via: number;
}

/** Writes the packet into `out`, which has PROBE_BYTES bytes. */
export function writeProbe(probe: Probe, out: Uint8Array): void {
  const length = PROBE_BYTES;
  const fields = { tos: TOS, length, ident: probe.sequence & 0xffff, df: true, ttl: TTL };
  writeHeader(out, { ...fields, protocol: IPPROTO_UDP }, probe.src, probe.dst);
  const udp = IPV4_HEADER_BYTES;
  writeHalf(out, udp, PROBE_PORT);
  writeHalf(out, udp + 2, PROBE_PORT);
  writeHalf(out, udp + 4, UDP_HEADER_BYTES + LOAD_BYTES);
  writeHalf(out, udp + 6, 0);
  const load = udp + UDP_HEADER_BYTES;
  writeAddress(out, load, MAGIC);
  out[load + 4] = probe.kind;
  out[load + 5] = 0;
  writeHalf(out, load + 6, probe.path);
  writeAddress(out, load + 8, probe.sequence);
  writeAddress(out, load + 12, probe.nonceHigh);
  writeAddress(out, load + 16, probe.nonceLow);
  writeAddress(out, load + 20, probe.via);
  writeHalf(out, udp + 6, udpChecksum(out));
}

/** RFC 768: over addresses, protocol, length, header and load. 0 is written as its other form. */
function udpChecksum(bytes: Uint8Array): number {
  let sum = IPPROTO_UDP + UDP_HEADER_BYTES + LOAD_BYTES;
  for (let n = IPV4_HEADER_BYTES - 8; n < PROBE_BYTES; n += 2) sum += readHalf(bytes, n);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff ? 0xffff : ~sum & 0xffff;
}

/** Reads the IPv4 packet `bytes` into `probe`. false: it is no probe. */
export function readProbe(bytes: Uint8Array, probe: Probe): boolean {
  const length = packetBytes(bytes, 0, bytes.length);
  if (length === 0 || protocolOf(bytes) !== IPPROTO_UDP || isPiece(bytes)) return false;
  const udp = headerBytesOf(bytes);
  if (length !== udp + UDP_HEADER_BYTES + LOAD_BYTES || readHalf(bytes, udp + 2) !== PROBE_PORT) return false;
  const load = udp + UDP_HEADER_BYTES;
  if (readAddress(bytes, load) !== MAGIC) return false;
  probe.src = sourceOf(bytes);
  probe.dst = destinationOf(bytes);
  probe.kind = bytes[load + 4];
  probe.path = readHalf(bytes, load + 6);
  probe.sequence = readAddress(bytes, load + 8);
  probe.nonceHigh = readAddress(bytes, load + 12);
  probe.nonceLow = readAddress(bytes, load + 16);
  probe.via = readAddress(bytes, load + 20);
  return probe.kind === PROBE_QUESTION || probe.kind === PROBE_ANSWER;
}
