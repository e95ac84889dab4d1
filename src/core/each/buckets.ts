/**
 * The buckets of `each` as records: a token bucket for every flow, host, source or destination of a class,
 * made on sight.
 *
 * Rate and burst are the class's. A bucket itself is only the instant at which it is full
 * (algo/buckets/token-bucket.ts). A sweeping hand forgets buckets that are full and idle: a new bucket starts
 * full, so no token is lost or minted.
 */
import {
  boundedFullNs,
  conformInstantNs,
  fullAfterNs,
  fullAtOtherRateNs,
  fullWithoutNs,
  tokensOf,
} from '../../algo/buckets/token-bucket.ts';
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { IPV6_BITS, prefixMasks } from '../../base/prefix.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { EACH_IDLE_NS } from '../../limits.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import { SIDE_SRC } from '../flows/flow-hosts.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { NOBODY } from '../hosts/host-layout.ts';
import type { HeldTable } from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import type { BucketQueues } from './bucket-queues.ts';
import type { BucketKey } from './fullest.ts';
import { prefixBitsOf, SIDE_FLOW, sideOf } from './sides.ts';

/**
 * Number of the class (not its row, which may change), kind, then four address words or flow row and
 * generation.
 */
const KEY_WORDS = 6;
const KIND = 1;
const KIND_FLOW = 1;
const KIND_V4 = 4;
const KIND_V6 = 6;
/** An inside host whose device or port is known: its row and generation. */
const KIND_HOST = 7;

// Fields of a record; the hash slot is word 6. EachTable keeps those that are exported.
/** The packet that leaves first, whose instant the heap of due buckets has. */
export const HEAD = 7;
const FULL_NS = 8; // float64
const LAST_SEEN_NS = 10; // float64
/** Row of the class. */
export const CLASS = 12;
export const WAITING_BYTES = 13;
export const WAITING_PACKETS = 14;
/** The set of queues in which they wait (bucket-queues.ts); NONE while the bucket has none. */
export const SET = 15;
const FIELD_WORDS = 9;

/** Rows that the sweeping hand may pass in one batch. */
const SWEEP_ROWS_MAX = 256;

export class EachBuckets {
  readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly hand: SweepingHand;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly ledger: Ledger;
  private readonly queues: BucketQueues;
  // By class.
  private ids!: Int32Array;
  private nsPerByte!: Float64Array;
  private burstBytes!: Float64Array;
  private side!: Uint8Array;
  /** 1 if packets of one host share a bucket, whatever its addresses. */
  private isByHost!: Uint8Array;
  private prefixBits!: Uint8Array;
  /** The bits of an IPv6 address that name a bucket, four words for each class. */
  private prefixMask!: Int32Array;
  /** Where flows remember their bucket: FlowTable.eachBucket(). */
  private place!: Uint8Array;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    ledger: Ledger,
    queues: BucketQueues,
  ) {
    this.keys = new KeyTable(rows, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.hand = new SweepingHand(this.keys, EACH_IDLE_NS, SWEEP_ROWS_MAX);
    this.held = held;
    this.flows = flows;
    this.ledger = ledger;
    this.queues = queues;
    this.useClasses(classes);
  }

  /** Fills the columns by class. */
  private useClasses(classes: readonly ClassInfo[]): void {
    this.ids = Int32Array.from(classes, (info) => info.id);
    this.nsPerByte = nsPerByteOf(classes);
    this.burstBytes = burstBytesOf(classes);
    this.side = Uint8Array.from(classes, sideOf);
    this.isByHost = Uint8Array.from(classes, ({ spec }) => (spec.each?.by === 'host' ? 1 : 0));
    this.prefixBits = Uint8Array.from(classes, prefixBitsOf);
    this.prefixMask = prefixMaskOf(classes);
    this.place = Uint8Array.from(classes, placeOf);
  }

  /**
   * Bucket of class `c` for held packet `h`, made if it is new. Returns NONE when there is no room for one
   * more.
   */
  bucketOf(c: number, h: number, nowNs: number): number {
    const { keys, flows } = this;
    const f = this.held.flow[h];
    this.setKey(c, f);
    let e = f === NONE ? NONE : flows.eachBucket(f, this.place[c]);
    if (e === NONE || !keys.isAt(e)) {
      const hash = keys.hash(KEY_WORDS);
      e = keys.find(hash);
      if (e === NONE) e = this.make(c, hash, nowNs);
      if (e === NONE) return NONE;
      if (f !== NONE) flows.setEachBucket(f, this.place[c], e);
    }
    this.floats[(e + LAST_SEEN_NS) >> 1] = nowNs;
    return e;
  }

  /** Bucket of class `c` for held packet `h`. Returns NONE if there is none yet. */
  find(c: number, h: number): number {
    return this.findOf(c, this.held.flow[h]);
  }

  /** Bucket of class `c` for flow `f`. Returns NONE if there is none. */
  findOf(c: number, f: number): number {
    this.setKey(c, f);
    return this.keys.find(this.keys.hash(KEY_WORDS));
  }

  /** What bucket `e` holds at `nowNs`. */
  tokensAt(e: number, nowNs: number): number {
    const c = this.words[e + CLASS];
    return tokensOf(this.floats[(e + FULL_NS) >> 1], this.nsPerByte[c], this.burstBytes[c], nowNs);
  }

  /** Whether bucket `e` of an `exceed: drop` class has the tokens of packet `h` now. Takes none. */
  conforms(e: number, h: number, nowNs: number): boolean {
    const fits = this.held.chargeBytes[h] <= this.burstBytes[this.words[e + CLASS]];
    return fits && this.conformNs(e, h, nowNs) <= nowNs;
  }

  /** First instant at or after `fromNs` at which bucket `e` has the tokens of packet `h`. */
  conformNs(e: number, h: number, fromNs: number): number {
    const c = this.words[e + CLASS];
    const fullNs = this.floats[(e + FULL_NS) >> 1];
    return conformInstantNs(fullNs, this.nsPerByte[c], this.burstBytes[c], this.held.chargeBytes[h], fromNs);
  }

  /** Takes the tokens of packet `h`, which conforms at `atNs`. */
  take(e: number, h: number, atNs: number): void {
    const full = (e + FULL_NS) >> 1;
    const nsPerByte = this.nsPerByte[this.words[e + CLASS]];
    const fullNs = fullAfterNs(this.floats[full], nsPerByte, this.held.chargeBytes[h], atNs);
    this.floats[full] = fullNs;
    const f = this.held.flow[h];
    // A flow forgotten earlier would come back with a full bucket.
    if (f !== NONE) this.flows.keepUntil(f, fullNs);
  }

  /** Gives bucket `e` back at `nowNs` what a packet that was lost took at `takenNs`. */
  giveBack(e: number, chargeBytes: number, takenNs: number, nowNs: number): void {
    const full = (e + FULL_NS) >> 1;
    const nsPerByte = this.nsPerByte[this.words[e + CLASS]];
    this.floats[full] = fullWithoutNs(this.floats[full], nsPerByte, chargeBytes, takenNs, nowNs);
  }

  /** Takes the tokens of packet `h` even if they are not there. The bucket's debt stays within one burst. */
  charge(e: number, h: number, nowNs: number): void {
    this.take(e, h, nowNs);
    const c = this.words[e + CLASS];
    const full = (e + FULL_NS) >> 1;
    this.floats[full] = boundedFullNs(this.floats[full], this.nsPerByte[c], this.burstBytes[c], nowNs);
  }

  /**
   * Changes the classes. Returns the function that carries bucket `e` over, whose old class is still in its
   * record: it returns the class's new row, or NONE if the bucket has ended and must be forgotten. Tokens
   * stay, cut to the new burst.
   */
  regroup({ before, classes, newRow, nowNs }: ClassChange): (e: number) => number {
    const { words, floats } = this;
    const nsBefore = this.nsPerByte;
    const burstBefore = this.burstBytes;
    this.useClasses(classes);
    return (e) => {
      const old = words[e + CLASS];
      const c = newRow[old];
      if (c === NONE || !classes[c].spec.each || sideOf(classes[c]) !== sideOf(before[old])) return NONE;
      // A bucket of another prefix has no share of its tokens that would be right.
      const isOfPrefix = words[e + KIND] === KIND_V6;
      if (isOfPrefix && this.prefixBits[c] !== prefixBitsOf(before[old])) return NONE;
      const full = (e + FULL_NS) >> 1;
      const [ns, burst] = [this.nsPerByte[c], this.burstBytes[c]];
      floats[full] = fullAtOtherRateNs(floats[full], nsBefore[old], burstBefore[old], ns, burst, nowNs);
      words[e + CLASS] = c;
      return c;
    };
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

  /** Nanoseconds a byte takes at the rate of class `c`'s buckets. */
  nsPerByteOf(c: number): number {
    return this.nsPerByte[c];
  }

  /** Forgets bucket `e`, in which nothing waits. */
  forget(e: number): void {
    if (this.words[e + SET] !== NONE) this.queues.giveBack(this.words[e + SET]);
    this.keys.remove(e);
    this.ledger.eachBuckets(-1);
  }

  /** By what the packets of bucket `e` share it. null for packets without a flow. */
  keyOf(e: number): BucketKey | null {
    const { words, flows } = this;
    const [kind, first] = [words[e + KIND], words[e + 2]];
    if (kind === KIND_FLOW)
      return first === NONE ? null : { kind: 'flow', flow: flows.flowKeys.tuple(first) };
    if (kind === KIND_HOST) return flows.hosts.keyOf(first, words[e + 3]);
    const [family, bits] = kind === KIND_V6 ? [6, this.prefixBits[words[e + CLASS]]] : [4, 32];
    return { kind: 'address', family, words: [...words.subarray(e + 2, e + 6)], bits };
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
    const host = this.isByHost[c] === 1 ? flows.hosts.identified(f, side[c]) : NOBODY;
    if (host !== NOBODY) {
      key[1] = KIND_HOST;
      key[2] = host;
      key[3] = flows.hosts.generation(host);
      key[4] = 0;
      key[5] = 0;
      return;
    }
    const isIpv6 = flows.isIpv6(f);
    key[1] = isIpv6 ? KIND_V6 : KIND_V4;
    if (side[c] === SIDE_SRC) for (let w = 0; w < 4; w++) key[2 + w] = flows.srcWord(f, w);
    else for (let w = 0; w < 4; w++) key[2 + w] = flows.dstWord(f, w);
    if (isIpv6 && this.prefixBits[c] < IPV6_BITS) this.cutKey(c);
  }

  /** Leaves the bits of the class's prefix of the address in the key. */
  private cutKey(c: number): void {
    const { keys, prefixMask } = this;
    for (let w = 0; w < 4; w++) keys.key[2 + w] &= prefixMask[4 * c + w];
  }

  /** A full bucket for the key in `keys.key`. Returns NONE when nothing can make room. */
  private make(c: number, hash: number, nowNs: number): number {
    let e = this.keys.insert(hash);
    if (e === NONE) {
      if (!this.forgetOne(nowNs)) return NONE;
      e = this.keys.insert(hash);
    }
    this.floats[(e + FULL_NS) >> 1] = 0;
    this.words[e + CLASS] = c;
    this.words[e + WAITING_BYTES] = 0;
    this.words[e + WAITING_PACKETS] = 0;
    this.words[e + HEAD] = NONE;
    this.words[e + SET] = NONE;
    this.queues.aqm.start(e >> this.keys.shift, c, nowNs);
    this.ledger.eachBuckets(1);
    return e;
  }

  /** Whether bucket `e` is in use, nothing waits for it, and it is full: a new bucket would be equal. */
  private mayForget(e: number, nowNs: number): boolean {
    const isFull = this.floats[(e + FULL_NS) >> 1] <= nowNs;
    return isFull && this.keys.isUsed(e) && this.words[e + WAITING_PACKETS] === 0;
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
}

function nsPerByteOf(classes: readonly ClassInfo[]): Float64Array {
  return Float64Array.from(classes, ({ spec }) => 1e9 / (spec.each?.rateBytesPerSec ?? 1));
}

function burstBytesOf(classes: readonly ClassInfo[]): Float64Array {
  return Float64Array.from(classes, ({ spec }) => spec.each?.burstBytes ?? 0);
}

function prefixMaskOf(classes: readonly ClassInfo[]): Int32Array {
  return Int32Array.from(classes.flatMap((info) => prefixMasks(prefixBitsOf(info))));
}

/** 0 for the bucket of a leaf's own class, 1 for that of a class around it. */
function placeOf(info: ClassInfo): number {
  return info.children.length === 0 ? 0 : 1;
}
