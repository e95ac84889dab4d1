/**
 * A capture file as a sequence of packets, read through a window: the format of its file, the link layer of
 * its frames, lengths and instants. The file is read as often as cursors are opened; nothing of it is kept.
 */

import { CaptureError } from './capture-error.ts';
import { CARRIES_IP, carriesOf, headerBytesOf, linkLayer } from './links.ts';
import { PcapReader } from './pcap.ts';
import { PcapngReader } from './pcapng.ts';
import {
  type CaptureRecord,
  type CaptureTrouble,
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  type RecordReader,
} from './records.ts';
import { ByteWindow, type ReadAt } from './window.ts';

const IP_BYTES_MAX = 0xffff;
/** PACKET_OUTGOING (linux/if_packet.h) in a cooked header. */
const PACKET_OUTGOING = 4;
const LINK_RAW = 101;
/** First bytes of files that hold a capture in a form that has to be unpacked. */
const PACKED: readonly (readonly [string, readonly number[], string])[] = [
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 'zstd -dc FILE | shaper simulate --pcap - …'],
  ['xz', [0xfd, 0x37, 0x7a, 0x58], 'xz -dc FILE | shaper simulate --pcap - …'],
  ['bzip2', [0x42, 0x5a, 0x68], 'bzip2 -dc FILE | shaper simulate --pcap - …'],
  ['lz4', [0x04, 0x22, 0x4d, 0x18], 'lz4 -dc FILE | shaper simulate --pcap - …'],
  ['zip', [0x50, 0x4b, 0x03, 0x04], 'unzip -p FILE | shaper simulate --pcap - …'],
];

/** The present packet of a capture. Its bytes are valid until the next one is read. */
export class CaptureCursor {
  /** CARRIES_* of links.ts. */
  carries = 0;
  /** Bytes of link headers. */
  headerBytes = 0;
  /** Where the network header starts in `bytes`. */
  offset = 0;
  /** Bytes of the packet that were captured, from the network header on. */
  capturedBytes = 0;
  /** IP length, or the length that the link layer carried if there is no IP header. At least 1. */
  lengthBytes = 0;
  /** DIRECTION_* of records.ts. */
  direction = 0;
  readonly record: CaptureRecord = {
    sec: 0,
    ns: 0,
    hasStamp: false,
    link: linkLayer(LINK_RAW),
    at: 0,
    capturedBytes: 0,
    wireBytes: 0,
    direction: DIRECTION_UNKNOWN,
  };
  private readonly window: ByteWindow;
  private readonly reader: RecordReader;

  /** Throws CaptureError if the file is no capture, or is of a kind that cannot be read. */
  constructor(readAt: ReadAt) {
    this.window = new ByteWindow(readAt);
    this.reader = openReader(this.window);
  }

  get bytes(): Uint8Array {
    return this.window.bytes;
  }

  /** Why the packets ended before the file did; null if they did not. */
  get trouble(): CaptureTrouble | null {
    return this.reader.trouble;
  }

  /**
   * Reads the next packet. Returns false at the end. Throws CaptureError for a link layer that cannot be
   * read.
   */
  next(): boolean {
    const { record, window } = this;
    if (!this.reader.next(record)) return false;
    const { link, at, capturedBytes } = record;
    const located = link.locate(window.view, at, capturedBytes);
    this.carries = carriesOf(located);
    this.headerBytes = headerBytesOf(located);
    this.offset = at + this.headerBytes;
    this.capturedBytes = capturedBytes - this.headerBytes;
    this.lengthBytes = this.networkBytes(Math.max(record.wireBytes, capturedBytes) - this.headerBytes);
    this.direction = record.direction;
    const { packetTypeAt, packetTypeBytes } = link;
    if (packetTypeAt >= 0 && packetTypeAt + packetTypeBytes <= capturedBytes) {
      const type =
        packetTypeBytes === 1
          ? window.view.getUint8(at + packetTypeAt)
          : window.view.getUint16(at + packetTypeAt);
      this.direction = type === PACKET_OUTGOING ? DIRECTION_OUT : DIRECTION_IN;
    }
    return true;
  }

  /**
   * Length of the packet by its IP header, which leaves out Ethernet's padding. `carriedBytes`, the length
   * that the link layer carried, counts if there is no such header, or if the header says 0 or too much, as
   * it does in packets that were captured before the card segmented them.
   */
  private networkBytes(carriedBytes: number): number {
    const { window, offset, capturedBytes } = this;
    // A length that no network layer has comes from a broken record. Only the captured bytes are certain.
    const carried = Math.max(1, Math.min(carriedBytes, Math.max(capturedBytes, IP_BYTES_MAX)));
    if (this.carries !== CARRIES_IP) return carried;
    const version = capturedBytes > 0 ? window.view.getUint8(offset) >> 4 : 0;
    let said = 0;
    if (version === 4 && capturedBytes >= 4) said = window.view.getUint16(offset + 2);
    if (version === 6 && capturedBytes >= 6) {
      const payloadBytes = window.view.getUint16(offset + 4);
      said = payloadBytes === 0 ? 0 : payloadBytes + 40;
    }
    return said >= 20 && said <= carried ? said : carried;
  }
}

function openReader(window: ByteWindow): RecordReader {
  if (PcapReader.recognises(window)) return new PcapReader(window);
  if (PcapngReader.recognises(window)) return new PcapngReader(window);
  for (const [name, magic, command] of PACKED) {
    const at = window.at(0, magic.length);
    if (at >= 0 && magic.every((byte, i) => window.bytes[at + i] === byte))
      throw new CaptureError(`the file is packed with ${name}; unpack it first: ${command}`);
  }
  if (window.at(0, 4) < 0) throw new CaptureError('not a capture file: too short');
  throw new CaptureError('not a capture file: no magic number of pcap or pcapng at its start');
}
