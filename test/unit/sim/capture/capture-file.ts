/** Writes capture files for tests, in all their variants. */
import { type PacketShape, writePacket } from '../../../../src/sim/packets/packets.ts';

export interface FileOptions {
  readonly isLittle?: boolean;
  readonly isNano?: boolean;
  readonly linkType?: number;
}

export interface Frame {
  readonly ns: number;
  readonly bytes: Uint8Array;
  /** Length on the wire; default: all there. */
  readonly wireBytes?: number;
}

const START_SEC = 1_700_000_000;

export function captureFile(frames: readonly Frame[], options: FileOptions = {}): Uint8Array {
  const { isLittle = true, isNano = false, linkType = 101 } = options;
  const size = frames.reduce((sum, { bytes }) => sum + 16 + bytes.length, 24);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  view.setUint32(0, isNano ? 0xa1b23c4d : 0xa1b2c3d4, isLittle);
  view.setUint16(4, 2, isLittle);
  view.setUint16(6, 4, isLittle);
  view.setUint32(16, 262144, isLittle);
  view.setUint32(20, linkType, isLittle);
  let at = 24;
  for (const { ns, bytes, wireBytes = bytes.length } of frames) {
    view.setUint32(at, START_SEC + Math.floor(ns / 1e9), isLittle);
    view.setUint32(at + 4, Math.floor((ns % 1e9) / (isNano ? 1 : 1000)), isLittle);
    view.setUint32(at + 8, bytes.length, isLittle);
    view.setUint32(at + 12, wireBytes, isLittle);
    file.set(bytes, at + 16);
    at += 16 + bytes.length;
  }
  return file;
}

/** A packet with its headers, `lengthBytes` long. */
export function packetBytes(shape: PacketShape, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(lengthBytes, 128));
  writePacket(bytes, 0, shape, lengthBytes);
  return bytes.slice(0, lengthBytes);
}

export function behind(header: readonly number[], packet: Uint8Array): Uint8Array {
  return Uint8Array.from([...header, ...packet]);
}

const MACS = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
/** Ethernet header, with VLAN tags. */
export function ethernet(etherType: number, ...tags: readonly number[]): number[] {
  return [...MACS, ...tags.flatMap((tag) => [tag >> 8, tag & 255, 0, 7]), etherType >> 8, etherType & 255];
}
