/**
 * The window of an acknowledgement that holds a sender to a rate.
 *
 * Reference: RFC 9293, 3.8.6 (windows are not shrunk), RFC 7323, 2 (window scale; a SYN is never scaled),
 * RFC 5681, 2 (a duplicate acknowledgement has the same window); Karandikar, Kalyanaraman, Bagal, Packer,
 * "TCP rate control", ACM CCR 30 (2000).
 *
 * Model. A sender keeps at most a window of data under way, so its rate is window / round trip. An
 * acknowledgement of byte `a` with field `f` and scale `s` lets it send up to the edge a + (f << s). Of the
 * edges that we let through, the furthest is the promised edge E. Ours lies between the sender's last
 * promise and the receiver's:
 *
 *     a .......... E ...... a + target ......... T = a + (f << s)
 *     |  promised  |          wanted              the receiver's
 *
 *     edge = min(T, max(E, a + target)); it grows by a segment or half a target at least, or up to T
 *     field = (edge - a) >> s, one more if that is left of E; never 0 unless f is
 *
 * Two segments, the least target, are rounded up to units of 2^s, or one full segment would fit. A larger
 * target is rounded down.
 *
 * | parameter   | unit  | range      | default                                             |
 * |-------------|-------|------------|-----------------------------------------------------|
 * | targetBytes | bytes | >= 0       | share.ts; less than MIN_SEGMENTS segments count as those |
 * | mssBytes    | bytes | > 0        | of a full segment of the connection                 |
 * | scale       | bits  | 0 .. 14    | of the receiver; more counts as 14 (RFC 7323, 2.3)  |
 *
 * Worked example: scale 7, segments of 1460, E 30200, target 20000. ACK 1000 with field 229: T is 30312, a
 * + target is left of E, so the edge stays: 29200 >> 7 is 228, which is left of E, so 229 goes out, and E
 * is 30312. ACK 12680 with field 501 and E 30520: wanted 32680, field 156, E 32648.
 *
 * Invariants (test/property/pacing-window):
 *  1. No field is above the receiver's, and none is 0 unless the receiver's is.
 *  2. The edge of no acknowledgement is left of E, unless the receiver's own edge is, or it is an old one.
 *  3. A duplicate acknowledgement has the field of the first one.
 *  4. A window update does not become a duplicate: one that would have the field of the acknowledgement
 *     before has one unit more, where a unit is no longer than a segment.
 *
 * Departures: invariant 4 and the rounding of two segments are ours. State is a few words, so that a
 * connection needs no object. Cost: about 10 ns an acknowledgement.
 */
import { NONE } from '../../base/none.ts';

/** Fewer would meet delayed acknowledgements: one segment every 40 to 200 ms. */
export const MIN_SEGMENTS = 2;
const SCALE_MAX = 14;

// Words of the state.
const SCALE = 0;
const MSS = 1;
/** The promised edge. */
const EDGE = 2;
/** The last acknowledgement: its number, and its field as it came and as it went. */
const ACK = 3;
const FIELD_IN = 4;
const FIELD_OUT = 5;
export const WINDOW_WORDS = 6;

/** Begins at the edge that the receiver has promised by then. */
export function openWindow(
  words: Int32Array,
  at: number,
  scale: number,
  mssBytes: number,
  edge: number,
): void {
  words[at + SCALE] = scale > SCALE_MAX ? SCALE_MAX : scale;
  words[at + MSS] = mssBytes;
  words[at + EDGE] = edge | 0;
  words[at + ACK] = edge | 0;
  words[at + FIELD_IN] = NONE;
  words[at + FIELD_OUT] = NONE;
}

export function setMss(words: Int32Array, at: number, mssBytes: number): void {
  words[at + MSS] = mssBytes;
}

export function mssOf(words: Int32Array, at: number): number {
  return words[at + MSS];
}

/** Bytes of a window that are a whole number of the receiver's units, at least `bytes`. */
export function wholeUnits(words: Int32Array, at: number, bytes: number): number {
  const scale = words[at + SCALE];
  return ((bytes + (1 << scale) - 1) >> scale) << scale;
}

/** The furthest edge that was let through, modulo 2^32. */
export function promisedEdge(words: Int32Array, at: number): number {
  return words[at + EDGE];
}

/** Whether acknowledgement `ack` repeats the last one. `isPlain`: no data, SYN or FIN. */
export function isDuplicate(
  words: Int32Array,
  at: number,
  ack: number,
  field: number,
  isPlain: boolean,
): boolean {
  return isPlain && words[at + FIELD_IN] === field && words[at + ACK] === (ack | 0);
}

/** Bytes that `ack` acknowledges beyond the last acknowledgement; 0 or less for an old or repeated one. */
export function newlyAcked(words: Int32Array, at: number, ack: number): number {
  return words[at + FIELD_IN] === NONE ? 0 : ((ack | 0) - words[at + ACK]) | 0;
}

/**
 * The field with which an acknowledgement goes on. Not for SYN and RST. An acknowledgement that must go on
 * as it came has `targetBytes` Infinity.
 */
export function nextField(
  words: Int32Array,
  at: number,
  ack: number,
  field: number,
  targetBytes: number,
  isPlain: boolean,
): number {
  const scale = words[at + SCALE];
  const number = ack | 0;
  const isFirst = words[at + FIELD_IN] === NONE;
  if (!isFirst && ((number - words[at + ACK]) | 0) < 0) return oldField(words, at, number, field);
  if (isDuplicate(words, at, number, field, isPlain)) return words[at + FIELD_OUT];
  const mss = words[at + MSS];
  const promisedBytes = (words[at + EDGE] - number) | 0;
  const offeredBytes = field << scale;
  // Rounded down to units, one full segment would fit, and wait for a delayed acknowledgement.
  const least = (((MIN_SEGMENTS * mss - 1) >> scale) + 1) << scale;
  const target = targetBytes > least ? targetBytes : least;
  let bytes = promisedBytes;
  if (target > promisedBytes) {
    const wanted = target < offeredBytes ? target : offeredBytes;
    const gain = wanted - promisedBytes;
    if (gain >= mss || gain >= target / 2 || wanted === offeredBytes) bytes = wanted;
  }
  let out = field;
  if (bytes < offeredBytes) {
    out = bytes >> scale;
    if (out << scale < promisedBytes) out++;
    if (out <= 0) out = 1;
    // A sender without SACK would count a window update as a duplicate.
    const isUpdate = isPlain && number === words[at + ACK] && field > words[at + FIELD_IN];
    if (isUpdate && out === words[at + FIELD_OUT] && 1 << scale <= mss) out++;
    if (out > field) out = field;
  }
  const edge = (number + (out << scale)) | 0;
  if (((edge - words[at + EDGE]) | 0) > 0) words[at + EDGE] = edge;
  words[at + ACK] = number;
  words[at + FIELD_IN] = field;
  words[at + FIELD_OUT] = out;
  return out;
}

/** An acknowledgement goes on as it came, because its bytes cannot be edited. */
export function passedWhole(words: Int32Array, at: number, ack: number, field: number): void {
  const number = ack | 0;
  const edge = (number + (field << words[at + SCALE])) | 0;
  if (((edge - words[at + EDGE]) | 0) > 0) words[at + EDGE] = edge;
  if (words[at + FIELD_IN] !== NONE && ((number - words[at + ACK]) | 0) < 0) return;
  words[at + ACK] = number;
  words[at + FIELD_IN] = field;
  words[at + FIELD_OUT] = field;
}

/** An acknowledgement that was overtaken: it promises no more than E, where that can be said. */
function oldField(words: Int32Array, at: number, ack: number, field: number): number {
  const scale = words[at + SCALE];
  const most = ((words[at + EDGE] - ack) | 0) >> scale;
  if (field <= most) return field;
  if (most > 0) return most;
  // E lies within the first unit. One unit goes beyond it, and is promised then.
  if (field > 0)
    words[at + EDGE] = Math.max((ack + (1 << scale) - words[at + EDGE]) | 0, 0) + words[at + EDGE];
  return field > 0 ? 1 : 0;
}
