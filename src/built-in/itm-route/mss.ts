/** The greatest segment that a TCP end asks for (RFC 9293, 3.7.1), lowered where a tunnel needs room. */
import {
  headerBytesOf as ipHeaderBytesOf,
  isPiece,
  packetBytes,
  protocolOf,
  readHalf,
  writeHalf,
} from '../../algo/overlay/ipip.ts';
import { CHECKSUM_AT, checksumAfter } from '../../algo/pacing/checksum.ts';
import { FLAGS_AT, headerBytesOf, IPPROTO_TCP, SYN, TCP_HEADER_BYTES } from '../../packet/tcp-header.ts';
import { isSigned } from '../../packet/tcp-options.ts';

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const MSS_BYTES = 4;
/** Linux sends no less either (TCP_MIN_MSS). */
const MSS_MIN = 88;

/** Lowers it in the IPv4 packet `bytes`, and mends the checksum. false: there is none, or it stays. */
export function lowerMss(bytes: Uint8Array, by: number): boolean {
  const at = mssAt(bytes);
  if (at === 0) return false;
  const before = readHalf(bytes, at);
  const after = Math.max(before - by, Math.min(before, MSS_MIN));
  if (after === before) return false;
  const tcp = ipHeaderBytesOf(bytes);
  writeHalf(bytes, at, after);
  const sum = tcp + CHECKSUM_AT;
  // RFC 1071, 2 (B): bytes at odd places count as if the words were swapped.
  const isOdd = ((at - tcp) & 1) !== 0;
  const word = (value: number): number => (isOdd ? ((value & 255) << 8) | (value >> 8) : value);
  writeHalf(bytes, sum, checksumAfter(readHalf(bytes, sum), word(before), word(after)));
  return true;
}

/** Place of the value in a SYN that may be edited; 0: there is none. */
function mssAt(bytes: Uint8Array): number {
  const length = packetBytes(bytes, 0, bytes.length);
  if (length === 0 || protocolOf(bytes) !== IPPROTO_TCP || isPiece(bytes)) return 0;
  const tcp = ipHeaderBytesOf(bytes);
  if (tcp + TCP_HEADER_BYTES > length || (bytes[tcp + FLAGS_AT] & SYN) === 0) return 0;
  const end = tcp + headerBytesOf(bytes, tcp);
  if (end > length || isSigned(bytes, tcp, length)) return 0;
  for (let o = tcp + TCP_HEADER_BYTES; o + 1 < end; o += bytes[o] === OPTION_NOP ? 1 : bytes[o + 1]) {
    if (bytes[o] === OPTION_END) return 0;
    if (bytes[o] === OPTION_MSS) return bytes[o + 1] === MSS_BYTES ? o + 2 : 0;
  }
  return 0;
}
