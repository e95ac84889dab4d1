/**
 * The receiving end of TCP: which segments have arrived, and when to acknowledge them.
 *
 * References: RFC 5681, 4.2 (every second full segment, at once when out of order or when a hole closes); RFC
 * 1122, 4.2.3.2 with Linux's 40 ms; RFC 2018, 4 (the block that grew last comes first); RFC 7323, 4.3 (which
 * timestamp is returned); RFC 3168, 6.1.3 (ECE from a CE mark until CWR). Windows are those of
 * receive-window.ts. With `quickAcks` every segment of the first sixteen, and after a long pause, is
 * acknowledged at once, as Linux does. Differences to Linux: no DSACK, and the delay does not adapt.
 */
import { invariant } from '../../base/assert.ts';
import { FLOAT_ZERO } from '../../base/float.ts';
import { ACK, CWR, ECE } from '../../packet/tcp-header.ts';
import type { FlowMeter } from '../packets/flow-meter.ts';
import { sackOptionBytes } from '../packets/headers.ts';
import { CE, KIND_ACK, KIND_SYN_ACK, SACK_BLOCKS, SACK_WORDS } from '../packets/packet-table.ts';
import { TIMER_ACK, TIMER_READ, type Wire } from '../packets/wire.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { SegmentBytes } from './segment-bytes.ts';

export const DELAYED_ACK_NS = 40e6;
const ACK_EVERY_SEGMENTS = 2;
/** Linux: TCP_MAX_QUICKACKS, and the pause after which they come again (the least retransmission timer). */
const QUICK_ACKS = 16;
const QUICK_AGAIN_NS = 200e6;
const RING_AT_START = 64;
/** Number of blocks remembered: one more than fits into an acknowledgement. */
const BLOCKS_KEPT = SACK_BLOCKS + 1;

export interface TcpReceiverOptions {
  /** Headers of IP and TCP, without SACK blocks. */
  readonly headerBytes: number;
  readonly delaysAcks: boolean;
  readonly quickAcks: boolean;
}

export class TcpReceiver {
  /** First segment that has not arrived. */
  next = 0;
  /** Its first byte; 0 before the SYN. */
  nextByte = 0;
  /** Number of the next byte in the other direction, in which only requests go. */
  ownByte = 1;
  private readonly wire: Wire;
  private readonly meter: FlowMeter;
  private readonly flow: number;
  private readonly options: TcpReceiverOptions;
  private readonly window: ReceiveWindow;
  /** Number of segments that arrived in order and are not acknowledged. */
  private unacknowledged = 0;
  private quick = 0;
  private lastArrivalNs = Number.NEGATIVE_INFINITY;
  /** When the segment was sent whose echo was seen last. */
  private echoedNs = FLOAT_ZERO;
  private isReadPlanned = false;
  private ackDueNs = Number.POSITIVE_INFINITY;
  /** The time stamp that the next acknowledgement returns: when the segment that caused it was sent. */
  echoNs = FLOAT_ZERO;
  private echoesCongestion = 0;
  /** Number of segments above `next` that have arrived. */
  private arrived = new Uint8Array(RING_AT_START);
  private outOfOrder = 0;
  /** Blocks [start, end) of these segments. The block that grew last comes first. */
  private readonly bytes = new SegmentBytes();
  private readonly blocks = new Int32Array(2 * BLOCKS_KEPT);
  private blockCount = 0;

  constructor(
    wire: Wire,
    meter: FlowMeter,
    flow: number,
    options: TcpReceiverOptions,
    window: ReceiveWindow,
  ) {
    this.wire = wire;
    this.meter = meter;
    this.flow = flow;
    this.options = options;
    this.window = window;
  }

  /** A SYN of the other side. Each one is answered. */
  onSyn(p: number, lengthBytes: number): void {
    const { packets } = this.wire;
    this.nextByte = 1;
    const answer = packets.take(this.flow, KIND_SYN_ACK, 0, lengthBytes);
    packets.tcpFlags[answer] = packets.tcpFlags[p] | ACK;
    packets.firstByte[answer] = this.ownByte - 1;
    packets.ackByte[answer] = 1;
    packets.windowField[answer] = this.window.synField(1);
    packets.sentNs[answer] = this.wire.nowNs;
    packets.echoNs[answer] = packets.sentNs[p];
    this.wire.transmit(answer);
  }

  /** Segment `p` has arrived. */
  onData(p: number): void {
    const { packets } = this.wire;
    const payloadBytes = packets.lengthBytes[p] - this.options.headerBytes;
    const seq = packets.seq[p];
    const before = this.nextByte;
    if (!this.window.covers((packets.firstByte[p] + payloadBytes) | 0))
      invariant(false, `segment ${seq} of flow ${this.flow} lies beyond the window`);
    this.measure(p);
    if (packets.tcpFlags[p] & CWR) this.echoesCongestion = 0;
    if (packets.ecn[p] === CE) this.echoesCongestion = ECE;
    if (seq === this.next) {
      this.arrives(payloadBytes);
      if (this.unacknowledged === 0) this.echoNs = packets.sentNs[p];
      this.next++;
      this.nextByte = (packets.firstByte[p] + payloadBytes) | 0;
      if (this.outOfOrder > 0) {
        this.closeHole();
        this.read(before);
        this.acknowledge();
        return;
      }
      this.unacknowledged++;
      this.read(before);
      if (!this.options.delaysAcks || this.quick > 0 || this.unacknowledged >= ACK_EVERY_SEGMENTS)
        this.acknowledge();
      else this.delay();
      return;
    }
    if (seq > this.next) this.keep(seq, packets.firstByte[p], payloadBytes);
    this.acknowledge();
  }

  /** Window field of a segment that is sent now. */
  windowField(): number {
    return this.nextByte === 0 ? this.window.synField(1) : this.window.field(this.nextByte);
  }

  /** A segment that asks for the window. */
  onProbe(): void {
    this.acknowledge();
  }

  /** The application reads. */
  onReadTimer(): void {
    const { window, wire } = this;
    this.isReadPlanned = false;
    const tellsSender = window.read(this.nextByte, wire.nowNs);
    if (window.unreadBytes > 0) this.planRead(window.nextReadNs(wire.nowNs));
    if (tellsSender) this.acknowledge();
  }

  /** What has arrived since byte `before` can be read. */
  private read(before: number): void {
    const { window } = this;
    const { nowNs } = this.wire;
    window.ordered((this.nextByte - before) | 0);
    const atNs = window.nextReadNs(nowNs);
    if (atNs > nowNs || this.isReadPlanned) this.planRead(atNs);
    else window.read(this.nextByte, nowNs);
  }

  private planRead(atNs: number): void {
    if (this.isReadPlanned) return;
    this.isReadPlanned = true;
    this.wire.setTimer(TIMER_READ, this.flow, atNs);
  }

  private arrives(payloadBytes: number): void {
    this.meter.goodput(this.flow, payloadBytes);
    this.window.arrived(payloadBytes);
  }

  /** What segment `p` tells of the round trip, and of a pause. */
  private measure(p: number): void {
    const { packets, nowNs } = this.wire;
    const echoNs = packets.echoNs[p];
    if (echoNs > this.echoedNs) {
      this.echoedNs = echoNs;
      this.window.sampleRoundTrip(nowNs - echoNs);
    }
    if (this.options.quickAcks && nowNs - this.lastArrivalNs > QUICK_AGAIN_NS) this.quick = QUICK_ACKS;
    this.lastArrivalNs = nowNs;
  }

  /** The timer of the delayed acknowledgement ran out. */
  onTimer(): void {
    if (this.unacknowledged === 0) {
      this.ackDueNs = Number.POSITIVE_INFINITY;
    } else if (this.wire.nowNs < this.ackDueNs) {
      this.wire.setTimer(TIMER_ACK, this.flow, this.ackDueNs);
    } else {
      this.ackDueNs = Number.POSITIVE_INFINITY;
      this.acknowledge();
    }
  }

  /** The timer stays set while segments come in pairs. It checks again when it runs out. */
  private delay(): void {
    const wasSet = this.ackDueNs !== Number.POSITIVE_INFINITY;
    this.ackDueNs = this.wire.nowNs + DELAYED_ACK_NS;
    if (!wasSet) this.wire.setTimer(TIMER_ACK, this.flow, this.ackDueNs);
  }

  private acknowledge(): void {
    const { packets } = this.wire;
    const blocks = Math.min(SACK_BLOCKS, this.blockCount);
    const lengthBytes = this.options.headerBytes + sackOptionBytes(blocks);
    const p = packets.take(this.flow, KIND_ACK, this.next, lengthBytes);
    packets.tcpFlags[p] = ACK | this.echoesCongestion;
    packets.firstByte[p] = this.ownByte;
    packets.ackByte[p] = this.nextByte;
    packets.windowField[p] = this.window.field(this.nextByte);
    packets.sentNs[p] = this.wire.nowNs;
    packets.echoNs[p] = this.echoNs;
    packets.sacks[p] = blocks;
    for (let b = 0; b < blocks; b++) {
      const at = p * SACK_WORDS + 2 * b;
      packets.sack[at] = this.blocks[2 * b];
      packets.sack[at + 1] = this.blocks[2 * b + 1];
      packets.sackByte[at] = this.bytes.firstOf(this.blocks[2 * b]);
      packets.sackByte[at + 1] = this.bytes.endOf(this.blocks[2 * b + 1] - 1);
    }
    this.unacknowledged = 0;
    if (this.quick > 0) this.quick--;
    this.wire.transmit(p);
  }

  /** `next` has advanced over a hole. It advances over the blocks that touch it, too. */
  private closeHole(): void {
    const mask = this.arrived.length - 1;
    while (this.arrived[this.next & mask] === 1) {
      this.arrived[this.next & mask] = 0;
      this.outOfOrder--;
      this.nextByte = this.bytes.endOf(this.next);
      this.next++;
    }
    let kept = 0;
    for (let b = 0; b < this.blockCount; b++) {
      if (this.blocks[2 * b + 1] > this.next) this.moveBlock(b, kept++);
    }
    this.blockCount = kept;
  }

  /** A segment has arrived beyond a hole. */
  private keep(seq: number, firstByte: number, payloadBytes: number): void {
    this.bytes.put(seq, firstByte, firstByte + payloadBytes, this.next);
    while (seq - this.next >= this.arrived.length) this.grow();
    const at = seq & (this.arrived.length - 1);
    if (this.arrived[at] === 0) {
      this.arrived[at] = 1;
      this.outOfOrder++;
      this.arrives(payloadBytes);
    }
    let from = seq;
    let to = seq + 1;
    let kept = 0;
    for (let b = 0; b < this.blockCount; b++) {
      if (this.blocks[2 * b] <= to && this.blocks[2 * b + 1] >= from) {
        from = Math.min(from, this.blocks[2 * b]);
        to = Math.max(to, this.blocks[2 * b + 1]);
      } else {
        this.moveBlock(b, kept++);
      }
    }
    this.blockCount = Math.min(BLOCKS_KEPT, kept + 1);
    for (let b = this.blockCount - 1; b > 0; b--) this.moveBlock(b - 1, b);
    this.blocks[0] = from;
    this.blocks[1] = to;
  }

  private moveBlock(from: number, to: number): void {
    this.blocks[2 * to] = this.blocks[2 * from];
    this.blocks[2 * to + 1] = this.blocks[2 * from + 1];
  }

  private grow(): void {
    const from = this.arrived;
    const to = new Uint8Array(2 * from.length);
    for (let seq = this.next; seq < this.next + from.length; seq++) {
      to[seq & (to.length - 1)] = from[seq & (from.length - 1)];
    }
    this.arrived = to;
  }
}
