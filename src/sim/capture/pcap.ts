/**
 * Capture files of the classic format: both byte orders, microseconds and nanoseconds, the modified format
 * with longer record headers, and the swapped lengths of versions before 2.3.
 *
 * Reference: draft-ietf-opsawg-pcap (file and record headers); libpcap sf-pcap.c (variants).
 *
 *   file:      magic 4 | major 2 | minor 2 | 8 unused | snaplen 4 | linktype 4
 *   record:    seconds 4 | fraction 4 | captured 4 | length 4
 *   modified:  … | device 4 | protocol 2 | packet type 1 | pad 1
 */

import { CaptureError } from './capture-error.ts';
import { type LinkLayer, linkLayer } from './links.ts';
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

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MODIFIED_HEADER_BYTES = 24;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const MAGIC_MODIFIED = 0xa1b2cd34;
const MAGICS = [MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, MAGIC_MODIFIED];
/** PACKET_OUTGOING (linux/if_packet.h), as the modified format records it. */
const PACKET_OUTGOING = 4;

export class PcapReader implements RecordReader {
  trouble: CaptureTrouble | null = null;
  private readonly window: ByteWindow;
  private readonly isLittle: boolean;
  private readonly fractionNs: number;
  private readonly fractionMax: number;
  private readonly link: LinkLayer;
  private readonly headerBytes: number;
  private readonly isSwapped: boolean;
  private position = FILE_HEADER_BYTES;

  /** Throws CaptureError if the file's header cannot be used. */
  constructor(window: ByteWindow) {
    const at = window.at(0, FILE_HEADER_BYTES);
    if (at < 0) throw new CaptureError('not a capture file: too short');
    const { view } = window;
    this.window = window;
    this.isLittle = MAGICS.includes(view.getUint32(at, true));
    const magic = view.getUint32(at, this.isLittle);
    const [major, minor] = [view.getUint16(at + 4, this.isLittle), view.getUint16(at + 6, this.isLittle)];
    if (major !== 2) {
      const hint = 'convert it with an old tcpdump: tcpdump -r IN -w OUT';
      throw new CaptureError(`version ${major}.${minor} of the capture format cannot be read; ${hint}`);
    }
    this.fractionNs = magic === MAGIC_NANOSECONDS ? 1 : 1000;
    this.fractionMax = 1e9 / this.fractionNs;
    this.headerBytes = magic === MAGIC_MODIFIED ? MODIFIED_HEADER_BYTES : RECORD_HEADER_BYTES;
    this.isSwapped = minor < 3;
    // The upper bits say whether frames end with a check sequence.
    this.link = linkLayer(view.getUint32(at + 20, this.isLittle) & 0xffff);
  }

  static recognises(window: ByteWindow): boolean {
    const at = window.at(0, 4);
    return at >= 0 && [true, false].some((isLittle) => MAGICS.includes(window.view.getUint32(at, isLittle)));
  }

  next(record: CaptureRecord): boolean {
    const { window, position, isLittle, headerBytes } = this;
    if (window.at(position, 1) < 0) return false;
    const header = window.at(position, headerBytes);
    if (header < 0) return this.end('cut');
    const fraction = window.view.getUint32(header + 4, isLittle);
    const third = window.view.getUint32(header + 8, isLittle);
    const fourth = window.view.getUint32(header + 12, isLittle);
    const capturedBytes = this.isSwapped ? fourth : third;
    if (capturedBytes > FRAME_BYTES_MAX || fraction >= this.fractionMax) return this.end('damaged');
    const at = window.at(position, headerBytes + capturedBytes);
    if (at < 0) return this.end('cut');
    record.sec = window.view.getUint32(at, isLittle);
    record.ns = fraction * this.fractionNs;
    record.hasStamp = true;
    record.link = this.link;
    record.at = at + headerBytes;
    record.capturedBytes = capturedBytes;
    record.wireBytes = this.isSwapped ? third : fourth;
    record.direction = DIRECTION_UNKNOWN;
    if (headerBytes === MODIFIED_HEADER_BYTES)
      record.direction = window.view.getUint8(at + 22) === PACKET_OUTGOING ? DIRECTION_OUT : DIRECTION_IN;
    this.position = position + headerBytes + capturedBytes;
    return true;
  }

  private end(kind: CaptureTrouble['kind']): false {
    this.trouble = { kind, atByte: this.position };
    return false;
  }
}
