/**
 * Leaf queues: how the packets of a leaf wait for its ceilings, by discipline.
 *
 *   fifo         Bands: one FIFO
 *   short-first  Bands: a FIFO of short flows, one of long ones
 *   fair         FairQueues: a flow queue per flow or host; the ACK filter, if configured
 *
 * CoDel, if configured, decides for each band and each flow queue by itself. In a full leaf whoever holds the
 * most pays: a host or flow queue of a fair leaf (fair-victims.ts), or a band of a short-first leaf. In a
 * fifo nobody does.
 *
 * Packets that CoDel drops when they would leave, and redundant ACKs, are collected in `doomed`. The engine
 * takes them from there and gives their verdicts.
 */
import {
  type CodelParameters,
  type CodelQueues,
  codelBecameEmpty,
  codelCopy,
  createCodelQueues,
} from '../../algo/aqm/codel.ts';
import type { HashKeys } from '../../base/hash.ts';
import { NONE } from '../../base/none.ts';
import { FAIR_HOSTS_MAX } from '../../limits.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Mover } from '../classes/mover.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import type { AckFilter } from './ack-filter.ts';
import { Bands } from './bands.ts';
import { codelLetsGo } from './codel-gate.ts';
import { FairQueues } from './fair.ts';
import { FairHosts } from './fair-hosts.ts';
import { FairKeys } from './fair-keys.ts';
import { leafKinds, QueueSets } from './queue-sets.ts';

export class LeafQueues {
  private fair: FairQueues;
  private fairKeys: FairKeys;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly acks: AckFilter;
  /** Rows and keys of the fair tables, which are made with the first fair leaf. */
  private readonly rows: number;
  private readonly keysOf: (table: string) => HashKeys;
  private bands: Bands;
  private isFair: Uint8Array;
  private codelOf: readonly (CodelParameters | null)[];
  /** By band. */
  private codel: CodelQueues;
  private readonly doomed: HeldFifos;
  /** The band that pays. Written by findPayer(), read by evict() until the next findPayer(). */
  private lastBand = NONE;

  constructor(
    rows: number,
    keysOf: (table: string) => HashKeys,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    acks: AckFilter,
  ) {
    this.held = held;
    this.flows = flows;
    this.acks = acks;
    this.rows = rows;
    this.keysOf = keysOf;
    const sets = new QueueSets(leafKinds(classes));
    this.bands = new Bands(sets, held, flows);
    this.isFair = isFairBySet(sets);
    this.codelOf = sets.kinds.map((kind) => kind?.codel ?? null);
    this.codel = createCodelQueues(2 * classes.length);
    this.doomed = new HeldFifos(1, held);
    ({ fair: this.fair, keys: this.fairKeys } = this.createFair(sets));
  }

  private createFair(sets: QueueSets): { fair: FairQueues; keys: FairKeys } {
    const { rows, keysOf, held, flows, acks, doomed } = this;
    const hosts = new FairHosts(this.isFair.includes(1) ? FAIR_HOSTS_MAX : 1, ...keysOf('fair hosts'), flows);
    const keys = new FairKeys(rows, ...keysOf('flow queues'), sets, held, flows, hosts);
    const fair = new FairQueues(sets, held, keys, hosts, acks, doomed);
    return { fair, keys };
  }

  /**
   * Takes over other classes. Where the discipline stays the same, packets keep their places, and flow queues
   * and bands the state of their algorithms. Other packets go to `mover`.
   */
  regroup(change: ClassChange, mover: Mover): void {
    const { classes, oldRow } = change;
    const { bands, codel, codelOf } = this;
    const hadFair = this.isFair.includes(1);
    const sets = new QueueSets(leafKinds(classes));
    this.bands = new Bands(sets, this.held, this.flows);
    this.isFair = isFairBySet(sets);
    this.codelOf = sets.kinds.map((kind) => kind?.codel ?? null);
    this.codel = createCodelQueues(2 * classes.length);
    this.bands.inherit(bands, change, mover);
    for (const [row, old] of oldRow.entries()) {
      if (old === NONE || this.codelOf[row] === null || codelOf[old] === null) continue;
      for (const n of [0, 1]) {
        codelCopy(this.codel, 2 * row + n, codel, 2 * old + n);
        if (this.bands.head(2 * row + n) === NONE) codelBecameEmpty(this.codel, 2 * row + n);
      }
    }
    if (hadFair || !this.isFair.includes(1)) this.fair.regroup(change, sets, mover);
    else ({ fair: this.fair, keys: this.fairKeys } = this.createFair(sets));
  }

  /** Reads ahead the records that packets [0, rows) of a batch will probably ask for. */
  readAhead(rows: number): void {
    this.fairKeys.readAhead(rows);
  }

  /** Appends packet `h` to its leaf. Returns false if there is no room for one more flow queue. */
  push(leaf: number, h: number, nowNs: number): boolean {
    if (this.isFair[leaf] === 1) return this.fair.push(leaf, h, nowNs);
    this.bands.push(leaf, h);
    return true;
  }

  isEmpty(leaf: number): boolean {
    return this.isFair[leaf] === 1 ? this.fair.isEmpty(leaf) : this.bands.isEmpty(leaf);
  }

  /** The packet whose turn it is; it stays in its queue. The leaf must not be empty. */
  head(leaf: number): number {
    const { fair, bands } = this;
    return this.isFair[leaf] === 1 ? fair.head(leaf) : bands.head(bands.next(leaf));
  }

  /**
   * Takes the packet whose turn it is at `atNs`, with FLAG_CE set if CoDel signals by a mark. NONE if CoDel
   * dropped all packets of the leaf.
   */
  shift(leaf: number, atNs: number): number {
    if (this.isFair[leaf] === 1) return this.fair.shift(leaf, atNs);
    const { bands } = this;
    const params = this.codelOf[leaf];
    while (!bands.isEmpty(leaf)) {
      const band = bands.next(leaf);
      const h = params === null ? bands.take(band) : this.shiftBand(band, params, atNs);
      if (h === NONE) continue;
      bands.sent(band, h);
      return h;
    }
    return NONE;
  }

  /** Takes any packet, for the orderly stop. The leaf must not be empty. */
  shiftAny(leaf: number): number {
    const { fair, bands } = this;
    return this.isFair[leaf] === 1 ? fair.shiftAny(leaf) : bands.take(bands.next(leaf));
  }

  /**
   * Finds who pays for packet `h` that arrives at full leaf `leaf`: whoever holds the most. `h` is NONE if
   * the packet waits elsewhere. Returns the bytes that the payer holds, those of `h` included if `h` is of
   * it. In a fifo only the packet itself can pay.
   */
  findPayer(leaf: number, h: number): number {
    if (this.isFair[leaf] === 1) return this.fair.findPayer(leaf, h);
    const { bands } = this;
    const own = h === NONE ? NONE : bands.victimOf(leaf, h);
    const longest = bands.longestVictim(leaf);
    this.lastBand = NONE;
    if (longest === NONE) return h === NONE ? 0 : this.held.lengthBytes[h];
    const ownBytes = own === NONE ? 0 : bands.backlogBytes(own) + this.held.lengthBytes[h];
    this.lastBand = bands.backlogBytes(longest) > ownBytes ? longest : own;
    return Math.max(ownBytes, bands.backlogBytes(longest));
  }

  /** Whether the payer has at least `packets` packets and `bytes` bytes of `leaf` that may be dropped. */
  canSpare(leaf: number, packets: number, bytes: number): boolean {
    const { fair, bands, lastBand } = this;
    if (this.isFair[leaf] === 1) return fair.canSpare(leaf, leaf, packets, bytes);
    return lastBand !== NONE && bands.canSpare(lastBand, leaf, packets, bytes);
  }

  /**
   * Evicts a packet of `leaf` from the payer. NONE if it has none that may be dropped. If no more need go,
   * `isNeeded` is false: a long flow queue loses half of its bytes at once (RFC 8290 section 4.1.3).
   */
  evict(leaf: number, isNeeded: boolean): number {
    if (this.isFair[leaf] === 1) return this.fair.evict(leaf, leaf, isNeeded);
    const { bands, lastBand } = this;
    if (!isNeeded || !bands.canSpare(lastBand, leaf, 1, 0)) return NONE;
    const h = bands.evict(lastBand, leaf);
    if (bands.head(lastBand) === NONE) codelBecameEmpty(this.codel, lastBand);
    return h;
  }

  /** A packet that CoDel or the ACK filter dropped; NONE if there is none. */
  popDoomed(): number {
    return this.doomed.isEmpty(0) ? NONE : this.doomed.shift(0);
  }

  sweep(nowNs: number): void {
    this.fair.sweep();
    this.fairKeys.sweep(nowNs);
  }

  /** Takes the first packet of a band that CoDel lets go. NONE if CoDel dropped all packets of the band. */
  private shiftBand(band: number, params: CodelParameters, atNs: number): number {
    const { held, bands } = this;
    while (bands.head(band) !== NONE) {
      const h = bands.take(band);
      const backlogBytes = bands.backlogBytes(band);
      if (codelLetsGo(held, this.codel, band, h, backlogBytes, params, atNs)) return h;
      this.doomed.push(0, h);
    }
    return NONE;
  }
}

function isFairBySet({ classOf, kinds }: QueueSets): Uint8Array {
  return Uint8Array.from(classOf, (c) => (kinds[c]?.fair ? 1 : 0));
}
