/** The side that sends packets into the tunnel: m connections, and which packet goes by which of them. */
import type { Itm } from '../../modules/api/module.ts';
import type { Complaints } from '../shared/complaints.ts';
import { type ConnectionListener, TunnelConnection } from './connection.ts';
import { FRAME_HEADER_BYTES, NO_FLOW } from './frames.ts';
import type { TunnelSettings } from './settings.ts';

/**
 * What may be on the way in a connection: its part of the target for so long, or twice its round trip. More
 * would only wait in the kernel, where nobody drops it.
 */
const IN_FLIGHT_MS = 250;
const IN_FLIGHT_BYTES_MIN = 64 * 1024;
const IN_FLIGHT_BYTES_MAX = 4 * 1024 * 1024;
const MS_PER_SEC = 1000;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 30_000;
/** A flow moves to a connection with less than this part of its room in use, if its own has twice as much. */
const MOVE_BELOW = 0.25;
const FLOWS = 0x10000;
const WORD = 0x1_0000_0000;

export interface SenderCounters {
  readonly deliveredBytes: number;
  readonly sentPackets: number;
  /** Refused, because no connection had room. */
  readonly droppedPackets: number;
  /** Left as they were, because no connection was open. */
  readonly passedPackets: number;
  /** Taken, and not read by the peer when their connection broke. */
  readonly lostBytes: number;
}

export class TunnelSender implements ConnectionListener {
  readonly counters = {
    deliveredBytes: 0,
    sentPackets: 0,
    droppedPackets: 0,
    passedPackets: 0,
    lostBytes: 0,
  };
  private readonly itm: Itm;
  private readonly settings: TunnelSettings;
  private readonly complaints: Complaints;
  private readonly connections = new Set<TunnelConnection>();
  /** By flow: its connection, and the number of its next packet. */
  private readonly pins = new Map<number, TunnelConnection>();
  private readonly numbers = new Uint16Array(FLOWS);
  private readonly session: number;
  private wanted = 1;
  private retryMs = RETRY_MS_MIN;
  private retryAtMs = 0;
  private isOver = false;
  private waitingPackets = 0;
  private offeredPackets = 0;

  constructor(itm: Itm, settings: TunnelSettings, complaints: Complaints) {
    this.itm = itm;
    this.settings = settings;
    this.complaints = complaints;
    this.session = Math.floor(itm.random() * WORD);
  }

  get openCount(): number {
    return this.count('open');
  }

  /** Whether the packet is in the tunnel, has to be dropped, or cannot be helped now. */
  offer(packet: Uint8Array, flowNumber: number): 'taken' | 'full' | 'closed' {
    const flow = flowNumber < 0 ? NO_FLOW : flowNumber & NO_FLOW;
    const connection = this.connectionFor(flow, packet.length + FRAME_HEADER_BYTES);
    this.offeredPackets++;
    if (connection !== null) {
      if (connection.inFlightBytes * 2 >= this.roomOf(connection)) this.waitingPackets++;
      this.counters.sentPackets++;
      connection.send(packet, flow, this.numbers[flow]++);
      return 'taken';
    }
    const answer = this.openCount === 0 ? 'closed' : 'full';
    if (answer === 'full') this.counters.droppedPackets++;
    else this.counters.passedPackets++;
    this.waitingPackets++;
    return answer;
  }

  /** Whether packets mostly had to wait since the last call: then the connections were what held them up. */
  takeDemand(): boolean {
    const hadDemand = this.offeredPackets > 0 && this.waitingPackets * 2 >= this.offeredPackets;
    this.offeredPackets = 0;
    this.waitingPackets = 0;
    return hadDemand;
  }

  /** There shall be so many connections. */
  want(connections: number): void {
    this.wanted = connections;
    const opening = [...this.connections].filter(({ state }) => state === 'opening');
    for (let more = this.aliveCount() - connections; more > 0; more--)
      (opening.pop() ?? this.leastBusy())?.drain();
    this.look(performance.now());
  }

  /** Opens what is missing, and ends what does not answer. */
  look(nowMs: number): void {
    for (const connection of this.connections) connection.look(nowMs);
    if (this.isOver || nowMs < this.retryAtMs) return;
    for (let missing = this.wanted - this.aliveCount(); missing > 0; missing--)
      this.connections.add(new TunnelConnection(this.settings.peer, this.session, this));
  }

  stop(): void {
    this.isOver = true;
    for (const connection of this.connections) connection.destroy();
  }

  opened(): void {
    this.retryMs = RETRY_MS_MIN;
  }

  delivered(_connection: TunnelConnection, bytes: number): void {
    this.counters.deliveredBytes += bytes;
  }

  closed(connection: TunnelConnection, fault: Error | null): void {
    this.connections.delete(connection);
    for (const [flow, pinned] of this.pins) if (pinned === connection) this.pins.delete(flow);
    this.counters.lostBytes += connection.inFlightBytes;
    if (fault === null || this.isOver) return;
    // Several that fail at once make one wait, with a part of chance, so that instances do not march in step.
    const nowMs = performance.now();
    if (nowMs < this.retryAtMs) return;
    this.retryAtMs = nowMs + this.retryMs * (0.5 + this.itm.random() / 2);
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MS_MAX);
    const { address, port } = this.settings.peer;
    const fields = { peer: address, port, code: (fault as NodeJS.ErrnoException).code ?? '' };
    this.complaints.add(`a connection of the tunnel failed: ${fault.message}`, fields);
  }

  /**
   * A flow stays in its connection while that can take it, so that it waits for no other flow's losses. It
   * moves where its own connection is what holds it up and another has little to do: a single flow uses them
   * all, and the peer puts its packets in order.
   */
  private connectionFor(flow: number, bytes: number): TunnelConnection | null {
    const pinned = this.pins.get(flow);
    if (pinned !== undefined && this.hasRoom(pinned, bytes)) {
      if (pinned.inFlightBytes < 2 * MOVE_BELOW * this.roomOf(pinned)) return pinned;
    }
    const next = this.leastBusy();
    if (next === null || !this.hasRoom(next, bytes)) return null;
    const isIdle = next.inFlightBytes < MOVE_BELOW * this.roomOf(next);
    if (!isIdle && pinned !== undefined && this.hasRoom(pinned, bytes)) return pinned;
    this.pins.set(flow, next);
    return next;
  }

  private hasRoom(connection: TunnelConnection, bytes: number): boolean {
    return connection.state === 'open' && connection.inFlightBytes + bytes <= this.roomOf(connection);
  }

  private roomOf({ rttMsMin }: TunnelConnection): number {
    const ms = Number.isFinite(rttMsMin) ? Math.max(IN_FLIGHT_MS, 2 * rttMsMin) : IN_FLIGHT_MS;
    const bytes = ((this.settings.targetBytesPerSec / this.wanted) * ms) / MS_PER_SEC;
    return Math.min(Math.max(bytes, IN_FLIGHT_BYTES_MIN), IN_FLIGHT_BYTES_MAX);
  }

  private leastBusy(): TunnelConnection | null {
    let best: TunnelConnection | null = null;
    for (const connection of this.connections) {
      if (connection.state !== 'open') continue;
      if (best === null || connection.inFlightBytes < best.inFlightBytes) best = connection;
    }
    return best;
  }

  private aliveCount(): number {
    return this.count('open') + this.count('opening');
  }

  private count(state: TunnelConnection['state']): number {
    let count = 0;
    for (const connection of this.connections) if (connection.state === state) count++;
    return count;
  }
}
