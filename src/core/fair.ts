/**
 * Fair queueing inside a leaf: a queue per flow (or host), served by turns of bytes, those that send little first.
 *
 * Reference: RFC 8290 (FQ-CoDel), sections 4.1 and 4.2; host isolation after CAKE (net/sched/sch_cake.c, cake_dequeue and
 * cake_get_flow_quantum).
 *
 *   new   [q4] -> [q9]              queues that were idle: their first quantum goes before everything else
 *   old   [q1] -> [q7] -> [q2]      queues that keep packets waiting, a quantum each per round
 *
 *   flow isolation        a queue per five-tuple
 *   src, dst, host        a queue per source, destination, pair of addresses
 *   dual-src, dual-dst    a queue per five-tuple, its quantum divided by the number of busy flows of its source, destination
 *   triple                divided by the larger of the two
 *
 * A queue that emptied in `new` goes through `old` once before it is forgotten, or coming and going would win (RFC 8290 4.2).
 * When the leaf is full, the queue with the most bytes loses from its head (4.1.3). Queues are keyed by the whole flow, so there are no collisions.
 */
import {
  CODEL_DROP,
  CODEL_PASS,
  type CodelParameters,
  type CodelQueues,
  codelBecameEmpty,
  codelDecide,
  codelOverflowed,
  codelReset,
  createCodelQueues,
} from '../algo/codel.ts';
import { NodeLists } from '../base/node-lists.ts';
import { NONE } from '../base/none.ts';
import { SizeBins } from '../base/size-bins.ts';
import type { AckFilter } from './ack-filter.ts';
import type { ClassInfo } from './classes.ts';
import type { FairKeys } from './fair-keys.ts';
import { FLAG_CE, FLAG_ECT, HeldFifos, type HeldTable } from './held.ts';
import type { HostLoads } from './host-loads.ts';

/** States of a queue, with CAKE's meaning: on no list; on `new`; on `old` with packets; emptied, on its last round. */
const IDLE = 0;
const SPARSE = 1;
const BULK = 2;
const DECAYING = 3;

export class FairQueues {
  private readonly held: HeldTable;
  private readonly keys: FairKeys;
  private readonly hosts: HostLoads;
  private readonly acks: AckFilter;
  private readonly fifos: HeldFifos;
  /** List 2 * leaf is `new`, 2 * leaf + 1 is `old`. */
  private readonly lists: NodeLists;
  private readonly state: Uint8Array;
  private readonly deficitBytes: Float64Array;
  private readonly backlogBytes: Int32Array;
  private readonly longest: SizeBins;
  private readonly codel: CodelQueues;
  // By leaf.
  private readonly packets: Int32Array;
  private readonly quantumBytes: Float64Array;
  private readonly codelOf: readonly (CodelParameters | null)[];
  private readonly doomed: HeldFifos;

  /** `doomed` (one list) collects packets that CoDel or the ACK filter dropped. */
  constructor(
    classes: readonly ClassInfo[],
    quantumBytes: Float64Array,
    codelOf: readonly (CodelParameters | null)[],
    held: HeldTable,
    keys: FairKeys,
    hosts: HostLoads,
    acks: AckFilter,
    doomed: HeldFifos,
  ) {
    const rows = keys.rows;
    this.held = held;
    this.keys = keys;
    this.hosts = hosts;
    this.acks = acks;
    this.fifos = new HeldFifos(rows, held);
    this.lists = new NodeLists(rows, 2 * classes.length);
    this.state = new Uint8Array(rows);
    this.deficitBytes = new Float64Array(rows);
    this.backlogBytes = new Int32Array(rows);
    this.longest = new SizeBins(rows, classes.length);
    this.codel = createCodelQueues(rows);
    this.packets = new Int32Array(classes.length);
    this.quantumBytes = quantumBytes;
    this.codelOf = codelOf;
    this.doomed = doomed;
  }

  isEmpty(leaf: number): boolean {
    return this.packets[leaf] === 0;
  }

  /**
   * Appends packet `h` to its queue; false when there is no room for one more queue. An ACK that it makes useless is in `doomed`
   * then.
   */
  push(leaf: number, h: number, nowNs: number): boolean {
    const { keys, state, held } = this;
    const q = keys.queueOf(leaf, h, nowNs);
    if (q === NONE) return false;
    if (keys.isNew) this.reset(q);
    this.fifos.push(q, h);
    this.packets[leaf] += 1;
    this.addBacklog(leaf, q, held.lengthBytes[h]);
    if (this.acks.isAckUseless(leaf, this.fifos.head[q], h)) this.dropAck(leaf, q);
    if (state[q] === IDLE) {
      state[q] = SPARSE;
      this.deficitBytes[q] = this.quantum(leaf, q);
      this.lists.append(2 * leaf, q);
    } else if (state[q] === DECAYING) {
      state[q] = BULK;
      this.hosts.addBulk(q, 1);
    }
    return true;
  }

  /** The packet whose turn it is, which stays where it is; the leaf must not be empty. */
  head(leaf: number): number {
    return this.fifos.head[this.pick(leaf)];
  }

  /**
   * Takes the packet whose turn it is at `atNs`, with FLAG_CE set if it is to be marked; NONE when CoDel dropped all that
   * was left. What was dropped is in `doomed`.
   */
  shift(leaf: number, atNs: number): number {
    const { held, fifos, codel } = this;
    const parameters = this.codelOf[leaf];
    while (this.packets[leaf] > 0) {
      const q = this.pick(leaf);
      let h = this.take(leaf, q);
      if (parameters === null) return this.deliver(q, h);
      for (;;) {
        const ect = (held.flags[h] & FLAG_ECT) !== 0;
        const decision = codelDecide(
          codel,
          q,
          parameters,
          atNs,
          atNs - held.enteredNs[h],
          this.backlogBytes[q],
          ect,
        );
        if (decision !== CODEL_DROP || held.neverDrop(h)) {
          if (decision !== CODEL_DROP && decision !== CODEL_PASS) held.flags[h] |= FLAG_CE;
          return this.deliver(q, h);
        }
        this.doomed.push(0, h);
        if (fifos.isEmpty(q)) break;
        h = this.take(leaf, q);
      }
    }
    return NONE;
  }

  /** Takes any packet, in order of its queue; the leaf must not be empty. */
  shiftAny(leaf: number): number {
    return this.take(leaf, this.pick(leaf));
  }

  /** A queue of the leaf that no other exceeds by an eighth or more; NONE when nothing waits. */
  longestQueue(leaf: number): number {
    return this.longest.largest(leaf);
  }

  /** Queue in which packet `h` would wait, if there is one yet; else NONE. */
  find(leaf: number, h: number): number {
    return this.keys.find(leaf, h);
  }

  /** Bytes that wait in queue `q`. */
  waitingBytes(q: number): number {
    return this.backlogBytes[q];
  }

  /** Whether queue `q` has so much that may be dropped. */
  canSpare(q: number, packets: number, bytes: number): boolean {
    return this.fifos.canSpare(q, packets, bytes);
  }

  /** Takes the first packet of queue `q` that may be dropped, for want of room. */
  evict(leaf: number, q: number): number {
    const h = this.fifos.shiftDroppable(q);
    this.packets[leaf] -= 1;
    this.addBacklog(leaf, q, -this.held.lengthBytes[h]);
    codelOverflowed(this.codel, q, 1);
    if (this.fifos.isEmpty(q)) codelBecameEmpty(this.codel, q);
    return h;
  }

  /** Whether a queue may be forgotten: it is on no list. */
  isIdle(q: number): boolean {
    return this.state[q] === IDLE;
  }

  private deliver(q: number, h: number): number {
    this.deficitBytes[q] -= this.held.chargeBytes[h];
    return h;
  }

  /** The queue with packets whose turn it is. */
  private pick(leaf: number): number {
    const { lists, fifos, deficitBytes, state } = this;
    const fresh = 2 * leaf;
    const old = fresh + 1;
    for (;;) {
      const list = lists.isEmpty(fresh) ? old : fresh;
      const q = lists.first(list);
      if (deficitBytes[q] <= 0) {
        if (state[q] === SPARSE) {
          const hasPackets = !fifos.isEmpty(q);
          state[q] = hasPackets ? BULK : DECAYING;
          if (hasPackets) this.hosts.addBulk(q, 1);
        }
        deficitBytes[q] += this.quantum(leaf, q);
        lists.remove(list, q);
        lists.append(old, q);
      } else if (fifos.isEmpty(q)) {
        lists.remove(list, q);
        if (state[q] === BULK) this.hosts.addBulk(q, -1);
        if (list === fresh && !lists.isEmpty(old)) {
          state[q] = DECAYING;
          lists.append(old, q);
        } else {
          state[q] = IDLE;
        }
      } else {
        return q;
      }
    }
  }

  private quantum(leaf: number, q: number): number {
    return this.quantumBytes[leaf] / this.hosts.load(q);
  }

  private take(leaf: number, q: number): number {
    const h = this.fifos.shift(q);
    this.packets[leaf] -= 1;
    this.addBacklog(leaf, q, -this.held.lengthBytes[h]);
    return h;
  }

  /** Drops the ACK that the filter found. Another one of its flow and the newest stay, so the queue is not empty. */
  private dropAck(leaf: number, q: number): void {
    const { row, before } = this.acks.found;
    this.fifos.unlink(q, row, before);
    this.packets[leaf] -= 1;
    this.addBacklog(leaf, q, -this.held.lengthBytes[row]);
    this.doomed.push(0, row);
  }

  private addBacklog(leaf: number, q: number, bytes: number): void {
    this.backlogBytes[q] += bytes;
    this.longest.set(leaf, q, this.backlogBytes[q]);
  }

  private reset(q: number): void {
    this.backlogBytes[q] = 0;
    this.deficitBytes[q] = 0;
    codelReset(this.codel, q);
  }
}
