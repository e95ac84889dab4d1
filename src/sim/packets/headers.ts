/**
 * Headers of the world's packets. Each flow has one template per direction. A packet that reaches the shaper
 * is a copy of the template with its own length, ECN field, TCP numbers, flags and SACK blocks, so the engine
 * parses real headers.
 */
import { NONE } from '../../base/none.ts';
import { COPY_BYTES } from '../../limits.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';
import { KIND_SYN, KIND_SYN_ACK, type PacketTable, SACK_WORDS } from './packet-table.ts';
import { IPPROTO_UDP, type PacketShape, writePacket } from './packets.ts';

/** Bytes reserved per template and per packet in the slab. */
export const HEADER_STRIDE = COPY_BYTES;
const FIXED_BYTES = 20;
/** Two NOPs and the option of time stamps (RFC 7323, appendix A). */
const TIMESTAMPS_BYTES = 12;
/** Scale of windows, as Linux has it at the least where its buffers may grow. */
const SCALE_MIN = 7;
/** The largest window of a segment that has no scale, as a SYN has none. */
export const SYN_WINDOW_MAX = 0xffff;
/** Bytes that n SACK blocks add: two NOPs, kind, length, and 8 bytes a block (RFC 2018, 3). */
export function sackOptionBytes(blocks: number): number {
  return blocks === 0 ? 0 : 4 + 8 * blocks;
}

/** TCP header of every segment but a SYN. */
export function tcpHeaderBytes(hasTimestamps: boolean): number {
  return FIXED_BYTES + (hasTimestamps ? TIMESTAMPS_BYTES : 0);
}

/** TCP header of a SYN, with the options of Linux: 20 bytes with time stamps, else 12. */
export function tcpSynHeaderBytes(hasTimestamps: boolean): number {
  return FIXED_BYTES + (hasTimestamps ? 20 : 12);
}

/** What the TCP headers of one direction of a flow say. */
export interface TcpTemplate {
  readonly hasTimestamps: boolean;
  /** Largest payload that the sender of these headers takes. */
  readonly segmentBytes: number;
  /** Scale of the windows that it gives; NONE if its SYN has no such option. */
  readonly scale: number;
}

export class HeaderTemplates {
  private readonly slab: Uint8Array;
  private readonly at: number;
  /** IP version of every template: 4 or 6. */
  private readonly family: Uint8Array;
  private readonly protocol: Uint8Array;
  private readonly tcp: readonly TcpTemplate[];

  /**
   * Template 2 f belongs to the forward direction of flow f, 2 f + 1 to its reverse. They start at `at` in
   * `slab`.
   */
  constructor(slab: Uint8Array, at: number, shapes: readonly PacketShape[], tcp: readonly TcpTemplate[]) {
    this.slab = slab;
    this.at = at;
    this.family = Uint8Array.from(shapes, (shape) => (typeof shape.src === 'number' ? 4 : 6));
    this.protocol = Uint8Array.from(shapes, (shape) => shape.protocol);
    this.tcp = tcp;
    for (const [t, shape] of shapes.entries()) {
      const offset = at + t * HEADER_STRIDE;
      writePacket(slab, offset, shape, ipHeaderBytes(shape.src) + FIXED_BYTES);
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
      const copiedBytes = Math.min(lengthBytes, ipBytes + this.writeTcp(t, p, packets, at));
      // Only a packet that is there as a whole can be edited, so only its checksum is ever read.
      if (copiedBytes === lengthBytes) writeTcpChecksum(slab, to, lengthBytes);
      return copiedBytes;
    }
    if (this.protocol[t] === IPPROTO_UDP) writeUint16(slab, at + 4, lengthBytes - ipBytes);
    return Math.min(lengthBytes, ipBytes + 8);
  }

  private writeTcp(t: number, p: number, packets: PacketTable, at: number): number {
    const { slab } = this;
    const { hasTimestamps } = this.tcp[t];
    const kind = packets.kind[p];
    const isSyn = kind === KIND_SYN || kind === KIND_SYN_ACK;
    writeUint32(slab, at + 4, packets.firstByte[p]);
    writeUint32(slab, at + 8, packets.ackByte[p]);
    slab[at + 13] = packets.tcpFlags[p];
    writeUint16(slab, at + 14, packets.windowField[p]);
    let option = at + FIXED_BYTES;
    if (isSyn) option = this.writeSynOptions(t, p, packets, option);
    else if (hasTimestamps) {
      writeUint16(slab, option, 0x0101);
      option = this.writeTimestamps(p, packets, option + 2);
    }
    const blocks = packets.sacks[p];
    if (blocks > 0) {
      writeUint32(slab, option, 0x01010502 + 8 * blocks);
      option += 4;
      for (let w = 0; w < 2 * blocks; w++, option += 4)
        writeUint32(slab, option, packets.sackByte[p * SACK_WORDS + w]);
    }
    slab[at + 12] = ((option - at) >> 2) << 4;
    return option - at;
  }

  /** Segment size, SACK permitted, time stamps, a NOP, window scale. */
  private writeSynOptions(t: number, p: number, packets: PacketTable, at: number): number {
    const { slab } = this;
    const { hasTimestamps, segmentBytes, scale } = this.tcp[t];
    writeUint32(slab, at, 0x02040000 | segmentBytes);
    let option = at + 4;
    if (hasTimestamps) {
      writeUint16(slab, option, 0x0402);
      option = this.writeTimestamps(p, packets, option + 2);
    } else {
      writeUint32(slab, option, 0x01010402);
      option += 4;
    }
    writeUint32(slab, option, scale === NONE ? 0x01010101 : 0x01030300 | scale);
    return option + 4;
  }

  private writeTimestamps(p: number, packets: PacketTable, at: number): number {
    const { slab } = this;
    writeUint16(slab, at, 0x080a);
    writeUint32(slab, at + 2, stampOf(packets.sentNs[p]));
    writeUint32(slab, at + 6, packets.ackByte[p] === 0 ? 0 : stampOf(packets.echoNs[p]));
    return at + 10;
  }
}

/** Clocks of time stamps count milliseconds, as that of Linux does. */
function stampOf(ns: number): number {
  return Math.floor(ns / 1e6) + 1;
}

/** The scale with which a window fits its field. */
export function scaleOf(windowBytes: number): number {
  let scale = SCALE_MIN;
  while (windowBytes > SYN_WINDOW_MAX * 2 ** scale) scale++;
  return scale;
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

/** RFC 9293, 3.1, with the pseudo header of RFC 791 or RFC 8200, 8.1; the field itself is zero before. */
function writeTcpChecksum(slab: Uint8Array, at: number, lengthBytes: number): void {
  const tcpAt = at + (slab[at] >> 4 === 4 ? 20 : 40);
  writeUint16(slab, tcpAt + 16, ~tcpSum(slab, at, lengthBytes) & 0xffff);
}

/**
 * Ones' complement sum of the TCP segment in the packet at `slab[at]`, pseudo header included: 0xffff if its
 * checksum is right. For packets without IP options or extension headers.
 */
export function tcpSum(slab: Uint8Array, at: number, lengthBytes: number): number {
  const ipBytes = slab[at] >> 4 === 4 ? 20 : 40;
  const end = at + lengthBytes;
  // The addresses end the IP header of both versions.
  const addresses = at + (ipBytes === 20 ? 12 : 8);
  let sum = IPPROTO_TCP + lengthBytes - ipBytes;
  for (let i = addresses; i + 1 < end; i += 2) sum += (slab[i] << 8) | slab[i + 1];
  if ((lengthBytes & 1) === 1) sum += slab[end - 1] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
