/**
 * Headers of the world's packets. Each flow has one template per direction. A packet that reaches the shaper
 * is a copy of the template with its own length, ECN field, TCP numbers, flags and SACK blocks, so the engine
 * parses real headers.
 */
import { COPY_BYTES } from '../../limits.ts';
import { KIND_SYN, KIND_SYN_ACK, type PacketTable, SACK_WORDS } from './packet-table.ts';
import { IPPROTO_TCP, IPPROTO_UDP, type PacketShape, writePacket } from './packets.ts';

/** Bytes reserved per template and per packet in the slab. */
export const HEADER_STRIDE = COPY_BYTES;
/** TCP header with timestamps (RFC 7323, appendix A), as every segment after the handshake has. */
export const TCP_HEADER_BYTES = 32;
/** TCP header with the options of a Linux SYN. */
export const TCP_SYN_HEADER_BYTES = 40;
/** Bytes that n SACK blocks add: two NOPs, kind, length, and 8 bytes a block (RFC 2018, 3). */
export function sackOptionBytes(blocks: number): number {
  return blocks === 0 ? 0 : 4 + 8 * blocks;
}

export class HeaderTemplates {
  private readonly slab: Uint8Array;
  private readonly at: number;
  /** IP version of every template: 4 or 6. */
  private readonly family: Uint8Array;
  private readonly protocol: Uint8Array;
  /** TCP payload per segment. It turns segment numbers into byte numbers. */
  private readonly segmentBytes: Int32Array;

  /**
   * Template 2 f belongs to the forward direction of flow f, 2 f + 1 to its reverse. They start at `at` in
   * `slab`.
   */
  constructor(slab: Uint8Array, at: number, shapes: readonly PacketShape[], segmentBytes: readonly number[]) {
    this.slab = slab;
    this.at = at;
    this.family = Uint8Array.from(shapes, (shape) => (typeof shape.src === 'number' ? 4 : 6));
    this.protocol = Uint8Array.from(shapes, (shape) => shape.protocol);
    this.segmentBytes = Int32Array.from(segmentBytes);
    for (const [t, shape] of shapes.entries()) {
      const offset = at + t * HEADER_STRIDE;
      writePacket(slab, offset, shape, ipHeaderBytes(shape.src) + TCP_SYN_HEADER_BYTES);
      if (shape.protocol !== IPPROTO_TCP) continue;
      const options = offset + ipHeaderBytes(shape.src) + 20;
      slab.set([1, 1, 8, 10], options); // NOP, NOP, timestamps
    }
  }

  /** Writes packet `p` by template `t` at `to`. Returns the number of bytes written. */
  write(t: number, p: number, packets: PacketTable, to: number): number {
    const { slab } = this;
    const from = this.at + t * HEADER_STRIDE;
    slab.copyWithin(to, from, from + HEADER_STRIDE);
    const lengthBytes = packets.lengthBytes[p];
    let ipBytes = 20;
    if (this.family[t] === 4) {
      slab[to + 1] |= packets.ecn[p];
      writeUint16(slab, to + 2, lengthBytes);
    } else {
      ipBytes = 40;
      slab[to + 1] |= packets.ecn[p] << 4;
      writeUint16(slab, to + 4, lengthBytes - ipBytes);
    }
    const at = to + ipBytes;
    if (this.protocol[t] === IPPROTO_TCP) {
      return Math.min(lengthBytes, ipBytes + this.writeTcp(t, p, packets, at));
    }
    if (this.protocol[t] === IPPROTO_UDP) writeUint16(slab, at + 4, lengthBytes - ipBytes);
    return Math.min(lengthBytes, ipBytes + 8);
  }

  private writeTcp(t: number, p: number, packets: PacketTable, at: number): number {
    const { slab } = this;
    const segmentBytes = this.segmentBytes[t];
    const byteNumber = 1 + packets.seq[p] * segmentBytes;
    const isBack = (t & 1) === 1;
    writeUint32(slab, at + 4, isBack ? 1 : byteNumber);
    writeUint32(slab, at + 8, isBack ? byteNumber : 1);
    slab[at + 13] = packets.tcpFlags[p];
    writeUint32(slab, at + 24, packets.sentNs[p] / 1e6);
    const blocks = packets.sacks[p];
    const kind = packets.kind[p];
    const isSyn = kind === KIND_SYN || kind === KIND_SYN_ACK;
    const headerBytes = isSyn ? TCP_SYN_HEADER_BYTES : TCP_HEADER_BYTES + sackOptionBytes(blocks);
    slab[at + 12] = (headerBytes >> 2) << 4;
    if (blocks > 0) {
      let option = at + TCP_HEADER_BYTES;
      slab[option] = 1;
      slab[option + 1] = 1;
      slab[option + 2] = 5;
      slab[option + 3] = 2 + 8 * blocks;
      option += 4;
      for (let w = 0; w < 2 * blocks; w++, option += 4)
        writeUint32(slab, option, 1 + packets.sack[p * SACK_WORDS + w] * segmentBytes);
    }
    return headerBytes;
  }
}

export function ipHeaderBytes(address: PacketShape['src']): number {
  return typeof address === 'number' ? 20 : 40;
}

function writeUint16(slab: Uint8Array, at: number, value: number): void {
  slab[at] = value >> 8;
  slab[at + 1] = value;
}

/** `value` modulo 2^32. */
function writeUint32(slab: Uint8Array, at: number, value: number): void {
  const word = value | 0;
  slab[at] = word >> 24;
  slab[at + 1] = word >> 16;
  slab[at + 2] = word >> 8;
  slab[at + 3] = word;
}
