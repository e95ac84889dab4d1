/**
 * `each`: how packets wait for the bucket of their flow, host, source or destination (buckets.ts). Every
 * bucket has a FIFO of its own, so one waiting flow never delays another. A heap says which bucket is due.
 *
 *   bucket 7 (web, 10.0.9.4)   fullNs ...   FIFO: h12 -> h15        heap key: instant at which h12 conforms
 *   bucket 9 (web, 10.0.9.8)   fullNs ...   FIFO: (empty)           not in the heap
 *
 * A class with `exceed: drop` has buckets only: its packets never wait here (policers.ts).
 */
import { IndexedHeap } from '../../base/heap.ts';
import type { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { SizeBins } from '../../base/size-bins.ts';
import { type ClassChange, isInside } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Mover } from '../classes/mover.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import type { Ledger } from '../packets/ledger.ts';
import { CLASS, EachBuckets, HEAD, TAIL, WAITING_BYTES } from './buckets.ts';

/** Buckets to look at for the longest one with packets of a leaf. */
const LONGEST_LOOKS = 8;

export class EachTable {
  readonly buckets: EachBuckets;
  /** Class of the bucket from which the last popDue() took a packet. */
  lastPoppedClass = 0;
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly fifos: HeldFifos;
  /** Buckets with waiting packets, by `e >> shift` as in the next table. */
  private readonly due: IndexedHeap;
  /** Buckets of each class by the bytes that wait for them. */
  private waiting: SizeBins;
  private readonly held: HeldTable;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    ledger: Ledger,
  ) {
    // Without a class with `each` one row is enough, so that idle memory stays small.
    const used = classes.some((info) => info.spec.each !== null) ? rows : 1;
    this.buckets = new EachBuckets(used, key0, key1, classes, held, flows, ledger);
    this.keys = this.buckets.keys;
    this.words = this.keys.words;
    this.fifos = new HeldFifos(0, held, this.words.subarray(HEAD), this.words.subarray(TAIL));
    this.due = new IndexedHeap(used);
    this.waiting = new SizeBins(used, classes.length);
    this.held = held;
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

  /**
   * Lets packet `h` through bucket `e` of an `exceed: delay` class if nothing waits before it and it conforms
   * by `horizonNs`. Its readyNs becomes the instant at which it conforms. Otherwise the packet waits, and the
   * method returns false.
   */
  pass(e: number, h: number, horizonNs: number): boolean {
    const { held, buckets } = this;
    if (this.fifos.isEmpty(e)) {
      const atNs = buckets.conformNs(e, h, held.readyNs(h));
      if (atNs <= horizonNs) {
        buckets.take(e, h, atNs);
        held.setReadyNs(h, atNs);
        return true;
      }
    }
    this.wait(e, h);
    return false;
  }

  /**
   * Takes the next packet whose bucket lets it go by `horizonNs`, and sets its readyNs. Returns NONE when
   * there is none.
   */
  popDue(horizonNs: number): number {
    const { due, fifos, held } = this;
    const atNs = due.topKey();
    if (atNs > horizonNs || due.size === 0) return NONE;
    const e = due.top() << this.keys.shift;
    this.lastPoppedClass = this.words[e + CLASS];
    this.buckets.take(e, fifos.head[e], atNs);
    const h = this.shiftFirst(e);
    held.setReadyNs(h, atNs);
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

  /**
   * The longest bucket (within 1/8) of class `c` among the first eight holding packets of `leaf`, which is
   * the class or one inside it. Returns NONE if none of the eight longest does.
   */
  longest(c: number, leaf: number): number {
    const { waiting } = this;
    const { shift } = this.keys;
    let at = waiting.largest(c);
    for (let n = 0; n < LONGEST_LOOKS && at !== NONE; n++, at = waiting.after(c, at))
      if (this.fifos.hasOf(at << shift, leaf)) return at << shift;
    return NONE;
  }

  /** Bytes that wait for bucket `e`; 0 for NONE. */
  waitingBytes(e: number): number {
    // Superpackets can be more than 2^31 bytes.
    return e === NONE ? 0 : this.words[e + WAITING_BYTES] >>> 0;
  }

  /** Whether bucket `e` holds at least `packets` packets and `bytes` bytes of `leaf` that may be dropped. */
  canSpare(e: number, leaf: number, packets: number, bytes: number): boolean {
    return this.fifos.canSpare(e, leaf, packets, bytes);
  }

  /** Evicts the first packet of `leaf` from bucket `e` that may be dropped. Its tokens stay in the bucket. */
  evict(e: number, leaf: number): number {
    return this.taken(e, this.fifos.shiftDroppable(e, leaf));
  }

  /**
   * Takes out all packets that wait for buckets of these classes, whatever their tokens, for the orderly
   * stop. Outer classes come first, because their packets have passed the inner ones; packets of a bucket
   * come in their order of arrival.
   */
  takeAll(classes: readonly number[]): number[] {
    const packets = new Map(classes.map((c): [number, number[]] => [c, []]));
    for (let e = 0; e < this.keys.highWater; e += this.keys.stride) {
      const ofClass = packets.get(this.words[e + CLASS]);
      while (ofClass && !this.fifos.isEmpty(e)) ofClass.push(this.shiftFirst(e));
    }
    return [...packets.values()].flat();
  }

  /**
   * Changes the classes. Buckets keep their tokens and their packets. `mover` gets a packet that has no
   * bucket here any more, because its class or that class's `each` has gone, or because the packet belongs to
   * another class.
   */
  regroup(change: ClassChange, mover: Mover): void {
    const { classes } = change;
    const { keys, words, held } = this;
    const carryOver = this.buckets.regroup(change);
    this.waiting = new SizeBins(keys.rows, classes.length);
    for (let e = 0; e < keys.highWater; e += keys.stride) {
      if (!keys.isUsed(e)) continue;
      const old = words[e + CLASS];
      const c = carryOver(e);
      const packets = this.fifos.takeAll(e);
      this.due.delete(e >> keys.shift);
      words[e + WAITING_BYTES] = 0;
      const delays = c !== NONE && classes[c].spec.each?.exceed === 'delay';
      for (const h of packets) {
        const leafBefore = held.leaf[h];
        const leaf = mover.settle(h);
        if (delays && isInside(classes, leaf, c)) this.wait(e, h);
        else mover.move(h, leafBefore, old);
      }
      if (c === NONE) this.buckets.forget(e);
    }
  }

  private wait(e: number, h: number): void {
    if (this.fifos.isEmpty(e)) this.setDue(e, h);
    this.fifos.push(e, h);
    this.addWaiting(e, this.held.lengthBytes[h]);
  }

  /** Bucket `e` is due when packet `h`, the first of its FIFO, conforms. */
  private setDue(e: number, h: number): void {
    this.due.set(e >> this.keys.shift, this.buckets.conformNs(e, h, this.held.readyNs(h)));
  }

  /** The first packet of bucket `e`, if one waits, may go earlier than before. */
  private cheapened(e: number): void {
    const head = this.fifos.head[e];
    if (head !== NONE) this.setDue(e, head);
  }

  private shiftFirst(e: number): number {
    return this.taken(e, this.fifos.shift(e));
  }

  /** Packet `h` was taken from the FIFO of bucket `e`: sets when the bucket is due next. */
  private taken(e: number, h: number): number {
    this.addWaiting(e, -this.held.lengthBytes[h]);
    const head = this.fifos.head[e];
    if (head === NONE) this.due.delete(e >> this.keys.shift);
    else this.setDue(e, head);
    return h;
  }

  private addWaiting(e: number, bytes: number): void {
    this.words[e + WAITING_BYTES] += bytes;
    this.waiting.set(this.words[e + CLASS], e >> this.keys.shift, this.waitingBytes(e));
  }
}
