/**
 * What the segments of a connection show of it while they pass: round trips, retransmissions, the receiver's
 * window. Nothing decides by it.
 *
 *   sender --- left half --- here --- right half --- receiver
 *
 * The flow of each direction has the half between here and the end that its segments go to. The round trip is
 * the sum of both. One answer is timed at once for each flow: the first echo of a time stamp where there are
 * time stamps (RFC 7323), else the acknowledgement of data that was sent once (Karn, Partridge, "Improving
 * round-trip time estimates in reliable transport protocols", 1987). SYN and SYN-ACK are such data too. The
 * time stamp of a pure acknowledgement is timed only while data of the other direction is under way. It
 * counts for the smoothed half only if it is not much longer than the least one: its echo may have waited for
 * the application.
 *
 * Data that begins before the highest end seen was sent again, unless it fills a hole sooner than its sender
 * could know of a loss, which is a round trip after the hole was seen: that is reordering. Keepalives and
 * probes of a closed window are no retransmissions either.
 *
 * The window is known if both SYNs were seen (its scale), a closed one always.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS } from '../../limits.ts';
import type { Parsed } from '../../packet/parse.ts';
import {
  ACK,
  ACK_AT,
  FIN,
  FLAGS_AT,
  headerBytesOf,
  IPPROTO_TCP,
  RST,
  readHalf,
  readWord,
  SEQ_AT,
  SYN,
  TCP_HEADER_BYTES,
  WINDOW_AT,
} from '../../packet/tcp-header.ts';
import { TcpOptions } from '../../packet/tcp-options.ts';
import type { FlowKeys } from './flow-keys.ts';
import {
  type FlowMemory,
  FULL_MS,
  GENERATION,
  HAS_SCALE,
  HOLE_END,
  HOLE_US,
  LAST_STAMP,
  measureAt,
  PEER_ACK,
  PEER_EDGE,
  PENDING,
  PENDING_US,
  RETRANSMITS,
  REVERSE,
  REVERSE_GENERATION,
  RTT_MIN_US,
  RTT_US,
  SCALE_SHIFT,
  SEQ_HIGH,
  SYN_SEEN,
  TCP_ACK_KNOWN,
  TCP_EDGE_KNOWN,
  TCP_READ,
  TCP_SEQ_KNOWN,
  TCP_STATE,
} from './flow-layout.ts';
import { scaleOf, TcpView } from './tcp-view.ts';

// More bits of TCP_STATE.
const IS_TIMED = 64;
/** An echo of a time stamp is timed. */
const BY_STAMP = 128;
/** It is the time stamp of a pure acknowledgement. */
const OF_ACK = 256;
const STAMP_KNOWN = 512;
const HAS_HOLE = 1024;

/** Where no round trip is known: holes that are filled sooner are reordering. */
const REORDERING_US = 3000;
/** Data that fits the window no more, at most. */
const FULL_BYTES = 1460;
/** An echo of an acknowledgement counts up to twice the least half and this. */
const ECHO_SLACK_US = 20_000;
/** A longer answer is none: the connection has stood still. */
const LONGEST_US = 60_000_000;

export class TcpWatch {
  readonly view: TcpView;
  private readonly records: Int32Array;
  private readonly words: Int32Array;
  private readonly keys: FlowKeys;
  private readonly options = new TcpOptions();
  /** By row of the batch: the flow of the other direction. */
  private readonly ahead = new Int32Array(ARRIVAL_ROWS);
  /** Keeps the reads of readAhead() from being optimised away. */
  readAheadSum = 0;
  private nowUs = 0;
  private nowMs = 0;

  constructor({ measures }: FlowMemory, keys: FlowKeys) {
    this.view = new TcpView(keys.table, measures);
    this.words = measures;
    this.records = keys.table.words;
    this.keys = keys;
  }

  /** A batch begins: all its segments come at one instant. */
  nowIs(nowNs: number, nowMs: number): void {
    this.nowUs = Math.floor(nowNs / 1e3) | 0;
    this.nowMs = nowMs;
  }

  /** Reads ahead what read() will need of the flows that FlowKeys has read ahead, many at once. */
  readAhead(parsed: Parsed, rows: number): void {
    const { keys, words, records, ahead } = this;
    if (!keys.isReadAhead) return;
    let sum = 0;
    for (let p = 0; p < rows; p++) {
      const f = parsed.protocol[p] === IPPROTO_TCP ? keys.probableRow(p) : NONE;
      ahead[p] = f === NONE ? NONE : words[measureAt(f) + REVERSE];
    }
    for (let p = 0; p < rows; p++) {
      const other = ahead[p];
      if (other !== NONE) sum ^= records[other + GENERATION] ^ words[measureAt(other) + TCP_STATE];
    }
    this.readAheadSum = sum;
  }

  /**
   * Reads a segment of flow `f`, whose header begins at `slab[at]`. `segmentBytes` are its header and payload
   * by the IP length. Touches nothing at or behind `slab[end]`.
   */
  read(f: number, slab: Uint8Array, at: number, end: number, segmentBytes: number): void {
    if (at + TCP_HEADER_BYTES > end) return;
    const headerBytes = headerBytesOf(slab, at);
    const flags = slab[at + FLAGS_AT];
    if (headerBytes < TCP_HEADER_BYTES || segmentBytes < headerBytes || (flags & RST) !== 0) return;
    const { words, options } = this;
    const m = measureAt(f);
    if (words[m + TCP_STATE] === 0) this.begin(f, m);
    options.read(slab, at, Math.min(end, at + headerBytes), (flags & SYN) !== 0);
    const r = this.reverse(m);
    const seq = readWord(slab, at + SEQ_AT);
    const payloadBytes = segmentBytes - headerBytes;
    if ((flags & SYN) !== 0) this.handshake(m, seq);
    const spaceBytes = payloadBytes + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    let isNew = false;
    if (spaceBytes > 0) isNew = this.sends(m, seq, spaceBytes, payloadBytes, flags);
    if (r !== NONE && (flags & ACK) !== 0)
      this.answers(m, r, readWord(slab, at + ACK_AT), readHalf(slab, at + WINDOW_AT), flags);
    this.startTiming(m, r, seq + spaceBytes, isNew, flags);
  }

  /** Finds the flow of the other direction, and makes both know each other. */
  private begin(f: number, m: number): void {
    const { words, records } = this;
    words[m + TCP_STATE] = TCP_READ;
    words[m + REVERSE] = NONE;
    const other = this.keys.reverseOf(f);
    // A packet from a host to itself, with one port.
    if (other === NONE || other === f) return;
    words[m + REVERSE] = other;
    words[m + REVERSE_GENERATION] = records[other + GENERATION];
    const r = measureAt(other);
    words[r + REVERSE] = f;
    words[r + REVERSE_GENERATION] = records[f + GENERATION];
  }

  /** The measure of the flow of the other direction; NONE if there is none. */
  private reverse(m: number): number {
    const { words, records } = this;
    const other = words[m + REVERSE];
    if (other === NONE || records[other + GENERATION] !== words[m + REVERSE_GENERATION]) return NONE;
    return words[measureAt(other) + TCP_STATE] === 0 ? NONE : measureAt(other);
  }

  /** A SYN: of the same connection again, or of a new one. */
  private handshake(m: number, seq: number): void {
    const { words, options } = this;
    const state = words[m + TCP_STATE];
    // The number behind a SYN that was seen is in use until data follows it.
    if ((state & SYN_SEEN) !== 0 && words[m + SEQ_HIGH] === ((seq + 1) | 0)) return;
    const scale = options.scale === NONE ? 0 : HAS_SCALE | (Math.min(options.scale, 14) << SCALE_SHIFT);
    words[m + TCP_STATE] = TCP_READ | SYN_SEEN | scale;
  }

  /** Data, a SYN or a FIN. Returns whether it is new. */
  private sends(m: number, seq: number, spaceBytes: number, payloadBytes: number, flags: number): boolean {
    const { words } = this;
    const state = words[m + TCP_STATE];
    const end = (seq + spaceBytes) | 0;
    if ((state & TCP_SEQ_KNOWN) === 0) {
      words[m + TCP_STATE] = state | TCP_SEQ_KNOWN;
      words[m + SEQ_HIGH] = end;
      return true;
    }
    const aheadBytes = (seq - words[m + SEQ_HIGH]) | 0;
    if (aheadBytes < 0) {
      this.sendsAgain(m, seq, payloadBytes, flags);
      if (((end - words[m + SEQ_HIGH]) | 0) > 0) words[m + SEQ_HIGH] = end;
      return false;
    }
    if (aheadBytes > 0) {
      words[m + TCP_STATE] = state | HAS_HOLE;
      words[m + HOLE_END] = seq;
      words[m + HOLE_US] = this.nowUs;
    }
    words[m + SEQ_HIGH] = end;
    const roomBytes = (words[m + PEER_EDGE] - end) | 0;
    if ((state & TCP_EDGE_KNOWN) !== 0 && roomBytes < Math.min(payloadBytes, FULL_BYTES))
      words[m + FULL_MS] = this.nowMs;
    return true;
  }

  /** A segment that begins before the highest end seen. */
  private sendsAgain(m: number, seq: number, payloadBytes: number, flags: number): void {
    const { words } = this;
    const state = words[m + TCP_STATE];
    if (payloadBytes <= 1 && (flags & (SYN | FIN)) === 0 && seq === ((words[m + SEQ_HIGH] - 1) | 0)) {
      const isUnknown = (state & TCP_ACK_KNOWN) === 0;
      const isAcked = words[m + PEER_ACK] === words[m + SEQ_HIGH];
      const isClosed =
        (state & TCP_EDGE_KNOWN) !== 0 && ((words[m + PEER_EDGE] - words[m + SEQ_HIGH]) | 0) <= 0;
      if (isUnknown || isAcked || isClosed) return;
    }
    if ((state & HAS_HOLE) !== 0 && ((seq - words[m + HOLE_END]) | 0) < 0) {
      const sinceUs = (this.nowUs - words[m + HOLE_US]) >>> 0;
      if (sinceUs < this.roundTripUs(m)) return;
    }
    words[m + RETRANSMITS] += 1;
    // Whose answer comes next, nobody knows (Karn). A time stamp knows.
    if ((state & BY_STAMP) === 0) words[m + TCP_STATE] = state & ~IS_TIMED;
  }

  /** The least round trip, as far as it is known. */
  private roundTripUs(m: number): number {
    const r = this.reverse(m);
    const us = this.words[m + RTT_MIN_US] + (r === NONE ? 0 : this.words[r + RTT_MIN_US]);
    return us === 0 ? REORDERING_US : us;
  }

  /** A segment acknowledges data of the other direction, measure `r`, and has the window of its sender. */
  private answers(m: number, r: number, ack: number, windowField: number, flags: number): void {
    const { words, options } = this;
    let state = words[r + TCP_STATE];
    if ((state & TCP_ACK_KNOWN) === 0 || ((ack - words[r + PEER_ACK]) | 0) >= 0) {
      words[r + PEER_ACK] = ack;
      state |= TCP_ACK_KNOWN;
      const scale = (flags & SYN) !== 0 ? 0 : scaleOf(words[m + TCP_STATE], state);
      if (scale === NONE && windowField !== 0) {
        state &= ~TCP_EDGE_KNOWN;
      } else {
        words[r + PEER_EDGE] = ack + (windowField << scale);
        state |= TCP_EDGE_KNOWN;
        if (windowField === 0) words[r + FULL_MS] = this.nowMs;
      }
    }
    if ((state & IS_TIMED) !== 0) {
      const answer =
        (state & BY_STAMP) === 0 ? ack : options.hasStamp ? options.echo : words[r + PENDING] - 1;
      const behind = (answer - words[r + PENDING]) | 0;
      if (behind >= 0) {
        state &= ~IS_TIMED;
        // An echo of a later time stamp says too little: it may have waited for that one.
        if ((state & BY_STAMP) === 0 || behind === 0)
          this.timed(r, (this.nowUs - words[r + PENDING_US]) >>> 0, state);
      }
    }
    words[r + TCP_STATE] = state;
  }

  /** A half was measured (RFC 6298, 2.3: an eighth of the difference counts). */
  private timed(m: number, us: number, state: number): void {
    const { words } = this;
    if (us > LONGEST_US) return;
    const sampleUs = us === 0 ? 1 : us;
    const leastUs = words[m + RTT_MIN_US];
    if (leastUs === 0 || sampleUs < leastUs) words[m + RTT_MIN_US] = sampleUs;
    if ((state & OF_ACK) !== 0 && leastUs > 0 && sampleUs > 2 * leastUs + ECHO_SLACK_US) return;
    const before = words[m + RTT_US];
    words[m + RTT_US] = before === 0 ? sampleUs : before + ((sampleUs - before + 4) >> 3);
  }

  /** Begins to time the answer to a segment if none is timed. */
  private startTiming(m: number, r: number, end: number, isNew: boolean, flags: number): void {
    const { words, options } = this;
    let state = words[m + TCP_STATE];
    if (options.hasStamp) {
      const { stamp } = options;
      const isSeen = (state & STAMP_KNOWN) !== 0 && ((stamp - words[m + LAST_STAMP]) | 0) <= 0;
      if (!isSeen) words[m + LAST_STAMP] = stamp;
      state |= STAMP_KNOWN;
      words[m + TCP_STATE] = state;
      if ((flags & SYN) === 0) {
        const isEchoed = isNew || (r !== NONE && isUnderWay(words, r));
        if (isSeen || !isEchoed || (state & IS_TIMED) !== 0) return;
        words[m + PENDING] = stamp;
        words[m + PENDING_US] = this.nowUs;
        words[m + TCP_STATE] = (state & ~OF_ACK) | IS_TIMED | BY_STAMP | (isNew ? 0 : OF_ACK);
        return;
      }
    }
    if (!isNew || (state & IS_TIMED) !== 0) return;
    words[m + PENDING] = end;
    words[m + PENDING_US] = this.nowUs;
    words[m + TCP_STATE] = (state & ~(BY_STAMP | OF_ACK)) | IS_TIMED;
  }
}

/** Whether data waits for its acknowledgement. */
function isUnderWay(words: Int32Array, m: number): boolean {
  const known = TCP_SEQ_KNOWN | TCP_ACK_KNOWN;
  return (words[m + TCP_STATE] & known) === known && ((words[m + SEQ_HIGH] - words[m + PEER_ACK]) | 0) > 0;
}
