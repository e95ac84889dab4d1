/**
 * TCP rate control: what becomes of the acknowledgements of paced connections.
 *
 *   flow d    data, which its class limits          sender ---- d ---> receiver
 *   flow f    answers it                            sender <--- f ---- receiver
 *
 *   a segment of f  >  its window becomes that of the share of d    (algo/pacing/window.ts)
 *                   >  it goes on at once, or when the share has earned what it acknowledges (ack-timing.ts)
 *
 * It comes here before it comes to a class of its own direction, if that is shaped at all. A segment of f
 * that is not held goes behind those that are, and takes them along. What every 100 ms are worth is decided
 * in shares.ts.
 *
 * Acknowledgements may pass unseen while rules are away, or the class is not paced. The sender knows of a
 * promise then that we do not know. So the next acknowledgement goes on as it came: its promise holds from
 * then on. A gap is told by who knows of it (loseSight), or shows in data or an acknowledgement beyond the
 * promised edge.
 *
 * Untouched are SYN and RST, connections whose handshake was not seen, and those whose segments are signed
 * (RFC 2385, RFC 5925).
 */
import { dataComes, dueNs, HOLD_MAX_NS, passes } from '../../algo/pacing/ack-timing.ts';
import { CHECKSUM_AT, checksumAfter, tcpChecksum } from '../../algo/pacing/checksum.ts';
import {
  isDuplicate,
  mssOf,
  newlyAcked,
  nextField,
  passedWhole,
  promisedEdge,
  setMss,
} from '../../algo/pacing/window.ts';
import { NONE } from '../../base/none.ts';
import type { Arrivals } from '../../packet/batch.ts';
import { FRAGMENT_NONE, type Parsed } from '../../packet/parse.ts';
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
  SYN,
  TCP_HEADER_BYTES,
  WINDOW_AT,
} from '../../packet/tcp-header.ts';
import { isSigned } from '../../packet/tcp-options.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { TcpView } from '../flows/tcp-view.ts';
import type { Edits } from '../packets/edits.ts';
import { FLAG_SPARED, type HeldTable } from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import { AnswerMarks } from './answer-marks.ts';
import {
  Connections,
  FREE_UNTIL_TICK,
  HAS_ENDED,
  HEADER_BYTES,
  IS_EDGE_UNKNOWN,
  IS_TIMED,
  LIMITED_TICK,
  NS_PER_BYTE,
  STATE,
  TARGET_BYTES,
  TIMING,
  WINDOW,
} from './connections.ts';
import { HeldAcks } from './held-acks.ts';

/**
 * NFQA_SKB_* (linux/netfilter/nfnetlink_queue.h): the checksum covers the pseudo header only; a
 * superpacket.
 */
const SKB_CSUM_NOT_READY = 1;
const SKB_GSO = 2;
/** Segments of a jumbo frame. */
const MSS_MAX = 9000;
/** A connection that has moved no more is in its first flights, which its class takes whole. */
const FIRST_BYTES = 65_536;

export class Pacing {
  readonly connections = new Connections();
  readonly acks: HeldAcks;
  readonly marks: AnswerMarks;
  /** Number of the present tick of shares.ts. */
  tick = 1;
  /** Gives a connection that has begun its first share. */
  onBegin: (d: number, c: number) => void = () => undefined;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly view: TcpView;
  private readonly edits: Edits;
  private readonly ledger: Ledger;
  /** By class: itself or the nearest class around it with pacing; NONE if there is none. */
  private pacedBy: Int16Array;

  constructor(held: HeldTable, flows: FlowTable, edits: Edits, ledger: Ledger, pacedBy: Int16Array) {
    this.held = held;
    this.flows = flows;
    this.view = flows.tcp.view;
    this.edits = edits;
    this.ledger = ledger;
    this.acks = new HeldAcks(held);
    this.marks = new AnswerMarks(held, flows);
    this.pacedBy = pacedBy;
  }

  /** Goes by other classes. No acknowledgement is held. */
  regroup(pacedBy: Int16Array): void {
    this.pacedBy = pacedBy;
    this.forgetUnpaced();
  }

  /** Forgets connections whose flow is gone, or whose class is not paced any more. */
  forgetUnpaced(): void {
    const { connections, view, acks } = this;
    for (let n = connections.size - 1; n >= 0; n--) {
      const d = connections.at(n);
      const isStale = !connections.has(d, view.generation(d)) || this.classOf(d) === NONE;
      if (isStale && !acks.has(d)) connections.close(d);
    }
  }

  /** Packets have passed unseen. */
  loseSight(): void {
    this.connections.loseEdges();
  }

  /** The class that paces the data of flow `d`; NONE if none does. */
  classOf(d: number): number {
    const { pacedBy, flows } = this;
    const leaf = flows.leaf(d);
    const own = leaf === NONE ? NONE : pacedBy[leaf];
    if (own !== NONE) return own;
    const second = flows.secondLeaf(d);
    return second === NONE ? NONE : pacedBy[second];
  }

  /**
   * Looks at arrival `p`, held as `h` with its flow and leaves. Returns whether it is held. Those that
   * acks.pop() has then go on before it.
   */
  take(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number, h: number, nowNs: number): boolean {
    const { held, view } = this;
    const l4 = parsed.l4Offset[p];
    if (parsed.protocol[p] !== IPPROTO_TCP || l4 === 0 || parsed.fragment[p] !== FRAGMENT_NONE) return false;
    const f = held.flow[h];
    if (f === NONE) return false;
    const at = arrivals.slabOffset[p] + l4;
    const copiedEnd = arrivals.slabOffset[p] + arrivals.copiedBytes[p];
    if (at + TCP_HEADER_BYTES > copiedEnd) return false;
    const payloadBytes = arrivals.lengthBytes[p] - l4 - headerBytesOf(slab, at);
    const flags = slab[at + FLAGS_AT];
    if (this.marks.isUsed) this.marks.ask(f, h, (flags & SYN) !== 0, nowNs);
    if ((flags & SYN) !== 0) return this.begins(f, slab, at, nowNs);
    if ((flags & (FIN | RST)) !== 0) this.ends(f);
    if (this.classOf(f) !== NONE) this.seesData(f, h, payloadBytes, arrivals.skbInfo[p], nowNs);
    const d = view.reverseOf(f);
    if (d === NONE) return false;
    const c = this.classOf(d);
    if (c === NONE) return this.passes(d);
    if ((flags & RST) !== 0 || (flags & ACK) === 0) return this.passes(d);
    const scale = view.scaleOf(f, d);
    if (scale === NONE || isSigned(slab, at, copiedEnd)) return this.passes(d);
    return this.answers(arrivals, slab, p, h, f, d, c, scale, at, payloadBytes, nowNs);
  }

  /**
   * A SYN of flow `f`: what was known of an earlier connection between the same ports is no more. A SYN-ACK
   * is the first promise of its sender; its window has no scale (RFC 7323, 2.2).
   */
  private begins(f: number, slab: Uint8Array, at: number, nowNs: number): false {
    const { view } = this;
    this.forget(f);
    const d = view.reverseOf(f);
    if (d === NONE) return false;
    this.forget(d);
    const c = this.classOf(d);
    const scale = view.scaleOf(f, d);
    const ack = readWord(slab, at + ACK_AT);
    // A late copy would be no first promise: data is under way.
    const isFirst = (slab[at + FLAGS_AT] & ACK) !== 0 && ack === view.sentEnd(d);
    if (c === NONE || scale === NONE || !isFirst) return false;
    this.open(d, c, f, scale, (ack + readHalf(slab, at + WINDOW_AT)) | 0, nowNs);
    return false;
  }

  /** Class `c` paces the data of flow `d` from now on. Its receiver has promised to take it up to `edge`. */
  private open(d: number, c: number, f: number, scale: number, edge: number, nowNs: number): void {
    const { connections, view } = this;
    connections.open(d, view.generation(d), f, scale, edge, view.bytes(d), nowNs);
    this.onBegin(d, c);
    view.keep(d);
    view.keep(f);
  }

  /** A FIN or RST of flow `f`: nobody will need what is known of its connection for long. */
  private ends(f: number): void {
    this.hasEnded(f);
    const other = this.view.reverseOf(f);
    if (other !== NONE) this.hasEnded(other);
  }

  private hasEnded(d: number): void {
    const { connections, view } = this;
    view.letGo(d);
    if (connections.has(d, view.generation(d))) connections.words[d + STATE] |= HAS_ENDED;
  }

  /** What is known of the connection of flow `d`, if it has one, is no more. */
  private forget(d: number): void {
    if (!this.connections.has(d, this.view.generation(d))) return;
    this.passes(d);
    this.connections.close(d);
  }

  /** A segment of a paced flow: its length, and whether the AQM of its class lets it be. */
  private seesData(d: number, h: number, payloadBytes: number, skbInfo: number, nowNs: number): void {
    const { held, view } = this;
    const { words, floats } = this.connections;
    if (!this.connections.has(d, view.generation(d))) {
      if (view.bytes(d) <= FIRST_BYTES) held.flags[h] |= FLAG_SPARED;
      return;
    }
    const isSegment = (skbInfo & SKB_GSO) === 0 && payloadBytes <= MSS_MAX;
    if (isSegment && payloadBytes > mssOf(words, d + WINDOW)) setMss(words, d + WINDOW, payloadBytes);
    if (isSegment && payloadBytes > 0) words[d + HEADER_BYTES] = held.lengthBytes[h] - payloadBytes;
    dataComes(floats, (d + TIMING) >> 1, payloadBytes * floats[(d + NS_PER_BYTE) >> 1], nowNs);
    const isObeying = ((view.sentEnd(d) - promisedEdge(words, d + WINDOW)) | 0) <= 0;
    if (!isObeying) words[d + STATE] |= IS_EDGE_UNKNOWN;
    else if (words[d + FREE_UNTIL_TICK] === 0) held.flags[h] |= FLAG_SPARED;
  }

  /** A segment that is not held: those before it go first. */
  private passes(d: number): false {
    if (this.acks.has(d)) this.acks.release(d);
    return false;
  }

  /** Segment `h` of flow `f`, whose header begins at `slab[at]`, answers flow `d`, which class `c` paces. */
  private answers(
    arrivals: Arrivals,
    slab: Uint8Array,
    p: number,
    h: number,
    f: number,
    d: number,
    c: number,
    scale: number,
    at: number,
    payloadBytes: number,
    nowNs: number,
  ): boolean {
    const { connections, view, ledger } = this;
    const { words, floats } = connections;
    const ack = readWord(slab, at + ACK_AT);
    const field = readHalf(slab, at + WINDOW_AT);
    const w = d + WINDOW;
    if (!connections.has(d, view.generation(d))) {
      // What it promises is the first that we know of.
      this.passes(d);
      this.open(d, c, f, scale, (ack + (field << scale)) | 0, nowNs);
      passedWhole(words, w, ack, field);
      return false;
    }
    if (((ack - promisedEdge(words, w)) | 0) > 0) words[d + STATE] |= IS_EDGE_UNKNOWN;
    if ((words[d + STATE] & IS_EDGE_UNKNOWN) !== 0) {
      words[d + STATE] &= ~IS_EDGE_UNKNOWN;
      passedWhole(words, w, ack, field);
      return this.passes(d);
    }
    const isPlain = payloadBytes === 0 && (slab[at + FLAGS_AT] & FIN) === 0;
    const isAgain = isDuplicate(words, w, ack, field, isPlain);
    const ackedBytes = newlyAcked(words, w, ack);
    const isFree = words[d + FREE_UNTIL_TICK] !== 0;
    if (!this.edits.mayEdit(h, arrivals, p)) {
      passedWhole(words, w, ack, field);
    } else {
      const roomBytes = (promisedEdge(words, w) - view.sentEnd(d)) | 0;
      if (roomBytes < mssOf(words, w)) words[d + LIMITED_TICK] = this.tick;
      const isUnpaced = isFree || words[d + TARGET_BYTES] === 0;
      const target = isUnpaced ? Number.POSITIVE_INFINITY : words[d + TARGET_BYTES];
      const out = nextField(words, w, ack, field, target, isPlain);
      if (out !== field) {
        this.edit(arrivals, slab, p, h, at, field, out);
        ledger.windowRewritten(c);
      }
    }
    if (isFree || (words[d + STATE] & IS_TIMED) === 0 || ackedBytes <= 0) return this.passes(d);
    const t = (d + TIMING) >> 1;
    const costNs = ackedBytes * floats[(d + NS_PER_BYTE) >> 1];
    if (!isPlain || isAgain || !this.held.mayWait()) {
      passes(floats, t, costNs, nowNs);
      return this.passes(d);
    }
    const roundTripNs = 1e3 * view.smoothedUs(f, d);
    const backNs = 1e3 * view.leastHalfUs(f);
    const isOpen = ((promisedEdge(words, w) - view.sentEnd(d)) | 0) >= mssOf(words, w);
    const due = dueNs(floats, t, costNs, roundTripNs, backNs, isOpen, HOLD_MAX_NS, nowNs);
    if (this.acks.isDue(due, nowNs) && !this.acks.has(d)) return false;
    words[d + LIMITED_TICK] = this.tick;
    this.acks.hold(d, h, due);
    ledger.ackHeld(c);
    return true;
  }

  /** Writes another window into the segment, and keeps its bytes until the verdict. */
  private edit(
    arrivals: Arrivals,
    slab: Uint8Array,
    p: number,
    h: number,
    at: number,
    before: number,
    after: number,
  ): void {
    const start = arrivals.slabOffset[p];
    slab[at + WINDOW_AT] = after >> 8;
    slab[at + WINDOW_AT + 1] = after & 0xff;
    const sumAt = at + CHECKSUM_AT;
    const checksum =
      (arrivals.skbInfo[p] & SKB_CSUM_NOT_READY) === 0
        ? checksumAfter(readHalf(slab, sumAt), before, after)
        : tcpChecksum(slab, start, at, start + arrivals.lengthBytes[p]);
    slab[sumAt] = checksum >> 8;
    slab[sumAt + 1] = checksum & 0xff;
    this.edits.keep(h, slab, start);
  }
}
