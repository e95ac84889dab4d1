/**
 * Compares the segments of TCP connections before and behind a shaper that edits windows: how long each one
 * waited, how much was sent again, and whether every edit was allowed.
 *
 * Allowed (RFC 9293, 3.8.6; RFC 7323, 2): a window never larger than the receiver's, never 0 unless the
 * receiver's is, and a right edge that never moves left, unless the receiver's own edge is there. A duplicate
 * acknowledgement stays one (RFC 5681, 2). Where no SYN was seen, nothing is edited.
 */
import { ACK, FIN, RST, SYN } from '../../src/packet/tcp-header.ts';
import type { Segment } from './capture.ts';

/** A segment on both sides. */
export interface Crossing {
  readonly before: Segment;
  readonly behind: Segment;
}

/** An edit that is not allowed. */
export interface Violation {
  readonly rule: 'larger' | 'closed' | 'left' | 'duplicate' | 'unknown scale' | 'handshake';
  readonly text: string;
}

/**
 * Pairs segments by what no shaper changes. Addresses may change on the way (NAT). Equal segments are
 * paired in their order. A segment without a partner was dropped, or is behind only.
 */
export function pair(
  before: readonly Segment[],
  behind: readonly Segment[],
): { crossings: Crossing[]; dropped: Segment[]; made: Segment[] } {
  const waiting = new Map<string, Segment[]>();
  for (const segment of before) {
    const key = keyOf(segment);
    const list = waiting.get(key);
    if (list) list.push(segment);
    else waiting.set(key, [segment]);
  }
  const crossings: Crossing[] = [];
  const made: Segment[] = [];
  for (const segment of behind) {
    const partner = waiting.get(keyOf(segment))?.shift();
    if (partner) crossings.push({ before: partner, behind: segment });
    else made.push(segment);
  }
  return { crossings, dropped: [...waiting.values()].flat(), made };
}

function keyOf({ seq, ack, flags, payloadBytes, stamps, scale }: Segment): string {
  return [seq, ack, flags, payloadBytes, stamps, scale].join();
}

/** What is known of one end of a connection, as a receiver. */
interface Receiver {
  /** Of its SYN; undefined if that was not seen. */
  scale: number | null | undefined;
  /** The furthest right edge that it was seen to promise behind the shaper. */
  edge: number | undefined;
  lastAck: number | undefined;
  lastIn: number;
  lastOut: number;
}

/** Every edit that is not allowed, of the segments in one direction and of those in the other. */
export function violations(...ways: readonly (readonly Crossing[])[]): Violation[] {
  const receivers = new Map<string, Receiver>();
  const receiverOf = (from: string, to: string): Receiver => {
    const key = `${from}>${to}`;
    const known = receivers.get(key);
    if (known) return known;
    const made: Receiver = { scale: undefined, edge: undefined, lastAck: undefined, lastIn: -1, lastOut: -1 };
    receivers.set(key, made);
    return made;
  };
  const all = ways.flat();
  for (const { before } of all) {
    // Scales of both ends first: a capture of the other direction may tell of a SYN.
    if ((before.flags & SYN) !== 0) receiverOf(before.from, before.to).scale = before.scale;
  }
  const found: Violation[] = [];
  for (const way of ways) for (const crossing of way) look(crossing, receiverOf, found);
  return found;
}

function look(
  { before, behind }: Crossing,
  receiverOf: (from: string, to: string) => Receiver,
  found: Violation[],
): void {
  const { ack, flags, payloadBytes, window: fieldIn } = before;
  const fieldOut = behind.window;
  const say = (rule: Violation['rule'], why: string): void => {
    const what = `${before.from} > ${before.to} seq ${before.seq} ack ${ack} window ${fieldIn} -> ${fieldOut}`;
    found.push({ rule, text: `${what}: ${why}` });
  };
  if ((flags & (SYN | RST)) !== 0) {
    if (fieldOut !== fieldIn) say('handshake', 'a SYN or RST was edited');
    const own = receiverOf(before.from, before.to);
    // A SYN-ACK promises from what it acknowledges on, and its window is not scaled.
    if ((flags & (SYN | ACK)) === (SYN | ACK)) own.edge = (ack + fieldIn) | 0;
    return;
  }
  if ((flags & ACK) === 0) return;
  const own = receiverOf(before.from, before.to);
  const other = receiverOf(before.to, before.from);
  if (own.scale === undefined || other.scale === undefined) {
    if (fieldOut !== fieldIn) say('unknown scale', 'no SYN was seen, and the window was edited');
    return;
  }
  const scale = own.scale === null || other.scale === null ? 0 : Math.min(own.scale, 14);
  if (fieldOut > fieldIn) say('larger', "the window is larger than the receiver's");
  if (fieldOut === 0 && fieldIn > 0) say('closed', 'the window was closed');
  const isPure = payloadBytes === 0 && (flags & FIN) === 0;
  if (isPure && own.lastAck === ack && own.lastIn === fieldIn && fieldOut !== own.lastOut)
    say('duplicate', `a duplicate acknowledgement shows another window than ${own.lastOut}`);
  const edge = (ack + (fieldOut << scale)) | 0;
  const trueEdge = (ack + (fieldIn << scale)) | 0;
  const isOld = own.lastAck !== undefined && ((ack - own.lastAck) | 0) < 0;
  if (own.edge !== undefined && !isOld) {
    const movesLeft = ((edge - own.edge) | 0) < 0;
    const isReceivers = ((trueEdge - own.edge) | 0) < 0 && fieldOut === fieldIn;
    if (movesLeft && !isReceivers) say('left', `the right edge moves left by ${(own.edge - edge) | 0}`);
  }
  if (own.edge === undefined || ((edge - own.edge) | 0) > 0) own.edge = edge;
  if (isOld) return;
  own.lastAck = ack;
  own.lastIn = fieldIn;
  own.lastOut = fieldOut;
}

/** How long segments with data waited between the two devices, in milliseconds, ascending. */
export function waitsMs(crossings: readonly Crossing[]): number[] {
  return crossings
    .filter(({ before }) => before.payloadBytes > 0)
    .map(({ before, behind }) => (behind.ns - before.ns) / 1e6)
    .sort((a, b) => a - b);
}

/** Payload bytes by sender, and those of them that had been sent before. */
export function sentAgain(segments: readonly Segment[]): { bytes: number; againBytes: number } {
  const ends = new Map<string, number>();
  let bytes = 0;
  let againBytes = 0;
  for (const { from, to, seq, payloadBytes } of segments) {
    if (payloadBytes === 0) continue;
    bytes += payloadBytes;
    const key = `${from}>${to}`;
    const end = ends.get(key);
    const newEnd = (seq + payloadBytes) | 0;
    const newBytes = end === undefined ? payloadBytes : (newEnd - end) | 0;
    againBytes += payloadBytes - Math.max(0, Math.min(payloadBytes, newBytes));
    if (end === undefined || newBytes > 0) ends.set(key, newEnd);
  }
  return { bytes, againBytes };
}
