/**
 * What the segments of one connection are, in the order in which they came here: data, data sent again,
 * duplicate acknowledgements, control packets; and what follows from them: bytes in flight, the receiver's
 * window in bytes, the time until data is acknowledged.
 *
 *   half i   data  >  sender --- here --- receiver          counts of half i are about its data
 *   half j   ACKs  <                                        that answer it
 *
 * Sequence numbers count modulo 2^32, so all differences are signed words (RFC 9293, 3.4). Data that begins
 * before the highest end seen was sent again, unless it fills a hole sooner than its sender could know of a
 * loss: that is reordering. A duplicate acknowledgement is one by RFC 5681, 2: no payload, neither SYN nor
 * FIN, the same number and window as the last one, while data is under way. Data that was sent again is not
 * timed (Karn).
 *
 * What cannot be known is null: flight and times without acknowledgements, because the other half takes
 * another way; windows of a connection whose SYNs were not seen.
 */
import { NONE } from '../../base/none.ts';
import type { TracedSegment } from '../../core/trace/trace-reader.ts';
import { ACK, FIN, RST, SYN } from '../../packet/tcp-header.ts';

export const SEGMENT_KINDS = ['control', 'data', 'duplicate', 'retransmission'] as const;
export type SegmentKind = (typeof SEGMENT_KINDS)[number];

/** One of the two directions of a connection: the one whose segment came first, and the other. */
export type HalfIndex = 0 | 1;

export interface Classified {
  readonly kind: SegmentKind;
  /** Of the sender of data, after this segment: of this half if it has payload, else of the other one. */
  readonly flightBytes: number | null;
  /** What its sender takes, before and after our edit. */
  readonly windowBefore: number | null;
  readonly windowAfter: number | null;
  /** From the data that it acknowledges to the segment, both seen here. */
  readonly answerNs: number | null;
}

/** Where no answer was timed yet: holes that are filled sooner are reordering. */
const REORDERING_NS = 3e6;
/** Data whose answer is timed. Older data makes room. */
const PENDING_MAX = 4096;

interface Pending {
  readonly end: number;
  readonly atNs: number;
}

export class Half {
  isSeen = false;
  segments = 0;
  /** Payload that was sent for the first time, and that the other half has acknowledged. */
  payloadBytes = 0;
  ackedBytes = 0;
  dataSegments = 0;
  retransmits = 0;
  /** Of its acknowledgements. */
  duplicates = 0;
  /** Of its acknowledgements: they waited here for their instant. */
  held = 0;
  /** Dropped here. */
  dropped = 0;
  /** The end of the highest data, and of what is acknowledged of it; null if not known. */
  high: number | null = null;
  acked: number | null = null;
  /** Of the last acknowledgement that it sent. */
  lastAck: number | null = null;
  lastWindow = 0;
  /** Data before this end was skipped, and when. */
  holeEnd: number | null = null;
  holeNs = 0;
  leastAnswerNs = Number.POSITIVE_INFINITY;
  /** When its last segment with data came. */
  lastDataNs = Number.NEGATIVE_INFINITY;
  /** Data whose answer is timed, oldest first. */
  pending: Pending[] = [];
  /** Answers up to this number are not timed, because data before it was sent again. */
  unclearEnd: number | null = null;

  /** Another connection begins between the same ports. Counts go on. */
  begin(): void {
    this.high = null;
    this.acked = null;
    this.lastAck = null;
    this.holeEnd = null;
    this.unclearEnd = null;
    this.pending = [];
  }

  /** Bytes that were sent and are not acknowledged; null if that is not known. */
  get flightBytes(): number | null {
    const { high, acked } = this;
    return high === null || acked === null ? null : Math.max(0, (high - acked) | 0);
  }
}

export class TcpConnection {
  readonly halves: readonly [Half, Half] = [new Half(), new Half()];
  firstNs = 0;
  lastNs = 0;
  /** A FIN or RST was seen and nothing but acknowledgements since. */
  hasEnded = false;

  /** The half that has sent more payload. */
  get dataHalf(): HalfIndex {
    const [a, b] = this.halves;
    return b.payloadBytes > a.payloadBytes ? 1 : 0;
  }

  /** A segment of half `i` comes. */
  take(i: HalfIndex, segment: TracedSegment): Classified {
    const own = this.halves[i];
    const other = this.halves[i === 0 ? 1 : 0];
    const { flags, payloadBytes, scale } = segment;
    if (!own.isSeen && !other.isSeen) this.firstNs = segment.atNs;
    own.isSeen = true;
    own.segments++;
    this.lastNs = segment.atNs;
    if (payloadBytes > 0) own.lastDataNs = segment.atNs;
    if ((flags & (FIN | RST)) !== 0) this.hasEnded = true;
    else if (payloadBytes > 0 || (flags & SYN) !== 0) this.hasEnded = false;
    if ((flags & SYN) !== 0 && own.high !== ((segment.seq + 1) | 0)) own.begin();
    const sent = sends(own, segment);
    const isAck = (flags & ACK) !== 0 && (flags & RST) === 0;
    const answerNs = isAck ? acknowledges(other, segment) : null;
    const isDuplicate = isAck && repeats(own, other, segment);
    if (isDuplicate) own.duplicates++;
    if (segment.isHeld) own.held++;
    const windowOf = (field: number): number | null =>
      (flags & RST) !== 0 || (scale === NONE && field !== 0) ? null : field << Math.max(0, scale);
    return {
      kind: isDuplicate ? 'duplicate' : sent,
      flightBytes: (payloadBytes > 0 ? own : other).flightBytes,
      windowBefore: windowOf(segment.windowBefore),
      windowAfter: windowOf(segment.windowAfter),
      answerNs,
    };
  }
}

/** What a segment sends. */
function sends(half: Half, { flags, seq, payloadBytes, atNs }: TracedSegment): SegmentKind {
  const spaceBytes = payloadBytes + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
  if (spaceBytes === 0) return 'control';
  const kind = payloadBytes > 0 ? 'data' : 'control';
  const end = (seq + spaceBytes) | 0;
  const aheadBytes = half.high === null ? 0 : (seq - half.high) | 0;
  if (aheadBytes < 0) return sendsAgain(half, seq, end, payloadBytes, flags, atNs);
  if (aheadBytes > 0) {
    half.holeEnd = seq;
    half.holeNs = atNs;
  }
  half.high = end;
  half.payloadBytes += payloadBytes;
  if (payloadBytes > 0) half.dataSegments++;
  half.pending.push({ end, atNs });
  if (half.pending.length > PENDING_MAX) half.pending.shift();
  return kind;
}

/** What a segment that begins before the highest end sends. */
function sendsAgain(
  half: Half,
  seq: number,
  end: number,
  payloadBytes: number,
  flags: number,
  atNs: number,
): SegmentKind {
  const high = half.high!;
  // A keepalive, or a probe of a closed window (RFC 9293, 3.8.4, 3.8.6.1).
  if (payloadBytes <= 1 && (flags & (SYN | FIN)) === 0 && seq === ((high - 1) | 0)) return 'control';
  const newBytes = (end - high) | 0;
  if (newBytes > 0) {
    half.high = end;
    half.payloadBytes += Math.min(newBytes, payloadBytes);
  }
  if (payloadBytes === 0) return 'control';
  half.dataSegments++;
  const leastNs = Number.isFinite(half.leastAnswerNs) ? half.leastAnswerNs : REORDERING_NS;
  const fillsHole = half.holeEnd !== null && ((seq - half.holeEnd) | 0) < 0;
  if (fillsHole && atNs - half.holeNs < leastNs) {
    half.payloadBytes += payloadBytes;
    return 'data';
  }
  half.retransmits++;
  half.unclearEnd = half.high;
  return 'retransmission';
}

/** The segment acknowledges data of `half`. Returns how long that took, if it says so. */
function acknowledges(half: Half, { ack, atNs }: TracedSegment): number | null {
  const before = half.acked;
  const advance = before === null ? 0 : (ack - before) | 0;
  if (before !== null && advance <= 0) return null;
  half.acked = ack;
  half.ackedBytes += advance;
  // What it acknowledges has passed, although nobody has seen it.
  if (half.high !== null && ((ack - half.high) | 0) > 0) half.high = ack;
  const isUnclear = half.unclearEnd !== null && ((ack - half.unclearEnd) | 0) <= 0;
  let passed: Pending | null = null;
  let n = 0;
  for (; n < half.pending.length && ((ack - half.pending[n].end) | 0) >= 0; n++) passed = half.pending[n];
  half.pending.splice(0, n);
  if (passed === null || isUnclear) return null;
  half.unclearEnd = null;
  const answerNs = atNs - passed.atNs;
  if (answerNs < half.leastAnswerNs) half.leastAnswerNs = answerNs;
  return answerNs;
}

/** Whether the segment of `own` is a duplicate acknowledgement of data of `other`. */
function repeats(own: Half, other: Half, { ack, flags, payloadBytes, windowBefore }: TracedSegment): boolean {
  const isPure = payloadBytes === 0 && (flags & (SYN | FIN)) === 0;
  const isSame = own.lastAck === ack && own.lastWindow === windowBefore;
  if (own.lastAck === null || ((ack - own.lastAck) | 0) >= 0) {
    own.lastAck = ack;
    own.lastWindow = windowBefore;
  }
  return isPure && isSame && (other.flightBytes ?? 0) > 0;
}
