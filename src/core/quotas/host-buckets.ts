/**
 * Token buckets of hosts whose rate is limited: one for each direction of a host, with a rate of its own, and
 * queues as the buckets of `each` have them (each/each.ts). A packet waits here before it comes to any class.
 *
 *   host 7, up     bucket 14   1 Mbit/s   set 14: [h12 -> h15] [h13]   due when h12 conforms
 *   host 7, down   bucket 15   2 Mbit/s   nothing waits                never due
 *
 * The flows of a host take turns, and CoDel signals at the bucket's rate. A bucket holds what it sends in
 * 100 ms, or 30 kB. When it is full, whoever holds the most pays. So one host never delays another, and a
 * call waits for no download of its own host.
 *
 * What the queues need to know of a rate (CoDel's target, the quantum) comes in steps of a quarter octave:
 * each step is a kind of set. A bucket whose rate changes gets another kind; its queues keep packets and
 * turns.
 */

import { intervalForTargetNs, scaledTargetNs } from '../../algo/buckets/rate-scaling.ts';
import {
  conformInstantNs,
  fullAfterNs,
  fullAtOtherRateNs,
  fullWithoutNs,
  tokensOf,
} from '../../algo/buckets/token-bucket.ts';
import type { HashKeys } from '../../base/hash.ts';
import { IndexedHeap } from '../../base/heap.ts';
import { NONE } from '../../base/none.ts';
import { LIMITED_QUEUES_MAX } from '../../limits.ts';
import type { WaitingSpec } from '../../spec/spec.ts';
import { CODEL_TIMES, FRAME_BYTES, QUEUE_LIMIT, SHAPE_BURST } from '../../spec/waiting.ts';
import { NO_ROOM, PASSES, WAITS } from '../each/each.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { UP } from '../hosts/host-layout.ts';
import type { Hosts } from '../hosts/hosts.ts';
import type { HeldTable } from '../packets/held.ts';
import { ANY_LEAF, HeldFifos } from '../packets/held-fifos.ts';
import type { AckFilter } from '../queues/ack-filter.ts';
import { KIND_BITS } from '../queues/fair-keys.ts';
import { type QueueKind, QueueSets, queueKind } from '../queues/queue-sets.ts';
import { SetQueues } from '../queues/set-queues.ts';

const NS_PER_SEC = 1e9;
/** A host of less would not even get an answer to a name in a minute. */
const RATE_BYTES_PER_SEC_MIN = 10;
const STEPS_PER_OCTAVE = 4;
/** Up to 2^40 bytes per second. */
const STEPS = 40 * STEPS_PER_OCTAVE;

export interface HostBucketParts {
  readonly held: HeldTable;
  readonly flows: FlowTable;
  readonly acks: AckFilter;
  readonly keysOf: (table: string) => HashKeys;
}

/** What the stage of limits (stage.ts) needs. */
export interface LimitParts extends HostBucketParts {
  readonly hosts: Hosts;
}

export class HostBuckets {
  /** Whether CoDel drops the packet of the last pop(). */
  lastIsDropped = false;
  // By bucket.
  private readonly nsPerByte: Float64Array;
  private readonly burstBytes: Float64Array;
  private readonly limitBytes: Float64Array;
  /** Instant at which the bucket is full (algo/buckets/token-bucket.ts). */
  private readonly fullNs: Float64Array;
  private readonly waitingBytes: Float64Array;
  private readonly waiting: Int32Array;
  /** The packet whose instant the heap has, plus 1; 0 if nothing waits. */
  private readonly head: Int32Array;
  private readonly due: IndexedHeap;
  private readonly sets: QueueSets;
  private readonly queues: SetQueues;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly acks: AckFilter;
  /** FIFO 0: evicted packets; FIFO 1: redundant ACKs. */
  private readonly gone: HeldFifos;

  /** Room for so many hosts. Rows that nobody has touched cost no memory. */
  constructor(hosts: number, { held, flows, acks, keysOf }: HostBucketParts) {
    const buckets = 2 * hosts;
    this.nsPerByte = new Float64Array(buckets);
    this.burstBytes = new Float64Array(buckets);
    this.limitBytes = new Float64Array(buckets);
    this.fullNs = new Float64Array(buckets);
    this.waitingBytes = new Float64Array(buckets);
    this.waiting = new Int32Array(buckets);
    this.head = new Int32Array(buckets);
    this.due = new IndexedHeap(buckets);
    this.sets = QueueSets.ofBuckets(kinds(), buckets);
    this.queues = new SetQueues(LIMITED_QUEUES_MAX, keysOf, this.sets, held, flows, acks);
    this.held = held;
    this.flows = flows;
    this.acks = acks;
    this.gone = new HeldFifos(2, held);
  }

  /** Bucket `e` is that of another host from now on: it is full. Nothing may wait for it. */
  reset(e: number): void {
    this.fullNs[e] = 0;
    this.nsPerByte[e] = 0;
  }

  /** Bucket `e` has this rate from now on, and the tokens that it had, cut to the burst. */
  setRate(e: number, rateBytesPerSec: number, nowNs: number): void {
    const { nsPerByte, burstBytes, fullNs } = this;
    const rate = Math.max(RATE_BYTES_PER_SEC_MIN, rateBytesPerSec);
    const ns = NS_PER_SEC / rate;
    if (ns === nsPerByte[e]) return;
    const burst = Math.max(SHAPE_BURST.minBytes, (rate * SHAPE_BURST.ns) / NS_PER_SEC);
    if (nsPerByte[e] !== 0)
      fullNs[e] = fullAtOtherRateNs(fullNs[e], nsPerByte[e], burstBytes[e], ns, burst, nowNs);
    nsPerByte[e] = ns;
    burstBytes[e] = burst;
    this.limitBytes[e] = Math.max(QUEUE_LIMIT.minBytes, (rate * QUEUE_LIMIT.ns) / NS_PER_SEC);
    this.sets.classOf[e] = kindOf(e, rate);
    if (this.waiting[e] === 0) return;
    this.head[e] = 0;
    // What waits has waited for this instant: tokens of before are in the bucket.
    this.setDue(e, nowNs);
  }

  rateBytesPerSec(e: number): number {
    return NS_PER_SEC / this.nsPerByte[e];
  }

  tokensAt(e: number, nowNs: number): number {
    return tokensOf(this.fullNs[e], this.nsPerByte[e], this.burstBytes[e], nowNs);
  }

  /**
   * Lets packet `h` through bucket `e` if nothing waits before it and it conforms by `horizonNs`: PASSES, and
   * its readyNs becomes the instant at which it conforms. Otherwise the packet waits, WAITS, or NO_ROOM.
   * takeGone() has those that it drives out.
   */
  pass(e: number, h: number, mayWait: boolean, nowNs: number, horizonNs: number): number {
    const { held } = this;
    held.chargeBytes[h] = held.lengthBytes[h];
    if (this.waiting[e] === 0) {
      const atNs = this.conformNs(e, h, nowNs);
      if (atNs <= horizonNs) {
        held.enter(h, atNs, nowNs);
        this.take(e, h, atNs);
        return PASSES;
      }
    }
    held.enter(h, nowNs, nowNs);
    return mayWait && this.makeRoom(e, h) && this.wait(e, h, nowNs) ? WAITS : NO_ROOM;
  }

  /** Instant at which the first bucket lets a packet go. Infinity if none waits. */
  nextDueNs(): number {
    return this.due.topKey();
  }

  /** The bucket that is due first. One must be. */
  dueBucket(): number {
    return this.due.top();
  }

  /**
   * Takes the next packet of the bucket that is due first, and sets its readyNs, or drops it: `lastIsDropped`
   * tells. One must be due.
   */
  pop(): number {
    const { due, queues } = this;
    const atNs = due.topKey();
    const e = due.top();
    const h = queues.shiftOne(e, atNs);
    this.lastIsDropped = queues.lastIsDropped;
    if (!queues.lastIsDropped) {
      this.take(e, h, atNs);
      this.held.setReadyNs(h, atNs);
    }
    this.left(e, h, atNs);
    return h;
  }

  /** Gives bucket `e` back what a packet that was lost took at `takenNs`. */
  giveBack(e: number, lengthBytes: number, takenNs: number, nowNs: number): void {
    this.fullNs[e] = fullWithoutNs(this.fullNs[e], this.nsPerByte[e], lengthBytes, takenNs, nowNs);
    this.cheapened(e);
  }

  /** Packets of bucket `e`, if any wait, may go earlier than before. */
  cheapened(e: number): void {
    if (this.waiting[e] === 0) return;
    this.head[e] = 0;
    this.setDue(e, 0);
  }

  /** Takes all packets out of bucket `e`, flow by flow, those of a flow in their order. */
  drain(e: number): number[] {
    if (this.waiting[e] === 0) return [];
    const packets = this.queues.drain(e);
    this.waiting[e] = 0;
    this.waitingBytes[e] = 0;
    this.rest(e);
    return packets;
  }

  /** Packet `h`, which drain() took out, waits again. Returns false if its flow queue finds no room. */
  rejoin(e: number, h: number, nowNs: number): boolean {
    this.acks.forget(h);
    return this.wait(e, h, nowNs);
  }

  waitingPackets(e: number): number {
    return this.waiting[e];
  }

  /** Buckets for which packets wait, in no order. */
  busy(): number[] {
    return this.due.rows();
  }

  /** The packets that wait for bucket `e`. They stay. */
  list(e: number): number[] {
    return this.waiting[e] === 0 ? [] : this.queues.list(e);
  }

  /** The next packet that pass() has driven out; NONE if there is none. */
  popEvicted(): number {
    return this.gone.isEmpty(0) ? NONE : this.gone.shift(0);
  }

  /** A redundant ACK that has left its queue for a newer one; NONE if there is none. */
  popRedundant(): number {
    return this.gone.isEmpty(1) ? NONE : this.gone.shift(1);
  }

  /** Forgets idle flow queues. */
  sweep(nowNs: number): void {
    this.queues.sweepKeys(nowNs);
  }

  private conformNs(e: number, h: number, fromNs: number): number {
    const { fullNs, nsPerByte, burstBytes, held } = this;
    return conformInstantNs(fullNs[e], nsPerByte[e], burstBytes[e], held.chargeBytes[h], fromNs);
  }

  private take(e: number, h: number, atNs: number): void {
    this.fullNs[e] = fullAfterNs(this.fullNs[e], this.nsPerByte[e], this.held.chargeBytes[h], atNs);
  }

  /**
   * Evicts packets until the bucket has room for `h`. A packet that finds nothing waiting always has room.
   * Returns false if the flow of `h` holds the most and has nothing left to lose but `h`.
   */
  private makeRoom(e: number, h: number): boolean {
    const { queues } = this;
    const lengthBytes = this.held.lengthBytes[h];
    while (this.waiting[e] > 0 && this.waitingBytes[e] + lengthBytes > this.limitBytes[e]) {
      queues.findPayer(e, h);
      if (!queues.canSpare(e, ANY_LEAF, 1, 0)) return false;
      const victim = queues.evict(e, ANY_LEAF, true);
      if (victim === NONE) return false;
      this.gone.push(0, victim);
      this.left(e, victim, 0);
    }
    return true;
  }

  /** Packet `h` waits for bucket `e` from now on. Returns false if there is no room for its flow queue. */
  private wait(e: number, h: number, nowNs: number): boolean {
    const { queues, sets } = this;
    if (this.waiting[e] === 0) {
      // Keys of flow queues have the bucket above the bits of the kind. The first bucket is not 0 there.
      sets.bucketOf[e] = (e + 1) << KIND_BITS;
      queues.lend(e);
    }
    if (!queues.push(e, h, nowNs)) {
      if (this.waiting[e] === 0) queues.giveBack(e);
      return false;
    }
    this.flows.packetWaits(this.held, h);
    this.count(e, h, 1);
    for (let ack = queues.popDoomed(); ack !== NONE; ack = queues.popDoomed()) {
      this.count(e, ack, -1);
      this.gone.push(1, ack);
      this.head[e] = 0;
    }
    this.setDue(e, 0);
    return true;
  }

  /** Packet `h` was taken from bucket `e` at `atNs`: sets when the bucket is due next. */
  private left(e: number, h: number, atNs: number): void {
    this.count(e, h, -1);
    this.head[e] = 0;
    if (this.waiting[e] === 0) this.rest(e);
    else this.setDue(e, atNs);
  }

  /** Nothing waits for bucket `e` any more. */
  private rest(e: number): void {
    this.due.delete(e);
    this.head[e] = 0;
    this.queues.giveBack(e);
  }

  /** Bucket `e` is due when the packet conforms whose turn it is, from `fromNs` on. */
  private setDue(e: number, fromNs: number): void {
    const head = this.queues.head(e);
    if (head + 1 === this.head[e]) return;
    this.head[e] = head + 1;
    this.due.set(e, this.conformNs(e, head, Math.max(fromNs, this.held.readyNs(head))));
  }

  private count(e: number, h: number, by: number): void {
    this.waiting[e] += by;
    this.waitingBytes[e] += by * this.held.lengthBytes[h];
  }
}

const WAITING: Omit<WaitingSpec, 'aqm'> = {
  discipline: 'fair',
  isolation: 'flow',
  shortBytes: 0,
  ecn: true,
};

/** By step of the rate: the kind of sets of `up`, then of `down`. All of a direction have one id. */
function kinds(): QueueKind[] {
  return Array.from({ length: 2 * STEPS }, (_, kind) => {
    const rate = 2 ** ((kind >> 1) / STEPS_PER_OCTAVE);
    const targetNs = scaledTargetNs(rate, FRAME_BYTES, CODEL_TIMES.targetNs);
    const codel = {
      targetNs,
      intervalNs: intervalForTargetNs(targetNs, CODEL_TIMES.targetNs, CODEL_TIMES.intervalNs),
    };
    const isSourceInside = (kind & 1) === UP;
    return queueKind({ id: 0, isSourceInside }, { ...WAITING, aqm: { kind: 'codel', codel } }, 'flow', rate);
  });
}

function kindOf(e: number, rateBytesPerSec: number): number {
  const step = Math.floor(STEPS_PER_OCTAVE * Math.log2(rateBytesPerSec));
  return 2 * Math.min(step, STEPS - 1) + (e & 1);
}
