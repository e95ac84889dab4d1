/**
 * A packet that may be cut becomes fragments before it is wrapped (RFC 791, 3.2; RFC 2003, 3.1 lets the
 * tunnel do so). So no tunnel packet is ever a fragment, and the neighbour needs to join nothing.
 */
import {
  headerBytesOf,
  IPV4_HEADER_BYTES,
  mendHeader,
  packetBytes,
  readHalf,
  writeHalf,
} from '../../algo/overlay/ipip.ts';

const MORE = 0x2000;
const OFFSET_MASK = 0x1fff;
const OFFSET_BYTES = 8;
const OPTION_END = 0;
const OPTION_NOP = 1;
/** RFC 791, 3.1: options with this bit stand in every fragment. */
const COPIED = 0x80;

/** The IPv4 packet `bytes` as packets of at most `mtu` bytes each, 68 or more. */
export function cut(bytes: Uint8Array, mtu: number): Uint8Array[] {
  const length = packetBytes(bytes, 0, bytes.length);
  const first = bytes.subarray(0, headerBytesOf(bytes));
  const later = laterHeader(first);
  const field = readHalf(bytes, 6);
  const pieces: Uint8Array[] = [];
  for (let at = first.length; at < length; ) {
    const header = at === first.length ? first : later;
    const room = (mtu - header.length) & ~(OFFSET_BYTES - 1);
    const end = length - at <= mtu - header.length ? length : at + room;
    const piece = new Uint8Array(header.length + end - at);
    piece.set(header);
    piece.set(bytes.subarray(at, end), header.length);
    const offset = (field & OFFSET_MASK) + (at - first.length) / OFFSET_BYTES;
    writeHalf(piece, 2, piece.length);
    writeHalf(piece, 6, offset | (end < length ? MORE : field & MORE));
    mendHeader(piece, 0);
    pieces.push(piece);
    at = end;
  }
  return pieces;
}

/** The header of all fragments but the first: with the options that ask for it. */
function laterHeader(header: Uint8Array): Uint8Array {
  const kept: number[] = [...header.subarray(0, IPV4_HEADER_BYTES)];
  for (let at = IPV4_HEADER_BYTES; at < header.length; ) {
    const kind = header[at] as number;
    if (kind === OPTION_END) break;
    const bytes = kind === OPTION_NOP ? 1 : Math.max(2, header[at + 1] ?? 2);
    if ((kind & COPIED) !== 0) kept.push(...header.subarray(at, at + bytes));
    at += bytes;
  }
  while (kept.length % 4 !== 0) kept.push(OPTION_END);
  const later = Uint8Array.from(kept);
  later[0] = 0x40 | (later.length / 4);
  return later;
}
