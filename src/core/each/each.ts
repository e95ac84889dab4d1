/**
 * `each`: a token bucket per flow, host, source or destination of a class, made on sight. Packets that must wait for
 * their bucket wait in the bucket's own FIFO, so one waiting flow never delays another; a heap says which bucket is due.
 *
 *   bucket 7 (web, 10.0.9.4)   fullNs ...   FIFO: h12 -> h15        heap key: instant at which h12 conforms
 *   bucket 9 (web, 10.0.9.8)   fullNs ...   FIFO: (empty)           not in the heap
 *
 * A class with `exceed: drop` has the buckets only: nothing waits there (each-policers.ts).
 *
 * Rate and burst are the class's; a bucket is only the instant at which it is full (algo/token-bucket.ts). One that is full
 * and idle is forgotten by a sweeping hand: a new one starts full, so nothing is lost or minted.
 */
import {
  boundedFullNs,
  conformInstantNs,
  fullAfterNs,
  fullAtOtherRateNs,
} from '../../algo/buckets/token-bucket.ts';
import { IndexedHeap } from '../../base/heap.ts';
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { SizeBins } from '../../base/size-bins.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { EACH_IDLE_NS } from '../../limits.ts';
import { type ClassChange, isInside } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Mover } from '../classes/mover.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import type { Ledger } from '../packets/ledger.ts';

/** Number of the class (not its row, which may change), kind, then four address words or flow row and generation. */
const KEY_WORDS = 6;
const KIND_FLOW = 1;
const KIND_V4 = 4;
const KIND_V6 = 6;

// Fields of a record; the hash slot is word 6.
const FULL_NS = 8; // float64
const LAST_SEEN_NS = 10; // float64
const WAITING_BYTES = 12;
const CLASS = 13; // row of the class
const HEAD = 14; // first held packet
const TAIL = 15; // last held packet
const FIELD_WORDS = 9;

/** Buckets looked at for the longest one with packets of a leaf. */
const LONGEST_LOOKS = 8;
/** Rows that the sweeping hand may pass in one batch. */
const SWEEP_ROWS_MAX = 256;

/** Which address of a flow shares a bucket. */
const SIDE_FLOW = 0;
const SIDE_SRC = 1;
const SIDE_DST = 2;

export class EachTable {
  /** Class of the bucket from which the last popDue() took a packet. */
  lastPoppedClass = 0;
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly fifos: HeldFifos;
  private readonly due: IndexedHeap;
  /** Buckets of each class by the bytes that wait in them. */
  private waiting: SizeBins;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly ledger: Ledger;
  // By class.
  private ids: Int32Array;
  private nsPerByte: Float64Array;
  private burstBytes: Float64Array;
  private side: Uint8Array;
  private readonly hand: SweepingHand;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    ledger: Ledger,
  ) {
    // No class with `each`: one row, so that idle memory stays small.
    const used = classes.some((info) => info.spec.each !== null) ? rows : 1;
    this.keys = new KeyTable(used, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.hand = new SweepingHand(this.keys, EACH_IDLE_NS, SWEEP_ROWS_MAX);
    this.fifos = new HeldFifos(0, held, this.words.subarray(HEAD), this.words.subarray(TAIL));
    this.due = new IndexedHeap(used);
    this.waiting = new SizeBins(used, classes.length);
    this.held = held;
    this.flows = flows;
    this.ledger = ledger;
    this.ids = Int32Array.from(classes, (info) => info.id);
    this.nsPerByte = nsPerByteOf(classes);
    this.burstBytes = burstBytesOf(classes);
    this.side = Uint8Array.from(classes, sideOf);
  }

  /** Instant at which the first bucket lets a packet go; Infinity: none waits. */
  nextDueNs(): number {
    return this.due.topKey();
  }

  /** Bucket of class `c` for held packet `h`, made if new; NONE when there is no room for one more. */
  bucketOf(c: number, h: number, nowNs: number): number {
    const { keys, flows } = this;
    const f = this.held.flow[h];
    this.setKey(c, f);
    let e = f === NONE ? NONE : flows.eachBucket(f);
    if (e === NONE || !keys.isAt(e)) {
      const hash = keys.hash(KEY_WORDS);
      e = keys.find(hash);
      if (e === NONE) e = this.make(c, hash, nowNs);
      if (e === NONE) return NONE;
      if (f !== NONE) flows.setEachBucket(f, e);
    }
    this.floats[(e + LAST_SEEN_NS) >> 1] = nowNs;
    return e;
  }

  /** Bucket of class `c` in which packet `h` would wait, if there is one yet; else NONE. */
  find(c: number, h: number): number {
    this.setKey(c, this.held.flow[h]);
    return this.keys.find(this.keys.hash(KEY_WORDS));
  }

  /** Whether bucket `e` of an `exceed: drop` class has the tokens of packet `h` now; takes none. */
  conforms(e: number, nowNs: number, h: number): boolean {
    const fits = this.held.chargeBytes[h] <= this.burstBytes[this.words[e + CLASS]];
    return fits && this.conformNs(e, nowNs, h) <= nowNs;
  }

  /** Takes the tokens of packet `h` from bucket `e`, whether there or not: it goes at most a burst into debt. */
  charge(e: number, nowNs: number, h: number): void {
    this.take(e, nowNs, h);
    const c = this.words[e + CLASS];
    const full = (e + FULL_NS) >> 1;
    this.floats[full] = boundedFullNs(this.floats[full], this.nsPerByte[c], this.burstBytes[c], nowNs);
  }

  /**
   * Bucket `e` of an `exceed: delay` class: lets packet `h` through if it conforms by `horizonNs` and nothing waits before
   * it, moving readyNs to that instant; otherwise appends it and says false.
   */
  pass(e: number, horizonNs: number, h: number): boolean {
    const { held, fifos } = this;
    if (fifos.isEmpty(e)) {
      const atNs = this.conformNs(e, held.readyNs(h), h);
      if (atNs <= horizonNs) {
        this.take(e, atNs, h);
        held.setReadyNs(h, atNs);
        return true;
      }
    }
    this.wait(e, h);
    return false;
  }

  private wait(e: number, h: number): void {
    if (this.fifos.isEmpty(e)) this.due.set(e >> this.keys.shift, this.conformNs(e, this.held.readyNs(h), h));
    this.fifos.push(e, h);
    this.addWaiting(e, this.held.lengthBytes[h]);
  }

  /** The next packet whose bucket lets it go by `horizonNs`, with readyNs set; NONE when there is none. */
  popDue(horizonNs: number): number {
    const { due, fifos, held } = this;
    const atNs = due.topKey();
    if (atNs > horizonNs || due.size === 0) return NONE;
    const e = due.top() << this.keys.shift;
    this.lastPoppedClass = this.words[e + CLASS];
    this.take(e, atNs, fifos.head[e]);
    const h = this.shiftFirst(e);
    held.setReadyNs(h, atNs);
    return h;
  }

  /**
   * A bucket of the class in which packets of `leaf` (the class or one inside it) wait, and no other such has an eighth more bytes
   * waiting; NONE: none of the longest has them.
   */
  longest(c: number, leaf: number): number {
    const { waiting } = this;
    const { shift } = this.keys;
    let at = waiting.largest(c);
    for (let n = 0; n < LONGEST_LOOKS && at !== NONE; n++, at = waiting.after(c, at))
      if (this.fifos.hasOf(at << shift, leaf)) return at << shift;
    return NONE;
  }

  /** Bytes that wait in bucket `e`; 0 for NONE. */
  waitingBytes(e: number): number {
    return e === NONE ? 0 : this.words[e + WAITING_BYTES] >>> 0;
  }

  /** Whether so much of `leaf` waits in bucket `e` that may be dropped. */
  canSpare(e: number, leaf: number, packets: number, bytes: number): boolean {
    return this.fifos.canSpare(e, leaf, packets, bytes);
  }

  /** Takes the first packet of `leaf` out of bucket `e` that may be dropped, for want of room: its tokens stay. */
  evict(e: number, leaf: number): number {
    return this.taken(e, this.fifos.shiftDroppable(e, leaf));
  }

  /**
   * Takes out all that waits in buckets of these classes, whatever their tokens: outer classes first, whose packets have passed the
   * inner ones; in a bucket as they came. For the orderly stop.
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
   * Classes are others now. Buckets keep their tokens and what waits in them; where there is none any more for a waiting packet, as
   * its class or `each` has gone or it belongs elsewhere, `mover` gets it.
   */
  regroup(change: ClassChange, mover: Mover): void {
    const { before, classes, newRow } = change;
    const [nsBefore, burstBefore] = [this.nsPerByte, this.burstBytes];
    this.ids = Int32Array.from(classes, (info) => info.id);
    this.nsPerByte = nsPerByteOf(classes);
    this.burstBytes = burstBytesOf(classes);
    this.side = Uint8Array.from(classes, sideOf);
    this.waiting = new SizeBins(this.keys.rows, classes.length);
    for (let e = 0; e < this.keys.highWater; e += this.keys.stride) {
      if (!this.keys.isUsed(e)) continue;
      const old = this.words[e + CLASS];
      const row = newRow[old];
      const each = row === NONE ? null : classes[row].spec.each;
      const stays = each !== null && sideOf(classes[row]) === sideOf(before[old]);
      const waiting = this.fifos.takeAll(e);
      this.due.delete(e >> this.keys.shift);
      this.words[e + WAITING_BYTES] = 0;
      if (stays) {
        const full = (e + FULL_NS) >> 1;
        const had = this.floats[full];
        const [ns, burst] = [this.nsPerByte[row], this.burstBytes[row]];
        this.floats[full] = fullAtOtherRateNs(had, nsBefore[old], burstBefore[old], ns, burst, change.nowNs);
        this.words[e + CLASS] = row;
      }
      for (const h of waiting) {
        const leafBefore = this.held.leaf[h];
        const leaf = mover.settle(h);
        if (stays && each.exceed === 'delay' && isInside(classes, leaf, row)) this.wait(e, h);
        else mover.move(h, leafBefore, old);
      }
      if (!stays) this.forget(e);
    }
  }

  /** Forgets full and idle buckets, a share of the table in proportion to the time that passed. */
  sweep(nowNs: number): void {
    const { hand } = this;
    for (let n = hand.rowsDue(nowNs); n > 0; n--) {
      const e = hand.next();
      const idleNs = nowNs - this.floats[(e + LAST_SEEN_NS) >> 1];
      if (idleNs > EACH_IDLE_NS && this.mayForget(e, nowNs)) this.forget(e);
    }
  }

  /** Takes the first packet of a bucket out of its FIFO and tells when the next one is due. */
  private shiftFirst(e: number): number {
    return this.taken(e, this.fifos.shift(e));
  }

  private taken(e: number, h: number): number {
    this.addWaiting(e, -this.held.lengthBytes[h]);
    const head = this.fifos.head[e];
    if (head === NONE) this.due.delete(e >> this.keys.shift);
    else this.due.set(e >> this.keys.shift, this.conformNs(e, this.held.readyNs(head), head));
    return h;
  }

  private addWaiting(e: number, bytes: number): void {
    this.words[e + WAITING_BYTES] += bytes;
    this.waiting.set(this.words[e + CLASS], e >> this.keys.shift, this.waitingBytes(e));
  }

  private setKey(c: number, f: number): void {
    const { flows, side } = this;
    const key = this.keys.key;
    key[0] = this.ids[c];
    if (f === NONE || side[c] === SIDE_FLOW) {
      key[1] = KIND_FLOW;
      key[2] = f;
      key[3] = f === NONE ? 0 : flows.generation(f);
      key[4] = 0;
      key[5] = 0;
      return;
    }
    key[1] = flows.isIpv6(f) ? KIND_V6 : KIND_V4;
    if (side[c] === SIDE_SRC) for (let w = 0; w < 4; w++) key[2 + w] = flows.srcWord(f, w);
    else for (let w = 0; w < 4; w++) key[2 + w] = flows.dstWord(f, w);
  }

  private conformNs(e: number, fromNs: number, h: number): number {
    const c = this.words[e + CLASS];
    const fullNs = this.floats[(e + FULL_NS) >> 1];
    return conformInstantNs(fullNs, this.nsPerByte[c], this.burstBytes[c], this.held.chargeBytes[h], fromNs);
  }

  private take(e: number, atNs: number, h: number): void {
    const nsPerByte = this.nsPerByte[this.words[e + CLASS]];
    const fullNs = fullAfterNs(this.floats[(e + FULL_NS) >> 1], nsPerByte, this.held.chargeBytes[h], atNs);
    this.floats[(e + FULL_NS) >> 1] = fullNs;
    const f = this.held.flow[h];
    if (f !== NONE) this.flows.keepUntil(f, fullNs);
  }

  /** A full bucket for the key in `keys.key`; NONE when nothing can make room. */
  private make(c: number, hash: number, nowNs: number): number {
    let e = this.keys.insert(hash);
    if (e === NONE) {
      if (!this.forgetOne(nowNs)) return NONE;
      e = this.keys.insert(hash);
    }
    this.floats[(e + FULL_NS) >> 1] = 0;
    this.words[e + WAITING_BYTES] = 0;
    this.words[e + CLASS] = c;
    this.words[e + HEAD] = NONE;
    this.ledger.eachBuckets(1);
    return e;
  }

  /** In use, nothing waits, and full: a new bucket would be equal. */
  private mayForget(e: number, nowNs: number): boolean {
    const full = this.floats[(e + FULL_NS) >> 1] <= nowNs;
    return full && this.keys.isUsed(e) && this.fifos.isEmpty(e);
  }

  private forgetOne(nowNs: number): boolean {
    for (let n = EVICT_LOOKS; n > 0; n--) {
      const e = this.hand.next();
      if (!this.mayForget(e, nowNs)) continue;
      this.forget(e);
      this.ledger.eachEvicted();
      return true;
    }
    return false;
  }

  private forget(e: number): void {
    this.keys.remove(e);
    this.ledger.eachBuckets(-1);
  }
}

function nsPerByteOf(classes: readonly ClassInfo[]): Float64Array {
  return Float64Array.from(classes, ({ spec }) => 1e9 / (spec.each?.rateBytesPerSec ?? 1));
}

function burstBytesOf(classes: readonly ClassInfo[]): Float64Array {
  return Float64Array.from(classes, ({ spec }) => spec.each?.burstBytes ?? 0);
}

/** `host` is the inside address: the source of what leaves, the destination of what arrives. */
function sideOf(info: ClassInfo): number {
  const by = info.spec.each?.by;
  if (by === 'src' || (by === 'host' && info.direction === 'up')) return SIDE_SRC;
  if (by === 'dst' || (by === 'host' && info.direction === 'down')) return SIDE_DST;
  return SIDE_FLOW;
}
