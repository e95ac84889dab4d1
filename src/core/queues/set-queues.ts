/**
 * How the packets of sets (queue-sets.ts) wait, by discipline: those of leaves for their ceilings, those of
 * `each` buckets for their tokens.
 *
 *   fifo         Bands: one FIFO
 *   short-first  Bands: a FIFO of short flows, one of long ones
 *   fair         FairQueues: a flow queue per flow or host; the ACK filter, if configured
 *
 * CoDel, if configured, decides for each band and each flow queue by itself. In a full leaf whoever holds the
 * most pays: a host or flow queue of a fair set (fair-victims.ts), or a band. In the fifo of a leaf nobody
 * does.
 *
 * Packets that CoDel drops when they would leave, and redundant ACKs, are collected in `doomed`. The engine
 * takes them from there and gives their verdicts.
 */
import {
  type CodelParameters,
  type CodelQueues,
  codelBecameEmpty,
  codelCopy,
  codelReset,
  createCodelQueues,
} from '../../algo/aqm/codel.ts';
import type { HashKeys } from '../../base/hash.ts';
import { NONE } from '../../base/none.ts';
import { FAIR_HOSTS_MAX } from '../../limits.ts';
import type { ClassChange } from '../classes/change.ts';
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
import { adoptFair, drainFair, lendFair, listFair } from './fair-lent.ts';
import { payerWeight } from './payer-weight.ts';
import { QueueSets } from './queue-sets.ts';

export class SetQueues {
  private fair: FairQueues;
  private fairKeys: FairKeys;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly acks: AckFilter;
  /** Rows and keys of the fair tables, which are made with the first fair leaf. */
  private readonly rows: number;
  private readonly keysOf: (table: string) => HashKeys;
  private sets: QueueSets;
  private bands: Bands;
  /** By set. */
  private isFair: Uint8Array;
  /** By class. */
  private codelOf: readonly (CodelParameters | null)[];
  /** By band. */
  private codel: CodelQueues;
  private readonly doomed: HeldFifos;
  /** Whether CoDel drops the packet that the last shiftOne() took. */
  lastIsDropped = false;
  /** The band that pays. Written by findPayer(), read by evict() until the next findPayer(). */
  private lastBand = NONE;
  /** Whether the last findPayer() found the arriving packet's own host, flow queue or band, or its fifo. */
  lastIsOwn = false;

  constructor(
    rows: number,
    keysOf: (table: string) => HashKeys,
    sets: QueueSets,
    held: HeldTable,
    flows: FlowTable,
    acks: AckFilter,
  ) {
    this.held = held;
    this.flows = flows;
    this.acks = acks;
    this.rows = rows;
    this.keysOf = keysOf;
    this.sets = sets;
    this.isFair = isFairBySet(sets);
    this.codelOf = sets.kinds.map((kind) => kind?.codel ?? null);
    this.doomed = new HeldFifos(1, held);
    ({ bands: this.bands, codel: this.codel } = this.createBands(sets, null));
    ({ fair: this.fair, keys: this.fairKeys } = this.createFair(sets));
  }

  private createBands(sets: QueueSets, from: Bands | null): { bands: Bands; codel: CodelQueues } {
    const bands = new Bands(sets, this.held, this.flows, from);
    return { bands, codel: createCodelQueues(2 * sets.bandSets) };
  }

  private createFair(sets: QueueSets): { fair: FairQueues; keys: FairKeys } {
    const { rows, keysOf, held, flows, acks, doomed } = this;
    const hosts = new FairHosts(sets.hasFair ? FAIR_HOSTS_MAX : 1, ...keysOf('fair hosts'), flows);
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
    const setsBefore = this.sets;
    const sets = QueueSets.ofLeaves(classes);
    this.sets = sets;
    this.isFair = isFairBySet(sets);
    this.codelOf = sets.kinds.map((kind) => kind?.codel ?? null);
    ({ bands: this.bands, codel: this.codel } = this.createBands(sets, this.bands));
    this.bands.inherit(bands, change, mover);
    for (const [row, old] of oldRow.entries()) {
      if (old === NONE || this.codelOf[row] === null || codelOf[old] === null) continue;
      for (const n of [0, 1]) {
        codelCopy(this.codel, 2 * row + n, codel, 2 * old + n);
        if (this.bands.head(2 * row + n) === NONE) codelBecameEmpty(this.codel, 2 * row + n);
      }
    }
    if (setsBefore.hasFair || !sets.hasFair) this.fair.regroup(change, sets, mover);
    else ({ fair: this.fair, keys: this.fairKeys } = this.createFair(sets));
  }

  /**
   * Takes over other classes for the sets of buckets. Sets must have been drained where the discipline, the
   * isolation or the class has gone; all others go on.
   */
  adopt(change: ClassChange, kinds: QueueSets['kinds']): void {
    const { sets } = this;
    const { hasBands: hadBands, hasFair: hadFair } = sets;
    sets.kinds = kinds;
    this.codelOf = kinds.map((kind) => kind?.codel ?? null);
    if (hadBands || !sets.hasBands) this.bands.adopt(sets);
    else ({ bands: this.bands, codel: this.codel } = this.createBands(sets, this.bands));
    if (hadFair || !sets.hasFair) adoptFair(this.fair, change, sets);
    else ({ fair: this.fair, keys: this.fairKeys } = this.createFair(sets));
  }

  /** A bucket gets this set, whose columns are filled. */
  lend(set: number): void {
    const isFair = this.sets.kinds[this.sets.classOf[set]]?.fair != null;
    this.isFair[set] = isFair ? 1 : 0;
    if (isFair) {
      lendFair(this.fair, set);
      return;
    }
    this.bands.lend(set);
    for (const n of [0, 1]) codelReset(this.codel, 2 * set + n);
  }

  /** Ends the turns of a set in which nothing waits. */
  giveBack(set: number): void {
    if (this.isFair[set] === 1) this.fair.members.giveBack(set);
  }

  /** Whether a set that nothing waits in holds the state of CoDel, which a bucket would lose without it. */
  isWorthKeeping(set: number): boolean {
    return this.isFair[set] === 0;
  }

  /** The packets of a set, flow queue by flow queue or band by band. They stay. */
  list(set: number): number[] {
    return this.isFair[set] === 1 ? listFair(this.fair, set) : this.bands.list(set);
  }

  /** Takes all packets of a set out, in the order of list(). */
  drain(set: number): number[] {
    return this.isFair[set] === 1 ? drainFair(this.fair, set) : this.bands.drain(set);
  }

  /** Reads ahead the records that packets [0, rows) of a batch will probably ask for. */
  readAhead(rows: number): void {
    this.fairKeys.readAhead(rows);
  }

  /** Appends packet `h` to its set. Returns false if there is no room for one more flow queue. */
  push(set: number, h: number, nowNs: number): boolean {
    if (this.isFair[set] === 1) return this.fair.push(set, h, nowNs);
    this.bands.push(set, h);
    return true;
  }

  isEmpty(set: number): boolean {
    return this.isFair[set] === 1 ? this.fair.isEmpty(set) : this.bands.isEmpty(set);
  }

  /** The packet whose turn it is; it stays in its queue. The set must not be empty. */
  head(set: number): number {
    const { fair, bands } = this;
    return this.isFair[set] === 1 ? fair.head(set) : bands.head(bands.next(set));
  }

  /**
   * Takes the packet whose turn it is at `atNs`, with FLAG_CE set if CoDel signals by a mark. NONE if CoDel
   * dropped all packets of the set.
   */
  shift(set: number, atNs: number): number {
    if (this.isFair[set] === 1) return this.fair.shift(set, atNs);
    const { bands } = this;
    const params = this.codelOf[this.sets.classOf[set]];
    while (!bands.isEmpty(set)) {
      const band = bands.next(set);
      const h = params === null ? bands.take(band) : this.shiftBand(band, params, atNs);
      if (h === NONE) continue;
      bands.sent(band, h);
      return h;
    }
    return NONE;
  }

  /**
   * Takes the packet whose turn it is at `atNs`, which CoDel lets go or drops: `lastIsDropped` tells. The set
   * must not be empty. The next packet may ask for another instant.
   */
  shiftOne(set: number, atNs: number): number {
    const { fair, bands } = this;
    if (this.isFair[set] === 1) {
      const h = fair.shiftOne(set, atNs);
      this.lastIsDropped = fair.lastIsDropped;
      return h;
    }
    const band = bands.next(set);
    const h = bands.take(band);
    const params = this.codelOf[this.sets.classOf[set]];
    const goes =
      params === null || codelLetsGo(this.held, this.codel, band, h, bands.backlogBytes(band), params, atNs);
    if (goes) bands.sent(band, h);
    this.lastIsDropped = !goes;
    return h;
  }

  /** Takes any packet, for the orderly stop. The set must not be empty. */
  shiftAny(set: number): number {
    const { fair, bands } = this;
    return this.isFair[set] === 1 ? fair.shiftAny(set) : bands.take(bands.next(set));
  }

  /**
   * Finds who pays for packet `h` that arrives at `set`, which is full: whoever holds the most. `h` is NONE
   * if the packet waits elsewhere. Returns the weight of the payer (payer-weight.ts), with `h` if `h` is of
   * it. In a fifo only the packet itself can pay.
   */
  findPayer(set: number, h: number): number {
    if (this.isFair[set] === 1) {
      const weight = this.fair.findPayer(set, h);
      this.lastIsOwn = this.fair.lastIsOwn;
      return weight;
    }
    return this.findBand(set, h);
  }

  /**
   * Whether a bucket where packet `h` waits, with so many bytes, pays rather than the payer of this weight
   * that the last findPayer() found.
   */
  isOutweighed(set: number, payer: number, h: number, bytes: number, isSeveral: boolean): boolean {
    if (this.isFair[set] === 1) return this.fair.isOutweighed(set, h, bytes, isSeveral);
    return payerWeight(bytes, isSeveral) > payer;
  }

  private findBand(set: number, h: number): number {
    const { bands } = this;
    const own = h === NONE ? NONE : bands.victimOf(set, h);
    const longest = bands.longestVictim(set);
    this.lastBand = NONE;
    this.lastIsOwn = h !== NONE;
    if (longest === NONE) return h === NONE ? 0 : this.held.lengthBytes[h];
    const longestBytes = bands.backlogBytes(longest);
    const ownBytes = own === NONE ? 0 : bands.backlogBytes(own) + this.held.lengthBytes[h];
    this.lastIsOwn = own !== NONE && longestBytes <= ownBytes;
    this.lastBand = this.lastIsOwn ? own : longest;
    const isSeveral = bands.hasPackets(this.lastBand, this.lastIsOwn ? 1 : 2);
    return payerWeight(this.lastIsOwn ? ownBytes : longestBytes, isSeveral);
  }

  /**
   * The same in the set of a bucket, where packets of other leaves wait too: the payer has packets of `leaf`
   * that may be dropped. Returns false if nobody is found who has.
   */
  findPayerOf(set: number, h: number, leaf: number): boolean {
    if (this.isFair[set] === 1) {
      const isFound = this.fair.findPayerOf(set, h, leaf);
      this.lastIsOwn = this.fair.lastIsOwn;
      return isFound;
    }
    this.findBand(set, h);
    this.lastBand = this.bands.spareOf(set, this.lastBand, leaf);
    return this.lastBand !== NONE;
  }

  /** Whether the payer has at least `packets` packets and `bytes` bytes of `leaf` that may be dropped. */
  canSpare(set: number, leaf: number, packets: number, bytes: number): boolean {
    const { fair, bands, lastBand } = this;
    if (this.isFair[set] === 1) return fair.canSpare(set, leaf, packets, bytes);
    return lastBand !== NONE && bands.canSpare(lastBand, leaf, packets, bytes);
  }

  /**
   * Evicts a packet of `leaf` from the payer. NONE if it has none that may be dropped. If no more need go,
   * `isNeeded` is false: a long flow queue loses half of its bytes at once (RFC 8290 section 4.1.3).
   */
  evict(set: number, leaf: number, isNeeded: boolean): number {
    if (this.isFair[set] === 1) return this.fair.evict(set, leaf, isNeeded);
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
    // Where no packet has ever waited in a flow queue, no turn can pass.
    if (this.fairKeys.highWater === 0) return;
    this.fair.sweep();
    this.sweepKeys(nowNs);
  }

  /** Forgets idle flow queues. Sets of buckets need no more: their turns end when nothing waits. */
  sweepKeys(nowNs: number): void {
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

function isFairBySet({ classOf, kinds, isOfBuckets }: QueueSets): Uint8Array {
  // Sets of buckets begin with lend().
  return isOfBuckets
    ? new Uint8Array(classOf.length)
    : Uint8Array.from(classOf, (c) => (kinds[c]?.fair ? 1 : 0));
}
