/**
 * The virtual world: endpoints, lines and the real engine, on one agenda. Events happen in order of time.
 * Events of one instant happen in the order in which they were planned; the shaper's batch comes after all of
 * them. The same plan and the same seed give the same trace.
 *
 *   agenda: line 0's next arrival, line 1's, ..., flow 0's timers (source, retransmission, ACK), flow 1's ...
 *   packet: row of columns; flow's hops: line 3 > shaper route 0 > line 7 > end
 *
 * Nothing here allocates per packet or per event.
 */
import { invariant } from '../../base/assert.ts';
import { NONE } from '../../base/none.ts';
import type { Engine } from '../../core/engine.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { FlowMeter } from '../packets/flow-meter.ts';
import {
  CE,
  carriesData,
  isBack,
  KIND_ACK,
  KIND_ANSWER,
  KIND_CAPTURED,
  KIND_DATA,
  KIND_DATAGRAM,
  KIND_PROBE,
  KIND_REQUEST,
  KIND_SYN,
  KIND_SYN_ACK,
  type PacketTable,
} from '../packets/packet-table.ts';
import { TIMER_ACK, TIMER_READ, TIMER_RETRANSMIT, TIMERS, type Wire } from '../packets/wire.ts';
import type { Congestion } from '../tcp/congestion.ts';
import type { TcpReceiver } from '../tcp/tcp-receiver.ts';
import type { TcpSender } from '../tcp/tcp-sender.ts';
import type { EventHeap } from './event-heap.ts';
import { type Lines, TRAVELS } from './lines.ts';
import type { Source } from './sources.ts';
import { TraceHash } from './trace-hash.ts';
import type { PortOwner, WorldPort } from './world-port.ts';

/**
 * The end of a way in the table of hops. Other entries are a line's number, or -2 - route for a route of the
 * shaper.
 */
export const HOP_END = -1;
export const hopOfRoute = (route: number): number => -2 - route;
/** After this many batches at one instant the engine counts as stuck. */
const BATCHES_AT_ONCE_MAX = 1_000_000;

export interface WorldFlow {
  /** Positions in the table of hops at which the flow's ways begin. */
  readonly forth: number;
  readonly back: number;
  readonly source: Source | null;
  readonly sender: TcpSender | null;
  readonly receiver: TcpReceiver | null;
}

/** Writes a packet's first bytes into the port's slab. Returns their number. */
export type HeaderWriter = (p: number, to: number) => number;

export interface WorldParts {
  readonly engine: Engine;
  readonly port: WorldPort;
  readonly lines: Lines;
  readonly hops: Int32Array;
  readonly flows: readonly WorldFlow[];
  readonly congestion: Congestion;
  readonly writeHeaders: HeaderWriter;
  /** Time by which the engine is woken late. */
  readonly timerLatenessNs: number;
}

export class World implements Wire, PortOwner {
  nowNs = 0;
  readonly packets: PacketTable;
  readonly meter: FlowMeter;
  readonly hash = new TraceHash();
  /** Number of batches run and of packets that reached an end: the cost and the work of a run. */
  batches = 0;
  arrivals = 0;
  private readonly agenda: EventHeap;
  private parts!: WorldParts;
  private forth = new Int32Array(0);
  private back = new Int32Array(0);
  private batchesAtOnce = 0;
  private readonly tasks: (() => void)[] = [];
  private isInBatch = false;
  private hasPromised = false;

  constructor(packets: PacketTable, meter: FlowMeter, agenda: EventHeap) {
    this.packets = packets;
    this.meter = meter;
    this.agenda = agenda;
  }

  /** Gives the world its parts. They are made after the world, because the endpoints need it. */
  assemble(parts: WorldParts): void {
    this.parts = parts;
    parts.engine.connect(parts.port, () => this.nowNs);
    this.forth = Int32Array.from(parts.flows, (flow) => flow.forth);
    this.back = Int32Array.from(parts.flows, (flow) => flow.back);
  }

  get engine(): Engine {
    return this.parts.engine;
  }

  get port(): WorldPort {
    return this.parts.port;
  }

  get lines(): Lines {
    return this.parts.lines;
  }

  get congestion(): Congestion {
    return this.parts.congestion;
  }

  get flows(): readonly WorldFlow[] {
    return this.parts.flows;
  }

  /** Runs all events that are due by `untilNs`. */
  runUntil(untilNs: number): void {
    while (!this.runUntilPromise(untilNs)) {
      // Nobody here waits for promises.
    }
  }

  /**
   * The same, but returns false as soon as a module has a promise that was kept: what it does then is to
   * be done at this instant.
   */
  runUntilPromise(untilNs: number): boolean {
    const { agenda } = this;
    this.hasPromised = false;
    for (;;) {
      const eventNs = agenda.topNs();
      const shaperNs = this.shaperNs();
      if (eventNs <= shaperNs) {
        if (eventNs > untilNs) break;
        this.moveTo(eventNs);
        this.happen(agenda.top());
      } else {
        if (shaperNs > untilNs) break;
        this.moveTo(shaperNs);
        this.runShaper();
      }
      if (this.hasPromised) return false;
    }
    this.moveTo(untilNs);
    return true;
  }

  /** Does it between two batches: now, or when the batch has ended that is under way. */
  afterBatch(task: () => void): void {
    this.tasks.push(task);
    if (!this.isInBatch) this.doTasks();
  }

  /** The shaper goes by another specification. Call it between two batches. */
  reconfigure(spec: ShaperSpec): void {
    const { engine, port } = this.parts;
    engine.reconfigure(port, { spec, renamed: new Map() }, this.nowNs);
  }

  private doTasks(): void {
    for (const task of this.tasks.splice(0)) {
      task();
      this.hasPromised = true;
    }
  }

  /** Instant of the next event; Infinity if there is none. */
  nextNs(): number {
    return Math.min(this.agenda.topNs(), this.shaperNs());
  }

  setTimer(timer: number, flow: number, atNs: number): void {
    this.agenda.set(this.parts.lines.count + flow * TIMERS + timer, atNs);
  }

  transmit(p: number): void {
    const { packets } = this;
    const flow = packets.flow[p];
    const kind = packets.kind[p];
    if (carriesData(kind)) this.meter.sent(flow, packets.lengthBytes[p]);
    packets.hop[p] = isBack(kind) ? this.back[flow] : this.forth[flow];
    this.parts.port.begins(p);
    this.advance(p);
  }

  writeHeaders(p: number, to: number): number {
    return this.parts.writeHeaders(p, to);
  }

  /**
   * A module sends a packet. A copy of one that is in the shaper goes on as that one does, by the classes
   * but by no module. Any other packet leaves this world, which knows the hosts of its flows alone.
   */
  inject(bytes: Uint8Array): void {
    const { packets } = this;
    const { port, hops } = this.parts;
    const original = port.packetOf(bytes);
    if (original === NONE) return;
    const stop = port.classStopOf(original);
    const p = packets.copy(original);
    port.begins(p, bytes);
    // Behind the last of its stops in the shaper.
    while (hops[packets.hop[p]] < HOP_END) packets.hop[p] += 1;
    this.afterBatch(() => this.enter(p, stop));
  }

  verdictGiven(p: number, nfqueue: number, packetId: number, isAccepted: boolean): void {
    const { packets, hash } = this;
    hash.addInstant(this.nowNs);
    hash.add(packetId);
    hash.add((nfqueue << 1) | (isAccepted ? 1 : 0));
    if (!isAccepted) {
      this.meter.shaperDrops[this.meter.rowOf[packets.flow[p]]] += 1;
      packets.give(p);
      return;
    }
    packets.queuedNs[p] += this.nowNs - packets.enteredNs[p];
    this.advance(p);
  }

  /**
   * Instant of the shaper's next batch: now if packets wait unread, else a whole nanosecond, like a timer's.
   */
  private shaperNs(): number {
    const { port, timerLatenessNs } = this.parts;
    if (port.unread > 0) return this.nowNs;
    const armedNs = Math.ceil(port.armedNs) + timerLatenessNs;
    return armedNs > this.nowNs ? armedNs : this.nowNs;
  }

  private moveTo(ns: number): void {
    if (ns <= this.nowNs) return;
    this.nowNs = ns;
    this.batchesAtOnce = 0;
  }

  private runShaper(): void {
    const { engine, port } = this.parts;
    this.batches++;
    this.batchesAtOnce++;
    // The message is made only if it is needed, because it would cost more than the batch.
    if (this.batchesAtOnce >= BATCHES_AT_ONCE_MAX)
      invariant(false, `the engine asks to be woken at ${this.nowNs} for ever`);
    this.isInBatch = true;
    engine.runBatch(port, this.nowNs);
    this.isInBatch = false;
    if (this.tasks.length > 0) this.doTasks();
  }

  /** The first row of the agenda is due. */
  private happen(row: number): void {
    const { lines, flows } = this.parts;
    if (row < lines.count) {
      this.advance(lines.take(row));
      return;
    }
    this.agenda.delete(row);
    const timer = (row - lines.count) % TIMERS;
    const flow = flows[(row - lines.count - timer) / TIMERS];
    if (timer === TIMER_RETRANSMIT) flow.sender?.onTimer();
    else if (timer === TIMER_ACK) flow.receiver?.onTimer();
    else if (timer === TIMER_READ) flow.receiver?.onReadTimer();
    else flow.source?.onTimer();
  }

  /** Packet `p` goes to its next hop. */
  private advance(p: number): void {
    const { packets } = this;
    const { hops, lines } = this.parts;
    const hop = hops[packets.hop[p]++];
    if (hop >= 0) {
      if (lines.give(hop, p, this.nowNs) === TRAVELS) return;
      this.meter.lineDrops[this.meter.rowOf[packets.flow[p]]] += 1;
    } else if (hop === HOP_END) {
      this.arrive(p);
    } else {
      this.enter(p, -2 - hop);
      return;
    }
    packets.give(p);
  }

  /** Packet `p` comes to a stop of the shaper; NONE: there is none for it. */
  private enter(p: number, stop: number): void {
    const { packets } = this;
    if (stop === NONE) {
      this.advance(p);
      return;
    }
    packets.enteredNs[p] = this.nowNs;
    if (this.parts.port.arrive(p, stop)) return;
    this.meter.shaperDrops[this.meter.rowOf[packets.flow[p]]] += 1;
    packets.give(p);
  }

  /** Packet `p` has reached its end; its row is given back after this. */
  private arrive(p: number): void {
    const { packets, meter, hash } = this;
    const f = packets.flow[p];
    const kind = packets.kind[p];
    const lengthBytes = packets.lengthBytes[p];
    hash.addInstant(this.nowNs);
    hash.add((f << 4) | kind);
    hash.add(packets.seq[p]);
    this.arrivals++;
    if (carriesData(kind)) {
      meter.delivered(f, lengthBytes, packets.queuedNs[p]);
      if (packets.ecn[p] === CE) meter.marked[meter.rowOf[f]] += 1;
    }
    this.handOver(p, f, kind);
  }

  private handOver(p: number, f: number, kind: number): void {
    const { source, sender, receiver } = this.parts.flows[f];
    switch (kind) {
      case KIND_DATA: {
        const before = receiver!.next;
        receiver!.onData(p);
        if (receiver!.next > before && receiver!.next === sender!.end) source!.onAllArrived();
        break;
      }
      case KIND_ACK:
        sender!.onAck(p);
        break;
      case KIND_PROBE:
        receiver!.onProbe();
        break;
      case KIND_SYN:
        receiver!.onSyn(p, this.packets.lengthBytes[p]);
        break;
      case KIND_SYN_ACK:
        sender!.onSynAck(p);
        break;
      case KIND_DATAGRAM:
        this.meter.goodput(f, this.packets.lengthBytes[p]);
        source!.onFarEnd(p);
        break;
      case KIND_REQUEST:
        source!.onFarEnd(p);
        break;
      case KIND_ANSWER:
        this.meter.completed(f, this.nowNs - this.packets.sentNs[p]);
        break;
      default:
        invariant(kind === KIND_CAPTURED, `packet of kind ${kind}`);
    }
  }
}
