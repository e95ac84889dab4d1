/**
 * Applications, which make flows send: datagrams at a constant rate, at random (Poisson) or in bursts
 * (on-off), pings, TCP transfers, and request-response over TCP. Each flow has one source. The flow's timer
 * calls onTimer at its start.
 */

import { drawExponential, drawInteger } from '../../base/chance.ts';
import { FLOAT_ZERO } from '../../base/float.ts';
import type { Prng } from '../../base/prng.ts';
import { ACK, PSH } from '../../packet/tcp-header.ts';
import type { FlowMeter } from '../packets/flow-meter.ts';
import { KIND_ANSWER, KIND_DATAGRAM, KIND_REQUEST } from '../packets/packet-table.ts';
import { TIMER_SOURCE, type Wire } from '../packets/wire.ts';
import type { TcpReceiver } from '../tcp/tcp-receiver.ts';
import type { TcpSender } from '../tcp/tcp-sender.ts';

export interface Source {
  /** Called at the flow's start, then whenever the source asked for it. */
  onTimer(): void;
  /** Of TCP: everything written so far has arrived. */
  onAllArrived(): void;
  /** A packet that is not TCP arrived at the far end. */
  onFarEnd(p: number): void;
}

export interface DatagramSpec {
  readonly kind: 'constant' | 'poisson' | 'on-off';
  /** IP protocol number; 17 for UDP. */
  readonly protocol: number;
  /** IP bytes per second. An on-off source has this rate while it is on. */
  readonly rateBytesPerSec: number;
  /** IP length. */
  readonly packetBytes: number;
  /** Of on-off: mean lengths of the spans, exponentially distributed. */
  readonly onNs?: number;
  readonly offNs?: number;
}

export class DatagramSource implements Source {
  private readonly wire: Wire;
  private readonly flow: number;
  private readonly spec: DatagramSpec;
  private readonly prng: Prng;
  private readonly stopNs: number;
  private readonly gapNs: number;
  private readonly ecn: number;
  private seq = 0;
  /** Of constant and on-off: the start of the present span and the number of its packets so far. */
  private spanSent = 0;
  private spanStartNs = Number.NEGATIVE_INFINITY;
  private spanEndNs = Number.POSITIVE_INFINITY;

  constructor(wire: Wire, flow: number, spec: DatagramSpec, prng: Prng, stopNs: number, ecn: number) {
    this.wire = wire;
    this.flow = flow;
    this.spec = spec;
    this.prng = prng;
    this.stopNs = stopNs;
    this.gapNs = (spec.packetBytes * 1e9) / spec.rateBytesPerSec;
    this.ecn = ecn;
  }

  onTimer(): void {
    const { wire, spec } = this;
    if (wire.nowNs >= this.stopNs) return;
    if (this.spanStartNs < 0) this.startSpan(wire.nowNs);
    const p = wire.packets.take(this.flow, KIND_DATAGRAM, this.seq++, spec.packetBytes);
    wire.packets.sentNs[p] = wire.nowNs;
    wire.packets.ecn[p] = this.ecn;
    this.spanSent++;
    wire.transmit(p);
    wire.setTimer(TIMER_SOURCE, this.flow, this.nextNs());
  }

  onAllArrived(): void {}

  onFarEnd(): void {}

  private startSpan(atNs: number): void {
    this.spanStartNs = atNs;
    this.spanSent = 0;
    if (this.spec.kind === 'on-off')
      this.spanEndNs = atNs + drawExponential(this.prng, this.spec.onNs ?? 1e9);
  }

  private nextNs(): number {
    if (this.spec.kind === 'poisson') {
      return Math.round(this.wire.nowNs + drawExponential(this.prng, this.gapNs));
    }
    // Counted from the span's start and not from now, so that rounding does not add up.
    const nextNs = Math.round(this.spanStartNs + this.spanSent * this.gapNs);
    if (nextNs <= this.spanEndNs) return nextNs;
    this.startSpan(Math.round(this.spanEndNs + drawExponential(this.prng, this.spec.offNs ?? 1e9)));
    return this.spanStartNs;
  }
}

export interface PingSpec {
  readonly kind: 'ping';
  readonly protocol: number;
  readonly packetBytes: number;
  readonly everyNs: number;
}

/** Pings at fixed intervals, whatever comes back. The time until the answer is the completion time. */
export class PingSource implements Source {
  private readonly wire: Wire;
  private readonly flow: number;
  private readonly spec: PingSpec;
  private readonly stopNs: number;
  private seq = 0;

  constructor(wire: Wire, flow: number, spec: PingSpec, stopNs: number) {
    this.wire = wire;
    this.flow = flow;
    this.spec = spec;
    this.stopNs = stopNs;
  }

  onTimer(): void {
    const { wire, flow, spec } = this;
    if (wire.nowNs >= this.stopNs) return;
    const p = wire.packets.take(flow, KIND_DATAGRAM, this.seq++, spec.packetBytes);
    wire.packets.sentNs[p] = wire.nowNs;
    wire.transmit(p);
    wire.setTimer(TIMER_SOURCE, flow, wire.nowNs + spec.everyNs);
  }

  onAllArrived(): void {}

  onFarEnd(p: number): void {
    const { packets } = this.wire;
    const sentNs = packets.sentNs[p];
    const answer = packets.take(this.flow, KIND_ANSWER, packets.seq[p], this.spec.packetBytes);
    packets.sentNs[answer] = sentNs;
    this.wire.transmit(answer);
  }
}

export interface TransferSpec {
  readonly kind: 'tcp';
  /** Payload in bytes. Infinity means an endless transfer. */
  readonly bytes: number;
  /** The application writes as many bytes again each time after this span, as a live stream does. */
  readonly everyNs?: number;
}

/** TCP from the flow's start on. A transfer is complete when all that was written has arrived. */
export class TransferSource implements Source {
  private readonly wire: Wire;
  private readonly meter: FlowMeter;
  private readonly flow: number;
  private readonly spec: TransferSpec;
  private readonly stopNs: number;
  private readonly sender: TcpSender;
  private startNs = FLOAT_ZERO;

  constructor(
    wire: Wire,
    meter: FlowMeter,
    flow: number,
    spec: TransferSpec,
    stopNs: number,
    sender: TcpSender,
  ) {
    this.wire = wire;
    this.meter = meter;
    this.flow = flow;
    this.spec = spec;
    this.stopNs = stopNs;
    this.sender = sender;
  }

  onTimer(): void {
    const { bytes, everyNs = Number.POSITIVE_INFINITY } = this.spec;
    const { nowNs } = this.wire;
    this.startNs = nowNs;
    this.sender.write(bytes);
    if (nowNs + everyNs < this.stopNs) this.wire.setTimer(TIMER_SOURCE, this.flow, nowNs + everyNs);
  }

  onAllArrived(): void {
    this.meter.completed(this.flow, this.wire.nowNs - this.startNs);
  }

  onFarEnd(): void {}
}

export interface RequestSpec {
  readonly kind: 'request-response';
  /** IP length of the request. */
  readonly requestBytes: number;
  /** Range of the response's payload in bytes. Each response draws from it. */
  readonly responseBytes: readonly [number, number];
  /** Mean pause between a response and the next request, exponentially distributed. */
  readonly thinkNs: number;
}

/** A request without an answer is repeated after this span, then after twice as long. */
const REQUEST_RETRY_NS = 1e9;

/** One connection on which a client asks, gets the whole response, pauses, and asks again. */
export class RequestSource implements Source {
  private readonly wire: Wire;
  private readonly meter: FlowMeter;
  private readonly flow: number;
  private readonly spec: RequestSpec;
  private readonly prng: Prng;
  private readonly stopNs: number;
  private readonly payloadBytes: number;
  private readonly sender: TcpSender;
  private readonly receiver: TcpReceiver;
  private asked = 0;
  private answered = 0;
  private isWaiting = false;
  private askedNs = FLOAT_ZERO;
  private retryNs = REQUEST_RETRY_NS;
  private responseBytes = 0;

  constructor(
    wire: Wire,
    meter: FlowMeter,
    flow: number,
    spec: RequestSpec,
    prng: Prng,
    stopNs: number,
    headerBytes: number,
    sender: TcpSender,
    receiver: TcpReceiver,
  ) {
    this.wire = wire;
    this.meter = meter;
    this.flow = flow;
    this.spec = spec;
    this.prng = prng;
    this.stopNs = stopNs;
    this.payloadBytes = Math.max(0, spec.requestBytes - headerBytes);
    this.sender = sender;
    this.receiver = receiver;
  }

  /** Sends a request, or repeats it. */
  onTimer(): void {
    const { nowNs } = this.wire;
    if (this.isWaiting) {
      if (this.answered === this.asked) return; // the answer is on its way
      this.retryNs *= 2;
    } else {
      if (nowNs >= this.stopNs) return;
      this.asked++;
      this.isWaiting = true;
      this.askedNs = nowNs;
      this.retryNs = REQUEST_RETRY_NS;
      this.responseBytes = drawInteger(this.prng, this.spec.responseBytes[0], this.spec.responseBytes[1]);
    }
    this.request(nowNs);
    this.wire.setTimer(TIMER_SOURCE, this.flow, nowNs + this.retryNs);
  }

  private request(nowNs: number): void {
    const { receiver, payloadBytes } = this;
    const { packets } = this.wire;
    const p = packets.take(this.flow, KIND_REQUEST, this.asked, this.spec.requestBytes);
    packets.firstByte[p] = 1 + (this.asked - 1) * payloadBytes;
    packets.ackByte[p] = receiver.nextByte;
    packets.tcpFlags[p] = receiver.nextByte === 0 ? PSH : PSH | ACK;
    packets.windowField[p] = receiver.windowField();
    packets.sentNs[p] = nowNs;
    packets.echoNs[p] = receiver.echoNs;
    receiver.ownByte = 1 + this.asked * payloadBytes;
    this.wire.transmit(p);
  }

  onFarEnd(p: number): void {
    const { packets } = this.wire;
    if (packets.seq[p] <= this.answered) return; // asked twice
    this.sender.peerByte = packets.firstByte[p] + this.payloadBytes;
    this.answered = this.asked;
    this.sender.write(this.responseBytes);
  }

  onAllArrived(): void {
    this.isWaiting = false;
    this.meter.completed(this.flow, this.wire.nowNs - this.askedNs);
    const thinkNs = drawExponential(this.prng, this.spec.thinkNs);
    this.wire.setTimer(TIMER_SOURCE, this.flow, Math.round(this.wire.nowNs + thinkNs));
  }
}
