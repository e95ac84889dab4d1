/**
 * Fair queueing in a set (queue-sets.ts): a flow queue per flow (or host), served by turns of bytes; flows
 * that send little go first.
 *
 * Reference: RFC 8290 (FQ-CoDel), sections 4.1 and 4.2; host isolation after CAKE (net/sched/sch_cake.c,
 * cake_dequeue and cake_get_flow_quantum).
 *
 *   new   [q4] -> [q9]              queues that were idle: their first quantum goes before everything else
 *   old   [q1] -> [q7] -> [q2]      queues that keep packets waiting: a quantum per round (fair-turns.ts)
 *
 *   flow isolation        a flow queue per five-tuple
 *   src, dst, host        a flow queue per source, destination, pair of addresses
 *   dual-src, dual-dst    a flow queue per five-tuple; its quantum is divided by the busy flows of that end
 *   triple                a flow queue per five-tuple; its quantum is divided by the larger of the two
 *
 * A queue that empties on the list of new queues passes the old ones once before it is idle. Otherwise a flow
 * that comes and goes would always be first (RFC 8290 section 4.2). A full leaf evicts from the head of the
 * queue with the most bytes (section 4.1.3). Queues are keyed by the whole flow, so there are no collisions.
 */
import {
  type CodelParameters,
  type CodelQueues,
  codelBecameEmpty,
  codelOverflowed,
  codelReset,
} from '../../algo/aqm/codel.ts';
import { NONE } from '../../base/none.ts';
import { SizeBins } from '../../base/size-bins.ts';
import type { ClassChange } from '../classes/change.ts';
import type { Mover } from '../classes/mover.ts';
import type { HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import type { AckFilter } from './ack-filter.ts';
import { codelLetsGo } from './codel-gate.ts';
import {
  BACKLOG_BYTES,
  CODEL,
  DEFICIT_BYTES,
  type FairKeys,
  HEAD,
  IDLE,
  NEXT,
  STATE,
  TAIL,
} from './fair-keys.ts';
import { FairTurns, LEAF_WHEEL } from './fair-turns.ts';
import type { QueueSets } from './queue-sets.ts';

// States of a flow queue besides IDLE, as in CAKE.
/** On the list of new queues. */
const SPARSE = 1;
/** Among the old queues, with packets. */
const BULK = 2;
/** Emptied, on its last round. */
const DECAYING = 3;

/**
 * Rounds that a queue passes one by one, in the order of RFC 8290. With an undivided quantum that is enough
 * for a full-sized packet.
 */
const STEPS_MAX = 6;
/**
 * Queues with more than a full-sized packet are listed by their length. Shorter ones are many, and come and
 * go.
 */
const LISTED_FROM_BYTES = 1501;
/** Queues looked at for the longest one if none is listed. */
const LONGEST_LOOKS = 16;
/** Sets looked at in one sweep. */
const SWEEP_SETS = 16;
/** Turns that pass in each of them. */
const SWEEP_TURNS = 64;

export class FairQueues {
  private readonly held: HeldTable;
  private readonly keys: FairKeys;
  private readonly acks: AckFilter;
  // The records (fair-keys.ts), and as columns of them the FIFOs and the states of CoDel.
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly fifos: HeldFifos;
  private readonly codel: CodelQueues;
  private readonly turns: FairTurns;
  private longest: SizeBins;
  // By set.
  private packets: Int32Array;
  /** The queue that pick() found; NONE after a change that may have changed it. */
  private picked: Int32Array;
  private classOf: Int16Array;
  // By class.
  private kinds: QueueSets['kinds'];
  private quantumBytes: Float64Array;
  private codelOf: readonly (CodelParameters | null)[];
  private readonly doomed: HeldFifos;
  private hand = 0;

  /** FIFO 0 of `doomed` collects the packets that CoDel or the ACK filter drops. */
  constructor(sets: QueueSets, held: HeldTable, keys: FairKeys, acks: AckFilter, doomed: HeldFifos) {
    this.held = held;
    this.keys = keys;
    this.acks = acks;
    this.words = keys.words;
    this.floats = keys.floats;
    const { words } = keys;
    this.fifos = new HeldFifos(0, held, words.subarray(HEAD), words.subarray(TAIL));
    this.codel = {
      firstAboveNs: keys.floats.subarray(CODEL >> 1),
      dropNextNs: keys.floats.subarray((CODEL >> 1) + 1),
      count: keys.floats.subarray((CODEL >> 1) + 2),
      lastCount: keys.floats.subarray((CODEL >> 1) + 3),
      phase: keys.floats.subarray((CODEL >> 1) + 4),
    };
    const count = sets.classOf.length;
    this.turns = new FairTurns(count, keys.words, LEAF_WHEEL);
    this.longest = new SizeBins(keys.rows, count);
    this.packets = new Int32Array(count);
    this.picked = new Int32Array(count).fill(NONE);
    this.kinds = sets.kinds;
    this.classOf = sets.classOf;
    this.quantumBytes = Float64Array.from(sets.kinds, (kind) => kind?.quantumBytes ?? 0);
    this.codelOf = sets.kinds.map((kind) => kind?.codel ?? null);
    this.doomed = doomed;
  }

  /**
   * Takes over the sets of other classes. Queues keep their turns, debts, hosts and CoDel states. Packets
   * that do not belong into their queue any more go to `mover`.
   */
  regroup({ before, newRow }: ClassChange, sets: QueueSets, mover: Mover): void {
    const { classOf, kinds } = sets;
    const [kindsBefore, codelBefore] = [this.kinds, this.codelOf];
    const keptAs = newRow.map((row, old) =>
      row !== NONE && kinds[row]?.fair === kindsBefore[old]?.fair ? row : NONE,
    );
    const count = classOf.length;
    this.turns.regroup(count, keptAs);
    this.longest = new SizeBins(this.keys.rows, count);
    this.packets = new Int32Array(count);
    this.picked = new Int32Array(count).fill(NONE);
    this.kinds = kinds;
    this.classOf = classOf;
    this.quantumBytes = Float64Array.from(kinds, (kind) => kind?.quantumBytes ?? 0);
    this.codelOf = kinds.map((kind) => kind?.codel ?? null);
    this.keys.regroup(sets);
    const oldOfId = new Map(before.map((info, old) => [info.id, old]));
    for (let q = 0; q < this.keys.highWater; q += this.keys.stride) {
      const old = oldOfId.get(this.keys.classId(q));
      if (old === undefined) continue;
      if (codelBefore[old] === null) codelReset(this.codel, q >> 1);
      this.refill(q, keptAs[old], mover);
    }
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
        this.addBacklog(leaf, q, this.held.lengthBytes[h]);
      } else {
        mover.move(h, leafBefore, NONE);
      }
    }
    if (leaf !== NONE) {
      if (this.isDry(q)) codelBecameEmpty(this.codel, q >> 1);
      this.picked[leaf] = NONE;
      return;
    }
    if (this.words[q + STATE] === BULK) this.keys.addBulk(q, -1);
    this.words[q + STATE] = IDLE;
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
    const { keys, words, fifos } = this;
    const q = keys.queueOf(set, h, nowNs);
    if (q === NONE) return false;
    fifos.push(q, h);
    this.packets[set] += 1;
    this.addBacklog(set, q, this.held.lengthBytes[h]);
    if (this.acks.isAckRedundant(fifos.head[q], h)) this.dropAck(set, q);
    if (words[q + STATE] === IDLE) {
      words[q + STATE] = SPARSE;
      this.floats[(q + DEFICIT_BYTES) >> 1] = this.quantum(set, q);
      this.turns.joinNew(set, q);
      this.picked[set] = NONE;
    } else if (words[q + STATE] === DECAYING) {
      words[q + STATE] = BULK;
      keys.addBulk(q, 1);
    }
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
      if (params === null) return this.deliver(q, h);
      for (;;) {
        if (codelLetsGo(held, codel, q >> 1, h, this.waitingBytes(q), params, atNs))
          return this.deliver(q, h);
        this.doomed.push(0, h);
        if (this.isDry(q)) break;
        h = this.take(set, q);
      }
    }
    return NONE;
  }

  /** Takes the packet whose turn it is, whatever CoDel says. The set must not be empty. */
  shiftAny(set: number): number {
    return this.take(set, this.pick(set));
  }

  /**
   * The longest queue of the set (within 1/8). If none is longer than a packet, the longest of the next few.
   * NONE if the set is empty.
   */
  longestQueue(set: number): number {
    const listed = this.longest.largest(set);
    if (listed !== NONE) return listed << this.keys.shift;
    if (this.packets[set] === 0) return NONE;
    let q = this.pick(set);
    let longest = q;
    for (let n = 0; n < LONGEST_LOOKS && q !== NONE; n++) {
      if (this.waitingBytes(q) > this.waitingBytes(longest)) longest = q;
      q = this.words[q + NEXT];
    }
    return longest;
  }

  /** Queue that packet `h` would join; NONE if there is none yet. */
  find(set: number, h: number): number {
    return this.keys.find(set, h);
  }

  /** Bytes that wait in queue `q`. */
  waitingBytes(q: number): number {
    // Superpackets can be more than 2^31 bytes.
    return this.words[q + BACKLOG_BYTES] >>> 0;
  }

  /** Whether queue `q` has at least `packets` packets and `bytes` bytes of `leaf` that may be dropped. */
  canSpare(q: number, leaf: number, packets: number, bytes: number): boolean {
    return this.fifos.canSpare(q, leaf, packets, bytes);
  }

  /** Evicts the first packet of `leaf` from queue `q` that may be dropped. */
  evict(set: number, q: number, leaf: number): number {
    const h = this.fifos.shiftDroppable(q, leaf);
    this.packets[set] -= 1;
    this.picked[set] = NONE;
    this.addBacklog(set, q, -this.held.lengthBytes[h]);
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
    const { packets, turns } = this;
    for (let n = Math.min(SWEEP_SETS, packets.length); n > 0; n--) {
      this.hand = this.hand + 1 >= packets.length ? 0 : this.hand + 1;
      const set = this.hand;
      for (let left = SWEEP_TURNS; left > 0 && packets[set] === 0 && !turns.isEmpty(set); left--)
        this.passTurn(set, turns.next(set));
    }
  }

  /** Lets the turn of queue `q` pass in a set where no packet waits. */
  private passTurn(set: number, q: number): void {
    const state = q + STATE;
    this.turns.shift(set);
    if (this.words[state] === BULK) this.keys.addBulk(q, -1);
    const owes = this.floats[(q + DEFICIT_BYTES) >> 1] <= 0;
    this.words[state] = owes ? DECAYING : IDLE;
    if (owes) this.waitTurn(set, q);
  }

  private deliver(q: number, h: number): number {
    this.floats[(q + DEFICIT_BYTES) >> 1] -= this.held.chargeBytes[h];
    return h;
  }

  /** The queue with packets whose turn it is. Asked for up to three times a packet, so it is remembered. */
  private pick(set: number): number {
    if (this.picked[set] === NONE) this.picked[set] = this.pickAgain(set);
    return this.picked[set];
  }

  private pickAgain(set: number): number {
    const { turns, words, floats } = this;
    for (;;) {
      const q = turns.next(set);
      const deficit = (q + DEFICIT_BYTES) >> 1;
      if (floats[deficit] <= 0) {
        if (words[q + STATE] === SPARSE) {
          const hasPackets = words[q + HEAD] !== NONE;
          words[q + STATE] = hasPackets ? BULK : DECAYING;
          if (hasPackets) this.keys.addBulk(q, 1);
        }
        turns.shift(set);
        this.waitTurn(set, q);
      } else if (words[q + HEAD] === NONE) {
        const wasNew = turns.shift(set);
        if (words[q + STATE] === BULK) this.keys.addBulk(q, -1);
        if (wasNew && turns.hasOld(set)) {
          words[q + STATE] = DECAYING;
          turns.joinRound(set, q, 1);
        } else {
          words[q + STATE] = IDLE;
        }
      } else {
        return q;
      }
    }
  }

  /**
   * Gives a queue with a used-up deficit the quanta of the rounds until its next turn, and puts it into that
   * round.
   */
  private waitTurn(set: number, q: number): void {
    const { floats } = this;
    const deficit = (q + DEFICIT_BYTES) >> 1;
    const quantum = this.quantum(set, q);
    const rounds = Math.floor(-floats[deficit] / quantum) + 1;
    floats[deficit] += this.turns.joinRound(set, q, rounds <= STEPS_MAX ? 1 : rounds) * quantum;
  }

  private quantum(set: number, q: number): number {
    return this.quantumBytes[this.classOf[set]] / this.keys.load(q);
  }

  private isDry(q: number): boolean {
    return this.fifos.isEmpty(q);
  }

  private take(set: number, q: number): number {
    const h = this.fifos.shift(q);
    this.packets[set] -= 1;
    this.picked[set] = NONE;
    this.addBacklog(set, q, -this.held.lengthBytes[h]);
    return h;
  }

  /**
   * Drops the ACK that the filter found. Another ACK of its flow and the newest stay, so the queue is not
   * empty.
   */
  private dropAck(set: number, q: number): void {
    const { row, before } = this.acks.lastFound;
    this.fifos.unlink(q, row, before);
    this.packets[set] -= 1;
    this.addBacklog(set, q, -this.held.lengthBytes[row]);
    this.doomed.push(0, row);
  }

  private addBacklog(set: number, q: number, bytes: number): void {
    const before = this.waitingBytes(q);
    const after = before + bytes;
    this.words[q + BACKLOG_BYTES] = after;
    if (before >= LISTED_FROM_BYTES || after >= LISTED_FROM_BYTES)
      this.longest.set(set, q >> this.keys.shift, after >= LISTED_FROM_BYTES ? after : 0);
  }
}
