/**
 * Puts the packets of a flow in order again, which came by several connections. A packet that is missing is
 * waited for, since a connection loses nothing; but not for long, since a connection may break.
 */
import { NO_FLOW } from './frames.ts';

/** Numbers go round at this. */
const NUMBERS = 0x10000;
/** Of a flow that has just begun, packets with greater numbers do not overtake the first. */
const NEW_BELOW = 256;
const WAIT_MS = 500;
/** Of all flows together. */
const HELD_BYTES_MAX = 8 * 1024 * 1024;

interface Flow {
  /** The number of the packet whose turn it is. */
  next: number;
  readonly held: Map<number, Uint8Array>;
  /** When its turn began to be waited for. */
  sinceMs: number;
}

export class Resequencer {
  heldBytes = 0;
  private readonly deliver: (packet: Uint8Array) => void;
  private readonly flows = new Map<number, Flow>();
  /** Those that hold packets. */
  private readonly waiting = new Set<Flow>();

  constructor(deliver: (packet: Uint8Array) => void) {
    this.deliver = deliver;
  }

  /** Packet `number` of `flow`, counted from 0, has come. It is copied if it has to wait. */
  take(packet: Uint8Array, flowNumber: number, number: number, nowMs: number): void {
    if (flowNumber === NO_FLOW) {
      this.deliver(packet);
      return;
    }
    const flow = this.flowOf(flowNumber, number);
    const ahead = (number - flow.next + NUMBERS) % NUMBERS;
    if (ahead === 0) {
      this.deliver(packet);
      flow.next = (flow.next + 1) % NUMBERS;
      if (flow.held.size > 0) this.goOn(flow, nowMs);
      return;
    }
    // What comes after its turn was given up is late, and goes on at once.
    if (ahead >= NUMBERS / 2) {
      this.deliver(packet);
      return;
    }
    if (flow.held.size === 0) {
      flow.sinceMs = nowMs;
      this.waiting.add(flow);
    }
    flow.held.set(number, new Uint8Array(packet));
    this.heldBytes += packet.length;
    if (this.heldBytes > HELD_BYTES_MAX) for (const full of this.waiting) this.giveUp(full, nowMs);
  }

  /** Gives up what was waited for too long. */
  look(nowMs: number): void {
    for (const flow of this.waiting) if (nowMs - flow.sinceMs >= WAIT_MS) this.giveUp(flow, nowMs);
  }

  /** A flow that is new here may be an old one of the peer, if this instance began after it. */
  private flowOf(flowNumber: number, number: number): Flow {
    const known = this.flows.get(flowNumber);
    if (known !== undefined) return known;
    const flow = { next: number < NEW_BELOW ? 0 : number, held: new Map<number, Uint8Array>(), sinceMs: 0 };
    this.flows.set(flowNumber, flow);
    return flow;
  }

  /** Delivers what is held, from the turn on, until one is missing. */
  private goOn(flow: Flow, nowMs: number): void {
    for (;;) {
      const packet = flow.held.get(flow.next);
      if (packet === undefined) break;
      flow.held.delete(flow.next);
      this.heldBytes -= packet.length;
      flow.next = (flow.next + 1) % NUMBERS;
      this.deliver(packet);
    }
    flow.sinceMs = nowMs;
    if (flow.held.size === 0) this.waiting.delete(flow);
  }

  /** The turn is that of the first packet that is there. */
  private giveUp(flow: Flow, nowMs: number): void {
    let least = NUMBERS;
    for (const number of flow.held.keys()) least = Math.min(least, (number - flow.next + NUMBERS) % NUMBERS);
    flow.next = (flow.next + least) % NUMBERS;
    this.goOn(flow, nowMs);
  }
}
