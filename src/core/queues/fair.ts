/**
 * Fair queueing in a set (queue-sets.ts): a flow queue per flow (or host), served by turns of bytes; those
 * that send little go first.
 *
 * Reference: RFC 8290 (FQ-CoDel), sections 4.1 and 4.2; host isolation with the meanings of CAKE
 * (net/sched/sch_cake.c, cake_dequeue and cake_get_flow_quantum).
 *
 *   flow isolation        a flow queue per five-tuple
 *   src, dst, host        a flow queue per source, destination, pair of addresses
 *   dual-src, dual-dst    hosts by turns, and a flow queue per five-tuple within its host
 *   triple                the same with the inside host; flows to a busy outside host have less
 *
 *   fair-members.ts   what a set divides between: hosts and their flow queues, or flow queues
 *   fair-turns.ts     who sends next
 *   fair-victims.ts   who loses packets when the set is full
 *   fair-hosts.ts     what a host is
 *   fair-keys.ts      the flow queues. They are keyed by the whole flow, so there are no collisions
 *
 * Departure from CAKE, which has turns of flows only, and divides the quantum of a flow by the busy flows of
 * its host: here a host has turns of its own. Long-run shares are the same. But a host with a thousand flows
 * never has a thousand turns in a row, and a host whose flows are always new ones, such as a new port for
 * every packet, never has more than the turns of one host.
 */
import {
  type CodelParameters,
  type CodelQueues,
  codelBecameEmpty,
  codelOverflowed,
  codelReset,
} from '../../algo/aqm/codel.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { Mover } from '../classes/mover.ts';
import type { HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import type { AckFilter } from './ack-filter.ts';
import { codelLetsGo } from './codel-gate.ts';
import type { FairHosts } from './fair-hosts.ts';
import { CODEL, type FairKeys } from './fair-keys.ts';
import { FairMembers } from './fair-members.ts';
import { BACKLOG_BYTES, backlogBytes, HEAD, IDLE, stateOf, TAIL } from './fair-records.ts';
import { FairVictims } from './fair-victims.ts';
import type { QueueSets } from './queue-sets.ts';

/** Sets looked at in one sweep. */
const SWEEP_SETS = 16;
/** Turns that pass in each of them. */
const SWEEP_TURNS = 64;

export class FairQueues {
  private readonly held: HeldTable;
  private readonly acks: AckFilter;
  // What is not private is for fair-lent.ts too.
  // The records (fair-keys.ts), and as columns of them the FIFOs and the states of CoDel.
  readonly keys: FairKeys;
  private readonly words: Int32Array;
  readonly fifos: HeldFifos;
  readonly codel: CodelQueues;
  readonly members: FairMembers;
  private readonly victims: FairVictims;
  // By set.
  private packets: Int32Array;
  /** The queue that pick() found; NONE after a change that may have changed it. */
  picked: Int32Array;
  private classOf: Int16Array;
  // By class.
  kinds!: QueueSets['kinds'];
  private quantumBytes!: Float64Array;
  codelOf!: readonly (CodelParameters | null)[];
  private readonly doomed: HeldFifos;
  private hand = 0;
  /** Whether CoDel drops the packet that the last shiftOne() took. */
  lastIsDropped = false;

  /** FIFO 0 of `doomed` collects the packets that CoDel or the ACK filter drops. */
  constructor(
    sets: QueueSets,
    held: HeldTable,
    keys: FairKeys,
    hosts: FairHosts,
    acks: AckFilter,
    doomed: HeldFifos,
  ) {
    this.held = held;
    this.keys = keys;
    this.acks = acks;
    this.words = keys.words;
    const { words } = keys;
    this.fifos = new HeldFifos(0, held, words.subarray(HEAD), words.subarray(TAIL));
    this.codel = {
      firstAboveNs: keys.floats.subarray(CODEL >> 1),
      dropNextNs: keys.floats.subarray((CODEL >> 1) + 1),
      count: keys.floats.subarray((CODEL >> 1) + 2),
      lastCount: keys.floats.subarray((CODEL >> 1) + 3),
      phase: keys.floats.subarray((CODEL >> 1) + 4),
    };
    this.members = new FairMembers(sets, keys, hosts);
    this.victims = new FairVictims(held, this.members, this.fifos);
    this.packets = new Int32Array(sets.fairSets);
    this.picked = new Int32Array(sets.fairSets);
    // Sets of buckets begin with lendFair(): tables that nobody has touched cost no memory.
    if (!sets.isOfBuckets) this.picked.fill(NONE);
    this.classOf = sets.classOf;
    this.useKinds(sets.kinds);
    this.doomed = doomed;
  }

  /**
   * Takes over the sets of other classes. Queues keep their turns, debts, hosts and CoDel states. Packets
   * that do not belong in their queue any more go to `mover`.
   */
  regroup({ before, newRow }: ClassChange, sets: QueueSets, mover: Mover): void {
    const { classOf, kinds } = sets;
    const [kindsBefore, codelBefore] = [this.kinds, this.codelOf];
    const keptAs = newRow.map((row, old) =>
      row !== NONE && kinds[row]?.fair === kindsBefore[old]?.fair ? row : NONE,
    );
    const count = classOf.length;
    this.members.regroup(sets, keptAs);
    this.packets = new Int32Array(count);
    this.picked = new Int32Array(count).fill(NONE);
    this.classOf = classOf;
    this.useKinds(kinds);
    this.keys.regroup(sets);
    const oldOfId = new Map(before.map((info, old) => [info.id, old]));
    for (let q = 0; q < this.keys.highWater; q += this.keys.stride) {
      const old = oldOfId.get(this.keys.classId(q));
      if (old === undefined) continue;
      if (codelBefore[old] === null) codelReset(this.codel, q >> 1);
      this.refill(q, keptAs[old], mover);
    }
    this.members.settle();
  }

  /** Goes by the kinds of other classes from now on. */
  useKinds(kinds: QueueSets['kinds']): void {
    this.kinds = kinds;
    this.quantumBytes = Float64Array.from(kinds, (kind) => kind?.quantumBytes ?? 0);
    this.codelOf = kinds.map((kind) => kind?.codel ?? null);
  }

  /** Fills queue `q` of `leaf` with its packets that still belong there. If `leaf` is NONE the queue ends. */
  private refill(q: number, leaf: number, mover: Mover): void {
    const waiting = this.fifos.takeAll(q);
    this.words[q + BACKLOG_BYTES] = 0;
    for (const h of waiting) {
      const leafBefore = this.held.leaf[h];
      if (mover.settle(h) === leaf) {
        this.fifos.push(q, h);
        this.packets[leaf] += 1;
        this.members.packetCame(leaf, q, this.held.lengthBytes[h]);
      } else {
        mover.move(h, leafBefore, NONE);
      }
    }
    if (leaf !== NONE) {
      if (this.isDry(q)) codelBecameEmpty(this.codel, q >> 1);
      this.picked[leaf] = NONE;
      return;
    }
    this.members.queuesOfSet.setState(q, IDLE);
    this.keys.forget(q);
  }

  isEmpty(set: number): boolean {
    return this.packets[set] === 0;
  }

  /**
   * Appends packet `h` to its queue. Returns false if there is no room for one more queue. An ACK that `h`
   * makes redundant goes to `doomed`.
   */
  push(set: number, h: number, nowNs: number): boolean {
    const { keys, fifos, members } = this;
    const q = keys.queueOf(set, h, nowNs);
    if (q === NONE) return false;
    if (keys.lastLeft !== NONE) this.moveAll(set, keys.lastLeft, q);
    if (stateOf(this.words, q) === IDLE) keys.rejoin(set, q, h, nowNs);
    fifos.push(q, h);
    this.packets[set] += 1;
    members.packetCame(set, q, this.held.lengthBytes[h]);
    if (this.acks.isAckRedundant(fifos.head[q], h)) this.dropAck(set, q);
    if (members.join(set, q, this.quantum(set))) this.picked[set] = NONE;
    return true;
  }

  /** The packet whose turn it is; it stays in its queue. The set must not be empty. */
  head(set: number): number {
    return this.fifos.head[this.pick(set)];
  }

  /**
   * Takes the packet whose turn it is at `atNs`, with FLAG_CE set if CoDel signals by a mark. NONE if CoDel
   * dropped all packets of the set. Dropped packets go to `doomed`.
   */
  shift(set: number, atNs: number): number {
    const { held, codel } = this;
    const params = this.codelOf[this.classOf[set]];
    while (this.packets[set] > 0) {
      const q = this.pick(set);
      let h = this.take(set, q);
      if (params === null) return this.deliver(set, q, h);
      for (;;) {
        if (codelLetsGo(held, codel, q >> 1, h, this.waitingBytes(q), params, atNs))
          return this.deliver(set, q, h);
        this.doomed.push(0, h);
        if (this.isDry(q)) break;
        h = this.take(set, q);
      }
    }
    return NONE;
  }

  /**
   * Takes the packet whose turn it is at `atNs`, which CoDel lets go or drops: `lastIsDropped` tells. The set
   * must not be empty. The next packet may ask for another instant.
   */
  shiftOne(set: number, atNs: number): number {
    const q = this.pick(set);
    const h = this.take(set, q);
    const params = this.codelOf[this.classOf[set]];
    const goes =
      params === null || codelLetsGo(this.held, this.codel, q >> 1, h, this.waitingBytes(q), params, atNs);
    this.lastIsDropped = !goes;
    return goes ? this.deliver(set, q, h) : h;
  }

  /** Takes the packet whose turn it is, whatever CoDel says. The set must not be empty. */
  shiftAny(set: number): number {
    return this.take(set, this.pick(set));
  }

  /** The flow queue that packet `h` would join; NONE if it is yet to be made. */
  find(set: number, h: number): number {
    return this.keys.find(set, h);
  }

  /** Bytes that wait in queue `q`. */
  waitingBytes(q: number): number {
    return backlogBytes(this.words, q);
  }

  /**
   * Finds who pays for arriving packet `h` if the set is full (fair-victims.ts). `h` is NONE if it belongs
   * into another set. Returns the weight of the payer (payer-weight.ts), with `h` if `h` is of it.
   */
  findPayer(set: number, h: number): number {
    return this.victims.find(set, h);
  }

  /**
   * The same in the set of a bucket, where packets of other leaves wait too: the payer has packets of `leaf`
   * that may be dropped. Returns false if nobody is found who has.
   */
  findPayerOf(set: number, h: number, leaf: number): boolean {
    this.victims.find(set, h);
    return this.victims.findOf(set, leaf);
  }

  /** Whether a bucket where packet `h` waits pays rather than that payer. */
  isOutweighed(set: number, h: number, bytes: number, isSeveral: boolean): boolean {
    return this.victims.isOutweighed(set, h, bytes, isSeveral);
  }

  /** Whether that was the host or flow queue of `h`. */
  get lastIsOwn(): boolean {
    return this.victims.lastIsOwn;
  }

  /** Whether the payer has at least `packets` packets and `bytes` bytes of `leaf` that may be dropped. */
  canSpare(set: number, leaf: number, packets: number, bytes: number): boolean {
    return this.victims.canSpare(set, leaf, packets, bytes);
  }

  /**
   * Evicts a packet of `leaf` from the payer. NONE if there is none, or if no more need go and `isNeeded` is
   * false.
   */
  evict(set: number, leaf: number, isNeeded: boolean): number {
    const q = this.victims.next(set, leaf, isNeeded);
    if (q === NONE) return NONE;
    const h = this.fifos.shiftDroppable(q, leaf);
    this.left(set, q, h);
    codelOverflowed(this.codel, q >> 1);
    if (this.isDry(q)) codelBecameEmpty(this.codel, q >> 1);
    return h;
  }

  /**
   * Lets turns pass in sets where no packet waits, so that queues become idle and may be forgotten. A set
   * that empties after every packet of a new flow would keep all queues otherwise: a new one always comes
   * before the old ones.
   */
  sweep(): void {
    const { packets, members } = this;
    for (let n = Math.min(SWEEP_SETS, packets.length); n > 0; n--) {
      this.hand = this.hand + 1 >= packets.length ? 0 : this.hand + 1;
      const set = this.hand;
      let left = packets[set] === 0 ? SWEEP_TURNS : 0;
      while (left > 0 && members.passTurn(set, this.quantum(set))) left--;
    }
  }

  /** The packets of queue `from` wait in queue `q` from now on, whose flow has another host. */
  private moveAll(set: number, from: number, q: number): void {
    for (const h of this.fifos.takeAll(from)) {
      this.left(set, from, h);
      this.fifos.push(q, h);
      this.packets[set] += 1;
      this.members.packetCame(set, q, this.held.lengthBytes[h]);
    }
    codelBecameEmpty(this.codel, from >> 1);
  }

  private deliver(set: number, q: number, h: number): number {
    this.members.charge(set, q, this.held.chargeBytes[h]);
    return h;
  }

  /** The queue with packets whose turn it is. Asked for up to three times a packet, so it is remembered. */
  private pick(set: number): number {
    if (this.picked[set] === NONE) this.picked[set] = this.members.pick(set, this.quantum(set));
    return this.picked[set];
  }

  private quantum(set: number): number {
    return this.quantumBytes[this.classOf[set]];
  }

  private isDry(q: number): boolean {
    return this.fifos.isEmpty(q);
  }

  private take(set: number, q: number): number {
    const h = this.fifos.shift(q);
    this.left(set, q, h);
    return h;
  }

  /** Packet `h` was taken from queue `q`. */
  left(set: number, q: number, h: number): void {
    this.packets[set] -= 1;
    this.picked[set] = NONE;
    this.members.packetLeft(set, q, this.held.lengthBytes[h]);
  }

  /**
   * Drops the ACK that the filter found. Another ACK of its flow and the newest stay, so the queue is not
   * empty.
   */
  private dropAck(set: number, q: number): void {
    const { row, before } = this.acks.lastFound;
    this.fifos.unlink(q, row, before);
    this.left(set, q, row);
    this.doomed.push(0, row);
  }
}
