/**
 * `each`: a token bucket per flow, host, source or destination of a class, made on sight. Packets that must wait for
 * their bucket wait in the bucket's own FIFO, so one waiting flow never delays another; a heap says which bucket is due.
 *
 *   bucket 7 (web, 10.0.9.4)   fullNs ...   FIFO: h12 -> h15        heap key: instant at which h12 conforms
 *   bucket 9 (web, 10.0.9.8)   fullNs ...   FIFO: (empty)           not in the heap
 *
 * A bucket that is full and idle is forgotten by a sweeping hand: a new one starts full, so nothing is lost or minted.
 */

import {
  conformNs,
  conforms,
  createTokenBuckets,
  fillBucket,
  type TokenBuckets,
  takeTokens,
} from '../algo/token-bucket.ts';
import { IndexedHeap } from '../base/heap.ts';
import { KeyTable } from '../base/key-table.ts';
import { NONE } from '../base/none.ts';
import { EACH_IDLE_NS } from '../limits.ts';
import type { ClassInfo } from './classes.ts';
import { type FlowTable, KEY_DST, KEY_SRC } from './flow-table.ts';
import { HeldFifos, type HeldTable } from './held.ts';
import type { EachSpec } from './spec.ts';
import { type Stats, TOTAL } from './stats.ts';

/** Class, kind, then four address words or flow row and generation. */
const KEY_WORDS = 6;
const KIND_FLOW = 1;
const KIND_V4 = 4;
const KIND_V6 = 6;
const EVICT_LOOKS = 64;
const SWEEP_ROWS_MAX = 256;

/** Which address of a flow shares a bucket. */
const SIDE_FLOW = 0;
const SIDE_SRC = 1;
const SIDE_DST = 2;

export class EachTable {
  /** Class of the bucket that popDue() emptied last. */
  poppedClass = 0;
  private readonly keys: KeyTable;
  private readonly buckets: TokenBuckets;
  private readonly fifos: HeldFifos;
  private readonly due: IndexedHeap;
  private readonly classOf: Uint16Array;
  private readonly lastSeenNs: Float64Array;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly stats: Stats;
  private readonly specs: readonly (EachSpec | null)[];
  private readonly side: Uint8Array;
  private hand = 0;
  private sweptNs = 0;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    stats: Stats,
  ) {
    // No class with `each`: one row, so that idle memory stays small.
    const used = classes.some((info) => info.spec.each !== null) ? rows : 1;
    this.keys = new KeyTable(used, KEY_WORDS, key0, key1);
    this.buckets = createTokenBuckets(used);
    this.fifos = new HeldFifos(used, held);
    this.due = new IndexedHeap(used);
    this.classOf = new Uint16Array(used);
    this.lastSeenNs = new Float64Array(used).fill(Number.POSITIVE_INFINITY);
    this.held = held;
    this.flows = flows;
    this.stats = stats;
    this.specs = classes.map((info) => info.spec.each);
    this.side = Uint8Array.from(classes, sideOf);
  }

  /** Instant at which the first bucket lets a packet go; Infinity: none waits. */
  nextDueNs(): number {
    return this.due.topKey();
  }

  /** Bucket of class `c` for held packet `h`, made if new; NONE when there is no room for one more. */
  bucketOf(c: number, h: number, nowNs: number): number {
    const { keys, flows } = this;
    const key = keys.key;
    const f = this.held.flow[h];
    const side = this.side[c];
    key[0] = c;
    if (f === NONE || side === SIDE_FLOW) {
      key[1] = KIND_FLOW;
      key[2] = f;
      key[3] = f === NONE ? 0 : flows.generation[f];
      key[4] = 0;
      key[5] = 0;
    } else {
      const flowKeys = flows.keys.keys;
      const base = f * flows.keys.words;
      const words = side === SIDE_SRC ? KEY_SRC : KEY_DST;
      key[1] = flowKeys[base] >>> 8 === 6 ? KIND_V6 : KIND_V4;
      key[2] = flowKeys[base + words[0]];
      key[3] = flowKeys[base + words[1]];
      key[4] = flowKeys[base + words[2]];
      key[5] = flowKeys[base + words[3]];
    }
    const hash = keys.hash(KEY_WORDS);
    let e = keys.find(hash);
    if (e === NONE) {
      e = keys.insert(hash);
      if (e === NONE) {
        if (!this.evict(nowNs)) return NONE;
        e = keys.insert(hash);
      }
      const spec = this.specs[c] as EachSpec;
      fillBucket(this.buckets, e, spec.rateBytesPerSec, spec.burstBytes);
      this.classOf[e] = c;
      this.stats.totals[TOTAL.eachBuckets] += 1;
    }
    this.lastSeenNs[e] = nowNs;
    return e;
  }

  /** Bucket `e` of an `exceed: drop` class: takes the tokens and says true, or takes nothing and says false. */
  police(e: number, nowNs: number, h: number): boolean {
    const lengthBytes = this.held.chargeBytes[h];
    if (!conforms(this.buckets, e, nowNs, lengthBytes)) return false;
    this.take(e, nowNs, h);
    return true;
  }

  /**
   * Bucket `e` of an `exceed: delay` class: lets packet `h` through if it conforms by `horizonNs` and nothing waits before
   * it, moving readyNs to that instant; otherwise appends it and says false.
   */
  pass(e: number, horizonNs: number, h: number): boolean {
    const { held, fifos } = this;
    if (fifos.isEmpty(e)) {
      const atNs = conformNs(this.buckets, e, held.readyNs[h], held.chargeBytes[h]);
      if (atNs <= horizonNs) {
        this.take(e, atNs, h);
        held.readyNs[h] = atNs;
        return true;
      }
      this.due.set(e, atNs);
    }
    fifos.push(e, h);
    return false;
  }

  /** The next packet whose bucket lets it go by `horizonNs`, with readyNs set; NONE when there is none. */
  popDue(horizonNs: number): number {
    const { due, fifos, held } = this;
    const atNs = due.topKey();
    if (atNs > horizonNs || due.size === 0) return NONE;
    const e = due.top();
    const h = fifos.shift(e);
    this.poppedClass = this.classOf[e];
    this.take(e, atNs, h);
    held.readyNs[h] = atNs;
    const head = fifos.head[e];
    if (head === NONE) due.delete(e);
    else due.set(e, conformNs(this.buckets, e, held.readyNs[head], held.chargeBytes[head]));
    return h;
  }

  /** Takes any waiting packet out, whatever its tokens; NONE when none waits. For the orderly stop. */
  popAny(): number {
    if (this.due.size === 0) return NONE;
    const e = this.due.top();
    const h = this.fifos.shift(e);
    if (this.fifos.isEmpty(e)) this.due.delete(e);
    return h;
  }

  /** Forgets full and idle buckets, a share of the table in proportion to the time that passed. */
  sweep(nowNs: number): void {
    const { keys } = this;
    if (keys.highWater === 0) return;
    const rows = (4 * keys.highWater * (nowNs - this.sweptNs)) / EACH_IDLE_NS;
    if (rows < 1) return;
    this.sweptNs = nowNs;
    for (let n = Math.min(rows, SWEEP_ROWS_MAX, keys.highWater); n >= 1; n--) {
      const e = this.advance();
      if (nowNs - this.lastSeenNs[e] > EACH_IDLE_NS && this.isForgettable(e, nowNs)) this.forget(e);
    }
  }

  private take(e: number, atNs: number, h: number): void {
    takeTokens(this.buckets, e, atNs, this.held.chargeBytes[h]);
    const f = this.held.flow[h];
    if (f !== NONE && this.flows.busyUntilNs[f] < this.buckets.fullNs[e]) {
      this.flows.busyUntilNs[f] = this.buckets.fullNs[e];
    }
  }

  private advance(): number {
    this.hand = this.hand + 1 >= this.keys.highWater ? 0 : this.hand + 1;
    return this.hand;
  }

  /** In use (forgotten rows have lastSeenNs Infinity), nothing waits, and full: a new bucket would be equal. */
  private isForgettable(e: number, nowNs: number): boolean {
    return (
      this.lastSeenNs[e] !== Number.POSITIVE_INFINITY &&
      this.fifos.isEmpty(e) &&
      this.buckets.fullNs[e] <= nowNs
    );
  }

  private evict(nowNs: number): boolean {
    for (let n = 0; n < EVICT_LOOKS; n++) {
      const e = this.advance();
      if (!this.isForgettable(e, nowNs)) continue;
      this.forget(e);
      this.stats.totals[TOTAL.eachEvicted] += 1;
      return true;
    }
    return false;
  }

  private forget(e: number): void {
    this.lastSeenNs[e] = Number.POSITIVE_INFINITY;
    this.keys.remove(e);
    this.stats.totals[TOTAL.eachBuckets] -= 1;
  }
}

/** `host` is the inside address: the source of what leaves, the destination of what arrives. */
function sideOf(info: ClassInfo): number {
  const by = info.spec.each?.by;
  if (by === 'src' || (by === 'host' && info.direction === 'up')) return SIDE_SRC;
  if (by === 'dst' || (by === 'host' && info.direction === 'down')) return SIDE_DST;
  return SIDE_FLOW;
}
