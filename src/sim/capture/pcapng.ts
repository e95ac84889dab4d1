/**
 * Capture files of the newer format, pcapng: sections of either byte order, several interfaces with link
 * layers and time units of their own, enhanced, simple and obsolete packet blocks. Other blocks are skipped.
 *
 * Reference: draft-ietf-opsawg-pcapng.
 *
 *   block:     type 4 | total length 4 | body | total length 4
 *   section:   byte-order magic 4 | major 2 | minor 2 | section length 8 | options
 *   interface: linktype 2 | reserved 2 | snaplen 4 | options (9 if_tsresol, 14 if_tsoffset)
 *   enhanced:  interface 4 | time high 4 | time low 4 | captured 4 | length 4 | data | options (2 epb_flags)
 *   simple:    length 4 | data
 */

import { CaptureError } from './capture-error.ts';
import { linkLayer } from './links.ts';
import {
  type CaptureRecord,
  type CaptureTrouble,
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  FRAME_BYTES_MAX,
  type RecordReader,
} from './records.ts';
import type { ByteWindow } from './window.ts';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_PACKET = 2;
const BLOCK_SIMPLE = 3;
const BLOCK_ENHANCED = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BLOCK_HEADER_BYTES = 8;
const BLOCK_FRAME_BYTES = 12;
/** Fixed bytes of a packet block before its data. */
const ENHANCED_BYTES = BLOCK_HEADER_BYTES + 20;
const SIMPLE_BYTES = BLOCK_HEADER_BYTES + 4;
/**
 * Options of a block are looked at if the block is no longer than this; data comes first in packet blocks.
 */
const OPTIONS_BYTES_MAX = 65_536;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;
const OPTION_FLAGS = 2;

interface CaptureInterface {
  readonly linkType: number;
  readonly snapBytes: number;
  readonly unitsPerSec: number;
  readonly offsetSec: number;
}

export class PcapngReader implements RecordReader {
  trouble: CaptureTrouble | null = null;
  private readonly window: ByteWindow;
  private isLittle = true;
  private interfaces: CaptureInterface[] = [];
  private position = 0;

  /** Throws CaptureError if the file's first block cannot be used. */
  constructor(window: ByteWindow) {
    this.window = window;
    if (this.window.at(0, BLOCK_FRAME_BYTES + 4) < 0) throw new CaptureError('not a capture file: too short');
  }

  static recognises(window: ByteWindow): boolean {
    const at = window.at(0, 4);
    return at >= 0 && window.view.getUint32(at) === BLOCK_SECTION;
  }

  /** Throws CaptureError if a packet is of a link layer that cannot be read. */
  next(record: CaptureRecord): boolean {
    for (;;) {
      const { window, position } = this;
      if (window.at(position, 1) < 0) return false;
      let at = window.at(position, BLOCK_FRAME_BYTES);
      if (at < 0) return this.end('cut');
      if (window.view.getUint32(at) === BLOCK_SECTION && !this.readByteOrder(at)) return this.end('damaged');
      const type = window.view.getUint32(at, this.isLittle);
      const blockBytes = window.view.getUint32(at + 4, this.isLittle);
      if (blockBytes < BLOCK_FRAME_BYTES || blockBytes % 4 !== 0) return this.end('damaged');
      if (window.at(position + blockBytes - 1, 1) < 0) return this.end('cut');
      this.position = position + blockBytes;
      at = window.at(position, Math.min(blockBytes, OPTIONS_BYTES_MAX));
      if (type === BLOCK_SECTION) this.interfaces = [];
      else if (type === BLOCK_INTERFACE) this.interfaces.push(this.readInterface(at, blockBytes));
      else if (type === BLOCK_ENHANCED || type === BLOCK_PACKET || type === BLOCK_SIMPLE) {
        if (this.readPacket(type, position, blockBytes, record)) return true;
        this.position = position;
        return this.end('damaged');
      }
    }
  }

  private readByteOrder(at: number): boolean {
    for (const isLittle of [true, false]) {
      if (this.window.view.getUint32(at + BLOCK_HEADER_BYTES, isLittle) !== BYTE_ORDER_MAGIC) continue;
      this.isLittle = isLittle;
      return true;
    }
    return false;
  }

  private readInterface(at: number, blockBytes: number): CaptureInterface {
    const { view } = this.window;
    const body = at + BLOCK_HEADER_BYTES;
    let unitsPerSec = 1e6;
    let offsetSec = 0;
    this.eachOption(body + 8, at + Math.min(blockBytes, OPTIONS_BYTES_MAX) - 4, (code, value, bytes) => {
      if (code === OPTION_TSRESOL && bytes >= 1) {
        const power = view.getUint8(value);
        unitsPerSec = (power & 0x80) === 0 ? 10 ** power : 2 ** (power & 0x7f);
      }
      // The high word of the offset would be thousands of years.
      if (code === OPTION_TSOFFSET && bytes >= 8)
        offsetSec = view.getInt32(value + (this.isLittle ? 0 : 4), this.isLittle);
    });
    return {
      linkType: view.getUint16(body, this.isLittle),
      snapBytes: view.getUint32(body + 4, this.isLittle),
      unitsPerSec,
      offsetSec,
    };
  }

  /** Returns false if the block contradicts itself. */
  private readPacket(type: number, position: number, blockBytes: number, record: CaptureRecord): boolean {
    const headBytes = type === BLOCK_SIMPLE ? SIMPLE_BYTES : ENHANCED_BYTES;
    const head = this.window.at(position, headBytes);
    if (head < 0 || blockBytes < headBytes + 4) return false;
    const { view } = this.window;
    const word = (n: number): number => view.getUint32(head + BLOCK_HEADER_BYTES + 4 * n, this.isLittle);
    const id = type === BLOCK_SIMPLE ? 0 : type === BLOCK_ENHANCED ? word(0) : this.half(head);
    const from = this.interfaces[id];
    if (from === undefined) return false;
    if (type === BLOCK_SIMPLE) {
      record.hasStamp = false;
      record.wireBytes = word(0);
      const snapBytes = from.snapBytes === 0 ? FRAME_BYTES_MAX : from.snapBytes;
      record.capturedBytes = Math.min(word(0), snapBytes, blockBytes - headBytes - 4);
    } else {
      record.hasStamp = true;
      this.setStamp(record, from, word(1), word(2));
      record.capturedBytes = word(3);
      record.wireBytes = word(4);
    }
    if (record.capturedBytes > Math.min(FRAME_BYTES_MAX, blockBytes - headBytes - 4)) return false;
    const at = this.window.at(position, headBytes + record.capturedBytes);
    if (at < 0) return false;
    record.link = linkLayer(from.linkType);
    record.direction =
      type === BLOCK_SIMPLE ? DIRECTION_UNKNOWN : this.directionOf(position, blockBytes, record);
    record.at = this.window.at(position, headBytes + record.capturedBytes) + headBytes;
    return true;
  }

  /** The interface of an obsolete packet block has 16 bits. */
  private half(head: number): number {
    return this.window.view.getUint16(head + BLOCK_HEADER_BYTES, this.isLittle);
  }

  /** Seconds and nanoseconds of a 64-bit count of units. Both parts of the count are exact as float64. */
  private setStamp(
    record: CaptureRecord,
    { unitsPerSec, offsetSec }: CaptureInterface,
    high: number,
    low: number,
  ): void {
    const upper = high * 2 ** 32;
    const rest = (upper % unitsPerSec) + low;
    const wholeSec =
      Math.round((upper - (upper % unitsPerSec)) / unitsPerSec) + Math.floor(rest / unitsPerSec);
    record.sec = wholeSec + offsetSec;
    record.ns = Math.floor(((rest % unitsPerSec) * 1e9) / unitsPerSec);
  }

  private directionOf(position: number, blockBytes: number, record: CaptureRecord): number {
    const options = ENHANCED_BYTES + Math.ceil(record.capturedBytes / 4) * 4;
    const optionBytes = blockBytes - 4 - options;
    if (optionBytes < 8 || optionBytes > OPTIONS_BYTES_MAX) return DIRECTION_UNKNOWN;
    const at = this.window.at(position + options, optionBytes);
    if (at < 0) return DIRECTION_UNKNOWN;
    let direction = DIRECTION_UNKNOWN;
    this.eachOption(at, at + optionBytes, (code, value, bytes) => {
      if (code !== OPTION_FLAGS || bytes < 4) return;
      const bits = this.window.view.getUint32(value, this.isLittle) & 3;
      direction = bits === 2 ? DIRECTION_OUT : bits === 1 ? DIRECTION_IN : DIRECTION_UNKNOWN;
    });
    return direction;
  }

  private eachOption(
    from: number,
    end: number,
    visit: (code: number, value: number, bytes: number) => void,
  ): void {
    const { view } = this.window;
    for (let at = from; at + 4 <= end; ) {
      const code = view.getUint16(at, this.isLittle);
      const bytes = view.getUint16(at + 2, this.isLittle);
      if (code === 0 || at + 4 + bytes > end) return;
      visit(code, at + 4, bytes);
      at += 4 + Math.ceil(bytes / 4) * 4;
    }
  }

  private end(kind: CaptureTrouble['kind']): false {
    this.trouble = { kind, atByte: this.position };
    return false;
  }
}
