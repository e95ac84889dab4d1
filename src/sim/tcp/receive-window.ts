/**
 * The window that a receiver promises, as Linux does it: a buffer that grows with what the application reads
 * (dynamic right-sizing), a promise that grows with what arrives, and an application that may read slowly.
 *
 *                 read        next          right edge of the promise
 *   bytes          |  unread   |  promised       |
 *        -----------+-----------+-----------------+-----------
 *                   <------------ buffer ------------->
 *
 * References: RFC 9293, 3.8.6 (windows, silly windows); RFC 7323, 2 (scale; the window of a SYN has none);
 * Linux, net/ipv4/tcp_input.c and tcp_output.c: tcp_grow_window (two segments for each that arrives),
 * tcp_rcv_space_adjust (twice what was read in a round trip, and more while that grows), __tcp_select_window
 * (0 rather than a dribble), tcp_select_window (the edge never moves left), tcp_cleanup_rbuf (an update when
 * a read has doubled the window). Differences: a byte takes one byte of the buffer, and memory is never
 * short.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { SYN_WINDOW_MAX } from '../packets/headers.ts';

export interface ReceiveWindowOptions {
  /** The buffer at the start, and the longest that it grows to. Equal: it does not grow. */
  readonly startBytes: number;
  readonly maxBytes: number;
  /** Shift of the window field behind the handshake. */
  readonly scale: number;
  readonly segmentBytes: number;
  /** Rate at which the application reads; Infinity means at once. */
  readonly readBytesPerSec: number;
  /** Spans in which the application reads nothing, in order. */
  readonly pauses: readonly { readonly fromNs: number; readonly toNs: number }[];
}

/** A slow application reads so often. */
const READ_EVERY_NS = 10e6;
/** tcp_rcv_space_adjust: what was read in the first round trip counts from here on. */
const FIRST_SPACE_SEGMENTS = 10;

export class ReceiveWindow {
  private readonly options: ReceiveWindowOptions;
  /** The present size of the buffer, and the most that is promised of it. */
  private bufferBytes: number;
  private promiseBytes: number;
  /** Of the connection: bytes that have arrived, those without a hole before them, those that were read. */
  private arrivedBytes = 0;
  private orderedBytes = 0;
  private readBytes = 0;
  /** First byte after all promises, modulo 2^32. */
  private edge = 0;
  private roundTripNs = FLOAT_ZERO;
  // The span over which reading is measured.
  private spanStartNs = FLOAT_ZERO;
  private spanReadBytes = 0;
  private spaceBytes: number;

  constructor(options: ReceiveWindowOptions) {
    this.options = options;
    this.bufferBytes = options.startBytes;
    this.promiseBytes = options.startBytes;
    this.spaceBytes = Math.min(options.startBytes, FIRST_SPACE_SEGMENTS * options.segmentBytes);
  }

  /** Window field of a SYN or SYN-ACK after which byte `next` comes. */
  synField(next: number): number {
    const field = Math.min(SYN_WINDOW_MAX, this.options.startBytes);
    this.edge = (next + field) | 0;
    return field;
  }

  /** Window field of a segment that acknowledges all before byte `next`. */
  field(next: number): number {
    const { scale } = this.options;
    const promisedBytes = Math.max(0, (this.edge - next) | 0);
    const wanted = Math.max(promisedBytes, this.selectBytes());
    const field = Math.min(SYN_WINDOW_MAX, Math.ceil(wanted / 2 ** scale));
    const edge = (next + field * 2 ** scale) | 0;
    if (((edge - this.edge) | 0) > 0) this.edge = edge;
    return field;
  }

  /** Whether a segment that ends before byte `end` was promised room. */
  covers(end: number): boolean {
    return ((this.edge - end) | 0) >= 0;
  }

  /** `bytes` of payload have arrived, which came for the first time. */
  arrived(bytes: number): void {
    this.arrivedBytes += bytes;
    const room = Math.min(this.bufferBytes, this.freeBytes()) - this.promiseBytes;
    if (room > 0) this.promiseBytes += Math.min(room, 2 * this.options.segmentBytes);
  }

  /** `bytes` more have no hole before them, and can be read. */
  ordered(bytes: number): void {
    this.orderedBytes += bytes;
  }

  /** A round trip as the receiver sees it: what it sent was echoed. */
  sampleRoundTrip(ns: number): void {
    this.roundTripNs = this.roundTripNs === 0 ? ns : this.roundTripNs + (ns - this.roundTripNs) / 8;
  }

  get unreadBytes(): number {
    return this.orderedBytes - this.readBytes;
  }

  /** Instant at which the application reads next: `nowNs` if it reads at once. */
  nextReadNs(nowNs: number): number {
    const { readBytesPerSec, pauses } = this.options;
    let atNs = readBytesPerSec === Number.POSITIVE_INFINITY ? nowNs : nowNs + READ_EVERY_NS;
    for (const { fromNs, toNs } of pauses) if (atNs >= fromNs && atNs < toNs) atNs = toNs;
    return atNs;
  }

  /**
   * The application reads. Returns whether the sender is told: the window was small, and is twice as large
   * now.
   */
  read(next: number, nowNs: number): boolean {
    const { readBytesPerSec } = this.options;
    const mayRead =
      readBytesPerSec === Number.POSITIVE_INFINITY
        ? readBytesPerSec
        : (readBytesPerSec * READ_EVERY_NS) / 1e9;
    this.readBytes += Math.min(this.unreadBytes, mayRead);
    this.rightSize(nowNs);
    const promisedBytes = Math.max(0, (this.edge - next) | 0);
    if (2 * promisedBytes > this.bufferBytes) return false;
    const bytes = this.selectBytes();
    return bytes > 0 && bytes >= 2 * promisedBytes;
  }

  private freeBytes(): number {
    return Math.max(0, this.bufferBytes - (this.arrivedBytes - this.readBytes));
  }

  /** What could be promised now. */
  private selectBytes(): number {
    const { segmentBytes } = this.options;
    const freeBytes = this.freeBytes();
    if (freeBytes < this.bufferBytes / 2 && freeBytes < Math.min(segmentBytes, this.bufferBytes / 2))
      return 0;
    return Math.min(freeBytes, this.promiseBytes);
  }

  /** The buffer follows what was read in a round trip. */
  private rightSize(nowNs: number): void {
    const { maxBytes, segmentBytes } = this.options;
    if (this.roundTripNs === 0 || nowNs - this.spanStartNs < this.roundTripNs) return;
    const copiedBytes = this.readBytes - this.spanReadBytes;
    if (copiedBytes > this.spaceBytes) {
      const wanted = 2 * copiedBytes + 16 * segmentBytes;
      const growing = (2 * wanted * (copiedBytes - this.spaceBytes)) / this.spaceBytes;
      this.bufferBytes = Math.max(this.bufferBytes, Math.min(maxBytes, wanted + growing));
      this.spaceBytes = copiedBytes;
    }
    this.spanStartNs = nowNs;
    this.spanReadBytes = this.readBytes;
  }
}
