/**
 * One TCP connection over two perfect lines with a delay each: the endpoints alone, with every packet
 * visible, and dropped or marked on demand.
 */

import { FlowMeter } from '../../../../src/sim/packets/flow-meter.ts';
import {
  CE,
  isBack,
  KIND_ACK,
  KIND_DATA,
  KIND_PROBE,
  KIND_SYN,
  PacketTable,
  SACK_WORDS,
} from '../../../../src/sim/packets/packet-table.ts';
import { TIMER_ACK, TIMER_READ, TIMERS, type Wire } from '../../../../src/sim/packets/wire.ts';
import { Congestion, type Growth } from '../../../../src/sim/tcp/congestion.ts';
import { ReceiveWindow, type ReceiveWindowOptions } from '../../../../src/sim/tcp/receive-window.ts';
import { TcpReceiver } from '../../../../src/sim/tcp/tcp-receiver.ts';
import { TcpSender } from '../../../../src/sim/tcp/tcp-sender.ts';
import { EventHeap } from '../../../../src/sim/world/event-heap.ts';
import { delayLine, Lines } from '../../../../src/sim/world/lines.ts';

export const SEGMENT = 1448;
const FORTH = 0;
const BACK = 1;

export interface PipeOptions {
  readonly growth?: Growth;
  readonly ecn?: boolean;
  readonly delayedAcks?: boolean;
  readonly initialWindow?: number;
  readonly windowPackets?: number;
  readonly tailLossProbe?: boolean;
  readonly quickAcks?: boolean;
  readonly window?: Partial<ReceiveWindowOptions>;
  /** Each way. */
  readonly delayNs?: number;
  /** Said true: the packet is lost. `copy` counts how often this segment was sent before. */
  readonly drops?: (seen: Seen, copy: number) => boolean;
  readonly marks?: (seen: Seen, copy: number) => boolean;
}

/** A packet as it was sent. */
export interface Seen {
  readonly ns: number;
  readonly kind: number;
  readonly seq: number;
  readonly lengthBytes: number;
  readonly flags: number;
  readonly ecn: number;
  /** SACK blocks, start and end by turns, by segments and by bytes. */
  readonly sack: readonly number[];
  readonly sackByte: readonly number[];
  readonly firstByte: number;
  readonly ackByte: number;
  readonly windowField: number;
}

export class Pipe implements Wire {
  nowNs = 0;
  readonly packets = new PacketTable();
  readonly meter = new FlowMeter(Int32Array.of(0), ['pipe']);
  readonly congestion: Congestion;
  readonly sender: TcpSender;
  readonly receiver: TcpReceiver;
  /** Everything that was sent, lost or not. */
  readonly trace: Seen[] = [];
  private readonly agenda = new EventHeap(2 + TIMERS);
  private readonly lines: Lines;
  private readonly options: PipeOptions;
  private readonly copies = new Map<string, number>();

  constructor(options: PipeOptions = {}) {
    const { growth = 'cubic', ecn = false, delayedAcks = true, delayNs = 10e6 } = options;
    const scale = options.window?.scale ?? 7;
    this.options = options;
    this.congestion = new Congestion([growth]);
    this.lines = new Lines([delayLine(delayNs), delayLine(delayNs)], [], this.packets, this.agenda);
    this.sender = new TcpSender(this, this.meter, this.congestion, 0, {
      isLinuxLike: growth === 'cubic',
      ecn,
      initialWindow: options.initialWindow ?? 10,
      tailLossProbe: options.tailLossProbe ?? false,
      peerScale: scale,
      synWindowField: 64_240,
      windowField: 502,
      segmentBytes: SEGMENT,
      headerBytes: 52,
      synHeaderBytes: 60,
    });
    const bytes = (options.windowPackets ?? 4096) * SEGMENT;
    const window = new ReceiveWindow({
      startBytes: bytes,
      maxBytes: bytes,
      segmentBytes: SEGMENT,
      readBytesPerSec: Number.POSITIVE_INFINITY,
      pauses: [],
      ...options.window,
      scale,
    });
    const receiver = { headerBytes: 52, delaysAcks: delayedAcks, quickAcks: options.quickAcks ?? false };
    this.receiver = new TcpReceiver(this, this.meter, 0, receiver, window);
  }

  transmit(p: number): void {
    const { packets } = this;
    const first = p * SACK_WORDS;
    const seen: Seen = {
      ns: this.nowNs,
      kind: packets.kind[p],
      seq: packets.seq[p],
      lengthBytes: packets.lengthBytes[p],
      flags: packets.tcpFlags[p],
      ecn: packets.ecn[p],
      sack: [...packets.sack.slice(first, first + 2 * packets.sacks[p])],
      sackByte: [...packets.sackByte.slice(first, first + 2 * packets.sacks[p])],
      firstByte: packets.firstByte[p],
      ackByte: packets.ackByte[p],
      windowField: packets.windowField[p],
    };
    this.trace.push(seen);
    const key = `${seen.kind} ${seen.seq}`;
    const copy = this.copies.get(key) ?? 0;
    this.copies.set(key, copy + 1);
    if (this.options.drops?.(seen, copy)) {
      packets.give(p);
      return;
    }
    if (this.options.marks?.(seen, copy)) packets.ecn[p] = CE;
    this.lines.give(isBack(seen.kind) ? BACK : FORTH, p, this.nowNs);
  }

  setTimer(timer: number, _flow: number, atNs: number): void {
    this.agenda.set(2 + timer, atNs);
  }

  run(untilNs: number): void {
    while (this.agenda.topNs() <= untilNs) {
      this.nowNs = this.agenda.topNs();
      const row = this.agenda.top();
      if (row < 2) this.deliver(this.lines.take(row));
      else {
        this.agenda.delete(row);
        if (row === 2 + TIMER_ACK) this.receiver.onTimer();
        else if (row === 2 + TIMER_READ) this.receiver.onReadTimer();
        else this.sender.onTimer();
      }
    }
    this.nowNs = untilNs;
  }

  /** Segments with data as they were sent: numbers, in order. */
  get sent(): number[] {
    return this.trace.filter((seen) => seen.kind === KIND_DATA).map((seen) => seen.seq);
  }

  get acks(): Seen[] {
    return this.trace.filter((seen) => seen.kind === KIND_ACK);
  }

  private deliver(p: number): void {
    const kind = this.packets.kind[p];
    if (kind === KIND_DATA) this.receiver.onData(p);
    else if (kind === KIND_ACK) this.sender.onAck(p);
    else if (kind === KIND_PROBE) this.receiver.onProbe();
    else if (kind === KIND_SYN) this.receiver.onSyn(p, this.packets.lengthBytes[p]);
    else this.sender.onSynAck(p);
    this.packets.give(p);
  }
}
