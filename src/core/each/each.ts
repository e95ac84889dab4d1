/**
 * `each`: how packets wait for the bucket of their flow, host, source or destination (buckets.ts). Every
 * bucket has queues of its own (bucket-queues.ts), so one bucket never delays another. A heap says which
 * bucket is due.
 *
 *   bucket 7 (web, 10.0.9.4)   fullNs ...   set 0, h12 has its turn   heap key: instant at which h12 conforms
 *   bucket 9 (web, 10.0.9.8)   fullNs ...   no set                    not in the heap
 *
 * The instant of a bucket changes when another packet gets the next turn: one has left, CoDel has dropped the
 * head, or a packet of a flow that was idle goes first.
 *
 * The buckets of an inner class hold packets of several leaves, as flows of one set.
 *
 * A class with `exceed: drop` has buckets only: its packets never wait here (policers.ts).
 */
import { IndexedHeap } from '../../base/heap.ts';
import type { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { SizeBins } from '../../base/size-bins.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { FLAG_WAITED, type HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import type { Ledger } from '../packets/ledger.ts';
import { SIGNAL_NONE } from '../queues/arrival-aqm.ts';
import type { SetQueues } from '../queues/set-queues.ts';
import { BucketQueues, type WaitingParts } from './bucket-queues.ts';
import { CLASS, EachBuckets, HEAD, SET, WAITING_BYTES, WAITING_PACKETS } from './buckets.ts';

// Answers of pass().
export const PASSES = 0;
export const WAITS = 1;
/** There is no room for one more flow queue, or for one more bucket. */
export const NO_ROOM = 2;

/** Buckets to look at for the longest one with packets of a leaf. */
const LONGEST_LOOKS = 8;
/** Place of the longest single packet that there may be. */
const SINGLE_RANK_MAX = 32;

export class EachTable {
  /** Whether there is room for buckets: there was a class with `each` when the table was made. */
  readonly hasRows: boolean;
  readonly buckets: EachBuckets;
  readonly bucketQueues: BucketQueues;
  /** Class of the bucket from which the last popDue() took a packet. */
  lastPoppedClass = 0;
  /** Whether CoDel drops that packet. */
  lastPoppedIsDropped = false;
  /** Bytes that waited for the bucket of the last signal(). */
  lastSignalledBytes = 0;
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly queues: SetQueues;
  /** Buckets with waiting packets, by `e >> shift` as in the next table. */
  private readonly due: IndexedHeap;
  /** Buckets of each class by the bytes that wait for them. */
  private readonly waiting: SizeBins;
  // By leaf: what waits for buckets.
  private leafPackets: Float64Array;
  private leafBytes: Float64Array;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  /** FIFO 0: redundant ACKs. */
  private readonly doomed: HeldFifos;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    classes: readonly ClassInfo[],
    parts: WaitingParts,
    ledger: Ledger,
  ) {
    // Without a class with `each` one row is enough, so that idle memory stays small.
    this.hasRows = classes.some((info) => info.spec.each !== null);
    const used = this.hasRows ? rows : 1;
    const { held, flows } = parts;
    this.bucketQueues = new BucketQueues(used, classes, parts);
    this.queues = this.bucketQueues.queues;
    this.buckets = new EachBuckets(used, key0, key1, classes, held, flows, ledger, this.bucketQueues);
    this.keys = this.buckets.keys;
    this.words = this.keys.words;
    this.due = new IndexedHeap(used);
    this.waiting = new SizeBins(used, classes.length);
    this.leafPackets = new Float64Array(classes.length);
    this.leafBytes = new Float64Array(classes.length);
    this.held = held;
    this.flows = flows;
    this.doomed = new HeldFifos(1, held);
  }

  /** Instant at which the first bucket lets a packet go. Infinity if none waits. */
  nextDueNs(): number {
    return this.due.topKey();
  }

  /**
   * Bucket of class `c` for held packet `h`, made if it is new. Returns NONE when there is no room for one
   * more.
   */
  bucketOf(c: number, h: number, nowNs: number): number {
    return this.buckets.bucketOf(c, h, nowNs);
  }

  /** Bucket of class `c` in which packet `h` would wait. Returns NONE if there is none yet. */
  find(c: number, h: number): number {
    return this.buckets.find(c, h);
  }

  /** Whether the buckets of the leaf's own class have an algorithm that signals on arrival. */
  hasAqm(leaf: number): boolean {
    return this.bucketQueues.aqm.has(leaf);
  }

  /** The signal of its bucket in the leaf's own class for arriving packet `h`. */
  signal(leaf: number, h: number, nowNs: number): number {
    const e = this.buckets.bucketOf(leaf, h, nowNs);
    this.lastSignalledBytes = this.waitingBytes(e);
    if (e === NONE) return SIGNAL_NONE;
    const { aqm } = this.bucketQueues;
    const nsPerByte = this.buckets.nsPerByteOf(leaf);
    return aqm.signal(e >> this.keys.shift, leaf, h, this.lastSignalledBytes, nsPerByte, nowNs);
  }

  /** Packets of the leaf that wait for buckets. */
  packetsOf(leaf: number): number {
    return this.leafPackets[leaf];
  }

  bytesOf(leaf: number): number {
    return this.leafBytes[leaf];
  }

  /**
   * Lets packet `h` through bucket `e` of an `exceed: delay` class if nothing waits before it and it conforms
   * by `horizonNs`: PASSES, and its readyNs becomes the instant at which it conforms. Otherwise the packet
   * waits, WAITS, or NO_ROOM.
   */
  pass(e: number, h: number, nowNs: number, horizonNs: number): number {
    const { held, buckets } = this;
    if (this.words[e + WAITING_PACKETS] === 0) {
      const atNs = buckets.conformNs(e, h, held.readyNs(h));
      if (atNs <= horizonNs) {
        buckets.take(e, h, atNs);
        held.setReadyNs(h, atNs);
        return PASSES;
      }
    }
    return this.wait(e, h, nowNs) ? WAITS : NO_ROOM;
  }

  /**
   * Takes the next packet whose turn it is in a bucket that lets it go by `horizonNs`, and sets its readyNs,
   * or drops it: `lastPoppedIsDropped` tells. Returns NONE when there is none.
   */
  popDue(horizonNs: number, nowNs: number): number {
    const { due, queues, held } = this;
    const atNs = due.topKey();
    if (atNs > horizonNs || due.size === 0) return NONE;
    const e = due.top() << this.keys.shift;
    const h = queues.shiftOne(this.words[e + SET], atNs);
    const sojournNs = nowNs - held.queuedNs(h);
    this.lastPoppedClass = this.words[e + CLASS];
    this.lastPoppedIsDropped = queues.lastIsDropped;
    if (!queues.lastIsDropped) {
      this.buckets.take(e, h, atNs);
      held.setReadyNs(h, atNs);
    }
    this.taken(e, h, sojournNs, atNs, nowNs);
    return h;
  }

  /** Gives back what a packet of flow `f`, which was lost, took of its bucket of class `c` at `takenNs`. */
  giveBack(c: number, f: number, chargeBytes: number, takenNs: number, nowNs: number): void {
    const e = this.buckets.findOf(c, f);
    if (e === NONE) return;
    this.buckets.giveBack(e, chargeBytes, takenNs, nowNs);
    this.cheapened(e);
  }

  /** Takes notice of waiting packets that cost less than before. */
  cheapenedAll(): void {
    const { keys } = this;
    for (let e = 0; e < keys.highWater; e += keys.stride) if (keys.isUsed(e)) this.cheapened(e);
  }

  /** A redundant ACK that left its bucket for a newer one; NONE if there is none. */
  popDoomed(): number {
    return this.doomed.isEmpty(0) ? NONE : this.doomed.shift(0);
  }

  /**
   * The longest bucket (within 1/8) of class `c` among the first eight holding packets of `leaf`, which is
   * the class or one inside it. A bucket with a single packet counts as shorter than all others. Returns NONE
   * if none of the eight longest does.
   */
  longest(c: number, leaf: number): number {
    const { waiting, queues } = this;
    const { shift } = this.keys;
    let at = waiting.largest(c);
    for (let n = 0; n < LONGEST_LOOKS && at !== NONE; n++, at = waiting.after(c, at))
      if (c === leaf || queues.findPayerOf(this.words[(at << shift) + SET], NONE, leaf)) return at << shift;
    return NONE;
  }

  /** The fullest buckets of class `c`, at most `count`, the largest first (within 1/8). */
  fullest(c: number, count: number): number[] {
    const found: number[] = [];
    for (
      let at = this.waiting.largest(c);
      at !== NONE && found.length < count;
      at = this.waiting.after(c, at)
    )
      found.push(at << this.keys.shift);
    return found;
  }

  /** The packet that goes next from bucket `e`, for which packets wait. */
  headOf(e: number): number {
    return this.words[e + HEAD];
  }

  waitingPackets(e: number): number {
    return this.words[e + WAITING_PACKETS];
  }

  /** Bytes that wait for bucket `e`; 0 for NONE. */
  waitingBytes(e: number): number {
    // Superpackets can be more than 2^31 bytes.
    return e === NONE ? 0 : this.words[e + WAITING_BYTES] >>> 0;
  }

  /**
   * Finds who pays in bucket `e` for arriving packet `h` of `leaf`, or without one (NONE), as in a leaf.
   * Returns whether the payer has at least `packets` packets and `bytes` bytes of the leaf that may be
   * dropped.
   */
  canSpare(e: number, leaf: number, h: number, packets: number, bytes: number): boolean {
    const { queues, words } = this;
    const set = words[e + SET];
    const isOwn = h !== NONE && this.find(words[e + CLASS], h) === e;
    return queues.findPayerOf(set, isOwn ? h : NONE, leaf) && queues.canSpare(set, leaf, packets, bytes);
  }

  /**
   * Evicts a packet of `leaf` from the payer that canSpare() has just found in bucket `e`; NONE if it has
   * none left. The tokens of the packet stay in the bucket.
   */
  evict(e: number, leaf: number, nowNs: number): number {
    const set = this.words[e + SET];
    // The last packet of the bucket may have been evicted.
    const h = set === NONE ? NONE : this.queues.evict(set, leaf, true);
    if (h !== NONE) this.taken(e, h, nowNs - this.held.queuedNs(h), nowNs, nowNs);
    return h;
  }

  sweep(nowNs: number): void {
    this.buckets.sweep(nowNs);
    this.queues.sweepKeys(nowNs);
  }

  /**
   * Takes out all packets that wait for buckets of these classes, whatever their tokens, for the orderly
   * stop. Outer classes come first, because their packets have passed the inner ones; packets of a flow come
   * in their order of arrival.
   */
  takeAll(classes: readonly number[]): number[] {
    const packets = new Map(classes.map((c): [number, number[]] => [c, []]));
    const { keys, words } = this;
    for (let e = 0; e < keys.highWater; e += keys.stride) {
      const ofClass = packets.get(words[e + CLASS]);
      if (ofClass && keys.isUsed(e) && words[e + WAITING_PACKETS] > 0)
        for (const h of this.drain(e)) ofClass.push(h);
    }
    this.recount(this.leafPackets.length);
    return [...packets.values()].flat();
  }

  /**
   * Takes all packets out of bucket `e`, which has a set, and gives the set back. recount() must follow when
   * all buckets are done.
   */
  drain(e: number): number[] {
    const { words } = this;
    const packets = this.queues.drain(words[e + SET]);
    words[e + WAITING_PACKETS] = 0;
    words[e + WAITING_BYTES] = 0;
    this.due.delete(e >> this.keys.shift);
    words[e + HEAD] = NONE;
    this.bucketQueues.giveBack(words[e + SET]);
    words[e + SET] = NONE;
    return packets;
  }

  /** The packets that wait for bucket `e`, flow queue by flow queue. */
  list(e: number): number[] {
    return this.words[e + WAITING_PACKETS] === 0 ? [] : this.queues.list(this.words[e + SET]);
  }

  /** Counts anew what waits, for so many classes, and sets when every bucket is due by its present rate. */
  recount(classes: number): void {
    const { keys, words } = this;
    this.waiting.regroup(keys.highWater >> keys.shift, classes);
    this.leafPackets = new Float64Array(classes);
    this.leafBytes = new Float64Array(classes);
    for (let e = 0; e < keys.highWater; e += keys.stride) {
      if (!keys.isUsed(e) || words[e + WAITING_PACKETS] === 0) continue;
      const packets = this.list(e);
      words[e + WAITING_PACKETS] = 0;
      words[e + WAITING_BYTES] = 0;
      for (const h of packets) this.count(e, h, 1);
      words[e + HEAD] = NONE;
      this.setDue(e, 0);
    }
  }

  /** Packet `h` waits for bucket `e` from now on. Returns false if there is no room for its flow queue. */
  wait(e: number, h: number, nowNs: number): boolean {
    const { words, queues } = this;
    if (words[e + SET] === NONE) words[e + SET] = this.bucketQueues.lend(words[e + CLASS], e);
    if (!queues.push(words[e + SET], h, nowNs)) {
      if (words[e + WAITING_PACKETS] === 0) this.rest(e);
      return false;
    }
    this.held.flags[h] |= FLAG_WAITED;
    this.flows.packetWaits(this.held, h);
    this.flows.measures.packetWaitsForEach(this.held.flow[h], words[e + CLASS]);
    this.count(e, h, 1);
    for (let ack = queues.popDoomed(); ack !== NONE; ack = queues.popDoomed()) {
      this.count(e, ack, -1);
      this.doomed.push(0, ack);
      words[e + HEAD] = NONE;
    }
    this.setDue(e, 0);
    return true;
  }

  /** Bucket `e` is due when the packet conforms whose turn it is, from `fromNs` on. */
  private setDue(e: number, fromNs: number): void {
    const { words, held } = this;
    const head = this.queues.head(words[e + SET]);
    if (head === words[e + HEAD]) return;
    words[e + HEAD] = head;
    this.due.set(e >> this.keys.shift, this.buckets.conformNs(e, head, Math.max(fromNs, held.readyNs(head))));
  }

  /** Packets of bucket `e`, if any wait, may go earlier than before. */
  private cheapened(e: number): void {
    if (this.words[e + WAITING_PACKETS] === 0) return;
    this.words[e + HEAD] = NONE;
    this.setDue(e, 0);
  }

  /** Packet `h` was taken from bucket `e` after `sojournNs`, at `atNs`: sets when the bucket is due next. */
  private taken(e: number, h: number, sojournNs: number, atNs: number, nowNs: number): void {
    const { words, bucketQueues } = this;
    this.count(e, h, -1);
    words[e + HEAD] = NONE;
    const isEmptyNow = words[e + WAITING_PACKETS] === 0;
    const c = words[e + CLASS];
    if (bucketQueues.aqm.has(c))
      bucketQueues.aqm.departed(e >> this.keys.shift, c, sojournNs, isEmptyNow, nowNs);
    if (isEmptyNow) this.rest(e);
    else this.setDue(e, atNs);
  }

  /** Nothing waits for bucket `e` any more. */
  private rest(e: number): void {
    const { words } = this;
    this.due.delete(e >> this.keys.shift);
    if (this.queues.isWorthKeeping(words[e + SET])) return;
    this.bucketQueues.giveBack(words[e + SET]);
    words[e + SET] = NONE;
  }

  /** Counts packet `h` in bucket `e` (`by` 1) or out of it (-1). */
  private count(e: number, h: number, by: number): void {
    const { words, held } = this;
    const bytes = by * held.lengthBytes[h];
    const leaf = held.leaf[h];
    this.leafPackets[leaf] += by;
    this.leafBytes[leaf] += bytes;
    words[e + WAITING_PACKETS] += by;
    words[e + WAITING_BYTES] += bytes;
    this.waiting.set(words[e + CLASS], e >> this.keys.shift, this.rankOf(e));
  }

  /** The place of a bucket among the longest: one with a single packet comes behind all others. */
  private rankOf(e: number): number {
    const bytes = this.waitingBytes(e);
    return this.waitingPackets(e) > 1
      ? Math.max(SINGLE_RANK_MAX + 1, bytes)
      : SINGLE_RANK_MAX - Math.clz32(bytes);
  }
}
