/**
 * Where packets of a leaf wait for its ceilings, by discipline:
 *
 *   fifo         Bands: one line                                     CoDel, if configured, for every line on its own
 *   short-first  Bands: a line of short flows, one of long ones
 *   fair         FairQueues: a line per flow or host                 the ACK filter, if configured
 *
 * Packets that an AQM drops when they would leave, and ACKs that a new one made useless, are collected in `doomed`, for the engine
 * to answer.
 */
import {
  type CodelParameters,
  type CodelQueues,
  codelBecameEmpty,
  codelCopy,
  createCodelQueues,
} from '../../algo/aqm/codel.ts';
import { flowQuantumBytes } from '../../algo/buckets/rate-scaling.ts';
import { NONE } from '../../base/none.ts';
import { FAIR_HOSTS_MAX } from '../../limits.ts';
import type { ClassSpec } from '../../spec/spec.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Mover } from '../classes/mover.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { HeldFifos, type HeldTable } from '../packets/held.ts';
import type { AckFilter } from './ack-filter.ts';
import { Bands } from './bands.ts';
import { codelLetsGo } from './codel-gate.ts';
import { FairQueues } from './fair.ts';
import { FairKeys } from './fair-keys.ts';
import { HostLoads } from './host-loads.ts';

/** The link's IP MTU: CoDel leaves that much in a queue. */
const MTU_BYTES = 1500;
/** Most of a fair leaf's quantum: CAKE's MTU. */
const QUANTUM_BYTES_MAX = 1514;
const DROP_BATCH = 64;

export class LeafQueues {
  private fair: FairQueues;
  private fairKeys: FairKeys;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly acks: AckFilter;
  /** For fair queues, made when the first fair leaf is. */
  private readonly rows: number;
  private readonly key: () => number;
  private bands: Bands;
  private isFair: Uint8Array;
  private codelOf: readonly (CodelParameters | null)[];
  /** By line of `bands`. */
  private codel: CodelQueues;
  private readonly doomed: HeldFifos;

  constructor(
    rows: number,
    key: () => number,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    acks: AckFilter,
  ) {
    const specs = classes.map((info) => info.spec);
    this.held = held;
    this.flows = flows;
    this.acks = acks;
    this.rows = rows;
    this.key = key;
    this.bands = new Bands(classes, held, flows);
    this.isFair = Uint8Array.from(specs, isFairLeaf);
    this.codelOf = specs.map(codelParameters);
    this.codel = createCodelQueues(2 * classes.length);
    this.doomed = new HeldFifos(1, held);
    ({ fair: this.fair, keys: this.fairKeys } = this.createFair(classes));
  }

  private createFair(classes: readonly ClassInfo[]): { fair: FairQueues; keys: FairKeys } {
    const { rows, key, held, flows, acks, codelOf, doomed } = this;
    const hosts = new HostLoads(this.isFair.includes(1) ? FAIR_HOSTS_MAX : 1, key(), key(), flows);
    const keys = new FairKeys(rows, key(), key(), classes, held, flows, hosts);
    const quanta = Float64Array.from(classes, ({ spec }) => quantumBytes(spec));
    const fair = new FairQueues(classes, quanta, codelOf, held, keys, acks, doomed);
    return { fair, keys };
  }

  /**
   * Leaves are others now. What waits keeps its place and its queue the state of its algorithm, where the discipline is what it
   * was; other packets go to `mover`.
   */
  regroup(change: ClassChange, mover: Mover): void {
    const { classes, oldRow } = change;
    const specs = classes.map((info) => info.spec);
    const { bands, codel, codelOf } = this;
    const hadFair = this.isFair.includes(1);
    this.bands = new Bands(classes, this.held, this.flows);
    this.isFair = Uint8Array.from(specs, isFairLeaf);
    this.codelOf = specs.map(codelParameters);
    this.codel = createCodelQueues(2 * classes.length);
    this.bands.inherit(bands, change, mover);
    for (const [row, old] of oldRow.entries()) {
      if (old === NONE || this.codelOf[row] === null || codelOf[old] === null) continue;
      for (const n of [0, 1]) {
        codelCopy(this.codel, 2 * row + n, codel, 2 * old + n);
        if (this.bands.head(2 * row + n) === NONE) codelBecameEmpty(this.codel, 2 * row + n);
      }
    }
    const quanta = Float64Array.from(specs, quantumBytes);
    if (hadFair || !this.isFair.includes(1)) this.fair.regroup(change, quanta, this.codelOf, mover);
    else ({ fair: this.fair, keys: this.fairKeys } = this.createFair(classes));
  }

  /** Reads ahead what the packets of a batch of so many rows will probably ask for. */
  readAhead(rows: number): void {
    this.fairKeys.readAhead(rows);
  }

  /** Appends packet `h` to its leaf; false when a fair leaf has no room for one more queue. */
  push(leaf: number, h: number, nowNs: number): boolean {
    if (this.isFair[leaf] === 1) return this.fair.push(leaf, h, nowNs);
    this.bands.push(leaf, h);
    return true;
  }

  isEmpty(leaf: number): boolean {
    return this.isFair[leaf] === 1 ? this.fair.isEmpty(leaf) : this.bands.isEmpty(leaf);
  }

  /** The packet whose turn it is, which stays where it is; the leaf must not be empty. */
  head(leaf: number): number {
    const { fair, bands } = this;
    return this.isFair[leaf] === 1 ? fair.head(leaf) : bands.head(bands.line(leaf));
  }

  /**
   * Takes the packet whose turn it is at `atNs`, with FLAG_CE set if it is to be marked; NONE when the AQM dropped all that was
   * left.
   */
  shift(leaf: number, atNs: number): number {
    if (this.isFair[leaf] === 1) return this.fair.shift(leaf, atNs);
    const { bands } = this;
    const parameters = this.codelOf[leaf];
    while (!bands.isEmpty(leaf)) {
      const line = bands.line(leaf);
      const h = parameters === null ? bands.take(line) : this.shiftLine(line, parameters, atNs);
      if (h === NONE) continue;
      bands.sent(line, h);
      return h;
    }
    return NONE;
  }

  /** Takes any packet; the leaf must not be empty. For the orderly stop. */
  shiftAny(leaf: number): number {
    const { fair, bands } = this;
    return this.isFair[leaf] === 1 ? fair.shiftAny(leaf) : bands.take(bands.line(leaf));
  }

  /** The pile of a leaf (a queue of a fair one, a line of a short-first one) that packet `h` would join; NONE: new, or a fifo. */
  pileOf(leaf: number, h: number): number {
    return this.isFair[leaf] === 1 ? this.fair.find(leaf, h) : this.bands.pileOf(leaf, h);
  }

  /** A pile that no other of the leaf exceeds by an eighth or more; NONE when nothing waits, and for a fifo. */
  longestPile(leaf: number): number {
    return this.isFair[leaf] === 1 ? this.fair.longestQueue(leaf) : this.bands.longestPile(leaf);
  }

  /** Bytes that wait in a pile; 0 for NONE. */
  pileBytes(leaf: number, pile: number): number {
    if (pile === NONE) return 0;
    return this.isFair[leaf] === 1 ? this.fair.waitingBytes(pile) : this.bands.backlogBytes(pile);
  }

  /** Whether so much in a pile may be dropped. */
  canSpare(leaf: number, pile: number, packets: number, bytes: number): boolean {
    const { fair, bands } = this;
    return this.isFair[leaf] === 1
      ? fair.canSpare(leaf, pile, packets, bytes)
      : bands.canSpare(pile, packets, bytes);
  }

  /** Packets that a pile loses at once: a fair queue's sender is met with half of it, up to this bound (RFC 8290 section 4.1.3). */
  evictionsMax(leaf: number): number {
    return this.isFair[leaf] === 1 ? DROP_BATCH : 1;
  }

  /** Takes the first packet of a pile that may be dropped, for want of room. */
  evict(leaf: number, pile: number): number {
    if (this.isFair[leaf] === 1) return this.fair.evict(leaf, pile);
    const h = this.bands.evict(pile);
    if (this.bands.head(pile) === NONE) codelBecameEmpty(this.codel, pile);
    return h;
  }

  /** A packet that an AQM dropped; NONE when there is none. */
  popDoomed(): number {
    return this.doomed.isEmpty(0) ? NONE : this.doomed.shift(0);
  }

  sweep(nowNs: number): void {
    this.fair.sweep();
    this.fairKeys.sweep(nowNs);
  }

  /** The first packet of a line that CoDel lets go; NONE when it dropped all that was left. */
  private shiftLine(line: number, parameters: CodelParameters, atNs: number): number {
    const { held, bands } = this;
    while (bands.head(line) !== NONE) {
      const h = bands.take(line);
      const backlogBytes = bands.backlogBytes(line);
      if (codelLetsGo(held, this.codel, line, parameters, h, backlogBytes, atNs)) return h;
      this.doomed.push(0, h);
    }
    return NONE;
  }
}

function isFairLeaf(spec: ClassSpec): number {
  return spec.queue?.discipline === 'fair' ? 1 : 0;
}

function codelParameters({ queue }: ClassSpec): CodelParameters | null {
  if (queue?.aqm.kind !== 'codel') return null;
  return { ...queue.aqm.codel, mtuBytes: MTU_BYTES, ecn: queue.ecn };
}

function quantumBytes(spec: ClassSpec): number {
  return flowQuantumBytes(spec.ceilBytesPerSec, QUANTUM_BYTES_MAX);
}
