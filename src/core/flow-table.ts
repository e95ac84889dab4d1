/**
 * Flows by five-tuple, one direction each: what was decided once and holds for the packets that follow.
 *
 * The class is looked up again when one of the other things a matcher may ask for differs from what the flow was
 * classified with: DSCP, foreign mark, devices. Idle flows are forgotten by a hand that sweeps the rows; when the table
 * is full it takes the longest idle of a few dozen. Memory: about 110 bytes a flow, all allocated at start.
 */
import { KeyTable } from '../base/key-table.ts';
import { NONE } from '../base/none.ts';
import { FLOW_IDLE_NS } from '../limits.ts';
import type { Parsed } from '../packet/parse.ts';
import { NO_LEAF } from './held.ts';
import { type Stats, TOTAL } from './stats.ts';

/** Key words: protocol and family, ports, first address words, then the rest of IPv6 addresses. */
const KEY_WORDS = 10;
const KEY_WORDS_V4 = 4;
export const KEY_SRC = [2, 4, 5, 6] as const;
export const KEY_DST = [3, 7, 8, 9] as const;

/** Rows the hand looks at when a full table needs room. */
const EVICT_LOOKS = 64;
/** Rows the hand may pass in one batch. */
const SWEEP_ROWS_MAX = 1024;

export class FlowTable {
  readonly keys: KeyTable;
  /** Leaf of the first and the second tree the packets pass; NO_LEAF: none. */
  readonly leaf: Uint16Array;
  readonly secondLeaf: Uint16Array;
  readonly lastSeenNs: Float64Array;
  /** Packets of the flow not answered yet. */
  readonly held: Uint32Array;
  /** Grows when a row gets another flow, so that what others keep by row number can be told stale. */
  readonly generation: Uint32Array;
  /** Instant until which an `each` bucket of the flow is not full; forgetting the flow earlier would mint tokens. */
  readonly busyUntilNs: Float64Array;
  // What the flow was classified with.
  readonly ifIndexIn: Uint32Array;
  readonly ifIndexOut: Uint32Array;
  readonly foreignMark: Uint32Array;
  readonly dscp: Uint8Array;
  readonly hook: Uint8Array;
  private readonly stats: Stats;
  private hand = 0;
  private sweptNs = 0;

  constructor(rows: number, key0: number, key1: number, stats: Stats) {
    this.keys = new KeyTable(rows, KEY_WORDS, key0, key1);
    this.stats = stats;
    this.leaf = new Uint16Array(rows);
    this.secondLeaf = new Uint16Array(rows);
    this.lastSeenNs = new Float64Array(rows);
    this.held = new Uint32Array(rows);
    this.generation = new Uint32Array(rows);
    this.busyUntilNs = new Float64Array(rows);
    this.ifIndexIn = new Uint32Array(rows);
    this.ifIndexOut = new Uint32Array(rows);
    this.foreignMark = new Uint32Array(rows);
    this.dscp = new Uint8Array(rows);
    this.hook = new Uint8Array(rows);
  }

  /**
   * Row of the flow of parsed row `p`, made if new (its leaves are NO_LEAF and `hook` 0 then, which no packet has). NONE
   * when the table is full of flows with packets waiting.
   */
  findOrMake(parsed: Parsed, p: number, nowNs: number): number {
    const { keys } = this;
    const key = keys.key;
    const ipv6 = parsed.family[p] === 6;
    key[0] = (parsed.family[p] << 8) | parsed.protocol[p];
    key[1] = ((parsed.sport[p] << 16) | parsed.dport[p]) >>> 0;
    key[2] = parsed.src0[p];
    key[3] = parsed.dst0[p];
    key[4] = parsed.src1[p];
    key[5] = parsed.src2[p];
    key[6] = parsed.src3[p];
    key[7] = parsed.dst1[p];
    key[8] = parsed.dst2[p];
    key[9] = parsed.dst3[p];
    const hash = keys.hash(ipv6 ? KEY_WORDS : KEY_WORDS_V4);
    let f = keys.find(hash);
    if (f === NONE) {
      f = keys.insert(hash);
      if (f === NONE) {
        if (!this.evict(nowNs)) return NONE;
        f = keys.insert(hash);
      }
      this.leaf[f] = NO_LEAF;
      this.secondLeaf[f] = NO_LEAF;
      this.hook[f] = 0;
      this.held[f] = 0;
      this.busyUntilNs[f] = 0;
      this.generation[f]++;
    }
    this.lastSeenNs[f] = nowNs;
    return f;
  }

  /** Books the flow to its leaves. */
  assign(f: number, leaf: number, secondLeaf: number): void {
    const { flows } = this.stats;
    if (this.leaf[f] !== NO_LEAF) flows[this.leaf[f]] -= 1;
    if (this.secondLeaf[f] !== NO_LEAF) flows[this.secondLeaf[f]] -= 1;
    this.leaf[f] = leaf;
    this.secondLeaf[f] = secondLeaf;
    if (leaf !== NO_LEAF) flows[leaf] += 1;
    if (secondLeaf !== NO_LEAF) flows[secondLeaf] += 1;
  }

  /** The next packet of every flow is classified anew. */
  reclassifyAll(): void {
    this.hook.fill(0);
  }

  /** Forgets idle flows, a share of the table in proportion to the time that passed. */
  sweep(nowNs: number): void {
    const { keys } = this;
    if (keys.highWater === 0) return;
    // Four rounds of the hand in the idle time: a flow outstays its time by a quarter at most.
    const due = (4 * keys.highWater * (nowNs - this.sweptNs)) / FLOW_IDLE_NS;
    if (due < 1) return;
    this.sweptNs = nowNs;
    for (let n = Math.min(due, SWEEP_ROWS_MAX, keys.highWater); n >= 1; n--) {
      const f = this.advance();
      if (this.isUsed(f) && this.isIdle(f, nowNs)) this.forget(f);
    }
  }

  private advance(): number {
    this.hand = this.hand + 1 >= this.keys.highWater ? 0 : this.hand + 1;
    return this.hand;
  }

  /** A forgotten row has lastSeenNs Infinity. */
  private isUsed(f: number): boolean {
    return this.lastSeenNs[f] !== Number.POSITIVE_INFINITY;
  }

  private isIdle(f: number, nowNs: number): boolean {
    return this.held[f] === 0 && nowNs - this.lastSeenNs[f] > FLOW_IDLE_NS && this.busyUntilNs[f] <= nowNs;
  }

  private evict(nowNs: number): boolean {
    let oldest = NONE;
    for (let n = 0; n < EVICT_LOOKS; n++) {
      const f = this.advance();
      if (this.held[f] > 0 || this.busyUntilNs[f] > nowNs) continue;
      if (oldest === NONE || this.lastSeenNs[f] < this.lastSeenNs[oldest]) oldest = f;
    }
    if (oldest === NONE) return false;
    this.forget(oldest);
    this.stats.totals[TOTAL.flowsEvicted] += 1;
    return true;
  }

  private forget(f: number): void {
    this.assign(f, NO_LEAF, NO_LEAF);
    this.lastSeenNs[f] = Number.POSITIVE_INFINITY;
    this.keys.remove(f);
  }
}
