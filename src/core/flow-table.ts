/**
 * Flows by five-tuple, one direction each: what was decided once and holds for the packets that follow.
 *
 * The class is looked up again when one of the other things a matcher may ask for differs from what the flow was
 * classified with: DSCP, foreign mark, devices. Idle flows are forgotten by a hand that sweeps the rows; when the table
 * is full it takes the longest idle of a few dozen. Memory: 136 bytes a flow, all reserved at start.
 *
 * A record is two cache lines: what every packet compares in the first, what it writes in the second.
 */
import { FLOAT_ZERO } from '../base/float.ts';
import { KeyTable } from '../base/key-table.ts';
import { NONE } from '../base/none.ts';
import { ARRIVAL_ROWS, FLOW_IDLE_NS } from '../limits.ts';
import type { Parsed } from '../packet/parse.ts';
import { NO_LEAF } from './held.ts';
import { type Stats, TOTAL } from './stats.ts';

/** Key words: protocol and family, ports, first address words, then the rest of IPv6 addresses. */
const KEY_WORDS = 10;
const KEY_WORDS_V4 = 4;
const KEY_SRC = [2, 4, 5, 6] as const;
const KEY_DST = [3, 7, 8, 9] as const;

// Fields of a record, as word offsets; the hash slot is word 10.
const LEAVES = 11; // second leaf in the high half
const IF_INDEX_IN = 12;
const IF_INDEX_OUT = 13;
const FOREIGN_MARK = 14;
const HOOK_DSCP = 15;
const LAST_SEEN_NS = 16; // float64
const BUSY_UNTIL_NS = 18; // float64
const HELD = 20;
const GENERATION = 21;
const EACH_BUCKET = 22;
const FAIR_QUEUE = 23;
const BYTES = 24; // float64
const QUEUE = 26;
const ASKED_AGO = 27; // packets until a verdict may ask again for the flow to be steered
const FIELD_WORDS = 17;

/** Rows the hand looks at when a full table needs room. */
const EVICT_LOOKS = 64;
/** Rows the hand may pass in one batch. */
const SWEEP_ROWS_MAX = 1024;
/** Packets answered that their flows still count as held. */
const ANSWERED_MAX = 1024;
/** From so many flows on (half a megabyte) records are read a batch ahead. */
const READ_AHEAD_FROM_FLOWS = 4096;

export class FlowTable {
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly shift: number;
  private readonly stats: Stats;
  /** Grows with every flow made, so that what others keep by row number can be told stale. */
  private generations = 0;
  private hand = 0;
  private sweptNs = FLOAT_ZERO;
  /** By row of the batch: hash, and the row that the flow probably has (NONE: none); of use while isReadAhead. */
  private readonly hashes = new Int32Array(ARRIVAL_ROWS);
  private readonly probable = new Int32Array(ARRIVAL_ROWS);
  private isReadAhead = false;
  /** Whether words of `keys.key` beyond those of IPv4 may be set. */
  private isKeyLong = false;
  private readonly answered = new Int32Array(ANSWERED_MAX);
  private answeredCount = 0;
  /** What was read ahead, so that reading it is not for nothing. */
  readAheadSum = 0;

  constructor(rows: number, key0: number, key1: number, stats: Stats) {
    this.keys = new KeyTable(rows, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.shift = Math.log2(this.keys.stride);
    this.stats = stats;
  }

  get size(): number {
    return this.keys.size;
  }

  /**
   * Reads ahead what findOrMake() will ask for of parsed rows [0, rows), once the table has outgrown the caches: one after the
   * other each packet would wait for its flow's record to come from memory; asked for in a row, many come at the same time.
   */
  readAhead(parsed: Parsed, rows: number): void {
    this.isReadAhead = this.keys.size >= READ_AHEAD_FROM_FLOWS;
    if (!this.isReadAhead) return;
    const { hashes, probable, keys, words, shift } = this;
    for (let p = 0; p < rows; p++) {
      this.setKey(parsed, p);
      hashes[p] = this.hashOfKey();
    }
    for (let p = 0; p < rows; p++) probable[p] = keys.firstProbe(hashes[p]);
    let sum = 0;
    for (let p = 0; p < rows; p++) {
      const at = probable[p] << shift;
      if (at >= 0) sum ^= words[at] ^ words[at + LAST_SEEN_NS];
    }
    this.readAheadSum = sum;
  }

  /** Queue in a fair leaf that parsed row `p` of a batch read ahead will probably ask for; NONE: none known. */
  probableFairQueue(p: number): number {
    return this.isReadAhead && this.probable[p] !== NONE ? this.fairQueue(this.probable[p]) : NONE;
  }

  /** Row of the flow of parsed row `p`, made if new; NONE when the table is full of flows with packets waiting. */
  findOrMake(parsed: Parsed, p: number, nowNs: number): number {
    let f = this.isReadAhead ? this.probable[p] : NONE;
    if (f === NONE || !this.isFlowOf(f, parsed, p)) {
      this.setKey(parsed, p);
      const hash = this.isReadAhead ? this.hashes[p] : this.hashOfKey();
      f = this.keys.find(hash);
      if (f === NONE) f = this.make(hash, nowNs);
    }
    if (f !== NONE) this.floats[((f << this.shift) + LAST_SEEN_NS) >> 1] = nowNs;
    return f;
  }

  /** Whether row `f` is the flow of parsed row `p`: what find() would ask, straight from the columns. */
  private isFlowOf(f: number, parsed: Parsed, p: number): boolean {
    const { words } = this;
    const at = f << this.shift;
    return (
      words[at] === ((parsed.family[p] << 8) | parsed.protocol[p]) &&
      words[at + 1] === ((parsed.sport[p] << 16) | parsed.dport[p]) &&
      words[at + 2] === (parsed.src0[p] | 0) &&
      words[at + 3] === (parsed.dst0[p] | 0) &&
      (parsed.family[p] !== 6 || this.hasRestOf(at, parsed, p)) &&
      this.keys.isUsed(f)
    );
  }

  /** The words of IPv6 addresses beyond the first. */
  private hasRestOf(at: number, parsed: Parsed, p: number): boolean {
    const { words } = this;
    return (
      words[at + 4] === (parsed.src1[p] | 0) &&
      words[at + 5] === (parsed.src2[p] | 0) &&
      words[at + 6] === (parsed.src3[p] | 0) &&
      words[at + 7] === (parsed.dst1[p] | 0) &&
      words[at + 8] === (parsed.dst2[p] | 0) &&
      words[at + 9] === (parsed.dst3[p] | 0)
    );
  }

  private setKey(parsed: Parsed, p: number): void {
    const { key } = this.keys;
    key[0] = (parsed.family[p] << 8) | parsed.protocol[p];
    key[1] = (parsed.sport[p] << 16) | parsed.dport[p];
    key[2] = parsed.src0[p];
    key[3] = parsed.dst0[p];
    if (parsed.family[p] !== 6) {
      // Only after one of IPv6 are they not there already.
      if (this.isKeyLong) key.fill(0, KEY_WORDS_V4);
      this.isKeyLong = false;
      return;
    }
    this.isKeyLong = true;
    key[4] = parsed.src1[p];
    key[5] = parsed.src2[p];
    key[6] = parsed.src3[p];
    key[7] = parsed.dst1[p];
    key[8] = parsed.dst2[p];
    key[9] = parsed.dst3[p];
  }

  private hashOfKey(): number {
    const { keys } = this;
    return keys.hash(keys.key[0] >>> 8 === 6 ? KEY_WORDS : KEY_WORDS_V4);
  }

  /** Leaf of the first tree the flow's packets pass; NO_LEAF: none. */
  leaf(f: number): number {
    return this.words[(f << this.shift) + LEAVES] & 0xffff;
  }

  /** Leaf of the second tree; NO_LEAF: none. */
  secondLeaf(f: number): number {
    return this.words[(f << this.shift) + LEAVES] >>> 16;
  }

  /** Whether the flow was classified with just these; `foreignMark` as a signed word. */
  isClassifiedBy(
    f: number,
    hook: number,
    dscp: number,
    ifIn: number,
    ifOut: number,
    foreignMark: number,
  ): boolean {
    const { words } = this;
    const at = f << this.shift;
    return (
      words[at + HOOK_DSCP] === ((hook << 8) | dscp) &&
      words[at + IF_INDEX_IN] === ifIn &&
      words[at + IF_INDEX_OUT] === ifOut &&
      words[at + FOREIGN_MARK] === foreignMark
    );
  }

  setClassifiedBy(
    f: number,
    hook: number,
    dscp: number,
    ifIn: number,
    ifOut: number,
    foreignMark: number,
  ): void {
    const { words } = this;
    const at = f << this.shift;
    words[at + HOOK_DSCP] = (hook << 8) | dscp;
    words[at + IF_INDEX_IN] = ifIn;
    words[at + IF_INDEX_OUT] = ifOut;
    words[at + FOREIGN_MARK] = foreignMark;
  }

  /** Books the flow to its leaves. */
  assign(f: number, leaf: number, secondLeaf: number): void {
    const { flows } = this.stats;
    if (this.leaf(f) !== NO_LEAF) flows[this.leaf(f)] -= 1;
    if (this.secondLeaf(f) !== NO_LEAF) flows[this.secondLeaf(f)] -= 1;
    this.words[(f << this.shift) + LEAVES] = (secondLeaf << 16) | leaf;
    if (leaf !== NO_LEAF) flows[leaf] += 1;
    if (secondLeaf !== NO_LEAF) flows[secondLeaf] += 1;
  }

  /** A packet of the flow waits for its verdict; flows with such packets are not forgotten. */
  packetHeld(f: number): void {
    this.words[(f << this.shift) + HELD] += 1;
  }

  /** It has its verdict. Counted later, many in a row, so that the processor waits for many records at once. */
  packetAnswered(f: number): void {
    if (this.answeredCount === ANSWERED_MAX) this.settle();
    this.answered[this.answeredCount++] = f;
  }

  /** The flow must not be forgotten before `untilNs`: a bucket of its own is not full until then. */
  keepUntil(f: number, untilNs: number): void {
    const at = ((f << this.shift) + BUSY_UNTIL_NS) >> 1;
    if (this.floats[at] < untilNs) this.floats[at] = untilNs;
  }

  /** Tells apart flows that had the same row one after the other. */
  generation(f: number): number {
    return this.words[(f << this.shift) + GENERATION];
  }

  /** Remembered row of the flow's `each` bucket, to be checked before use; NONE: none. */
  eachBucket(f: number): number {
    return this.words[(f << this.shift) + EACH_BUCKET];
  }

  setEachBucket(f: number, e: number): void {
    this.words[(f << this.shift) + EACH_BUCKET] = e;
  }

  /** Remembered row of the flow's queue in a fair leaf, to be checked before use; NONE: none. */
  fairQueue(f: number): number {
    return this.words[(f << this.shift) + FAIR_QUEUE];
  }

  setFairQueue(f: number, q: number): void {
    this.words[(f << this.shift) + FAIR_QUEUE] = q;
  }

  /** IP bytes the flow has sent since it was made. */
  bytes(f: number): number {
    return this.floats[((f << this.shift) + BYTES) >> 1];
  }

  addBytes(f: number, bytes: number): void {
    this.floats[((f << this.shift) + BYTES) >> 1] += bytes;
  }

  /** A packet of the flow came by this queue; says whether the one before it came by another. */
  movesTo(f: number, queue: number): boolean {
    const at = (f << this.shift) + QUEUE;
    const before = this.words[at];
    this.words[at] = queue;
    return before !== queue && before !== NONE;
  }

  /** True now and then only, once in `packets` calls for the flow, beginning with the first. */
  mayAsk(f: number, packets: number): boolean {
    const at = (f << this.shift) + ASKED_AGO;
    const left = this.words[at];
    this.words[at] = left === 0 ? packets - 1 : left - 1;
    return left === 0;
  }

  isIpv6(f: number): boolean {
    return this.words[f << this.shift] >>> 8 === 6;
  }

  /** Word 0..3 of the flow's source address, as a signed word. */
  srcWord(f: number, w: number): number {
    return this.words[(f << this.shift) + KEY_SRC[w]];
  }

  dstWord(f: number, w: number): number {
    return this.words[(f << this.shift) + KEY_DST[w]];
  }

  /** Classes have other rows now: leaf c is heir[c]. */
  renumber(heir: ArrayLike<number>): void {
    const { words } = this;
    for (let f = 0; f < this.keys.highWater; f++) {
      if (!this.keys.isUsed(f)) continue;
      const [leaf, second] = [this.leaf(f), this.secondLeaf(f)];
      const first = leaf === NO_LEAF ? NO_LEAF : heir[leaf];
      words[(f << this.shift) + LEAVES] = ((second === NO_LEAF ? NO_LEAF : heir[second]) << 16) | first;
    }
  }

  /** Writes what the flow's packets have in common into row `p`, as the parser would. */
  describe(f: number, parsed: Parsed, p: number): void {
    const { words } = this;
    const at = f << this.shift;
    parsed.family[p] = (words[at] >>> 8) & 0xff;
    parsed.protocol[p] = words[at] & 0xff;
    parsed.sport[p] = words[at + 1] >>> 16;
    parsed.dport[p] = words[at + 1] & 0xffff;
    parsed.hasPorts[p] = words[at + 1] === 0 ? 0 : 1;
    const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = parsed;
    for (const [w, column] of [src0, src1, src2, src3].entries()) column[p] = this.srcWord(f, w);
    for (const [w, column] of [dst0, dst1, dst2, dst3].entries()) column[p] = this.dstWord(f, w);
  }

  /** Code point of the flow's last packet. */
  dscp(f: number): number {
    return this.words[(f << this.shift) + HOOK_DSCP] & 0xff;
  }

  /** Devices by which the flow's last packet came and will leave. */
  ifIndexIn(f: number): number {
    return this.words[(f << this.shift) + IF_INDEX_IN];
  }

  ifIndexOut(f: number): number {
    return this.words[(f << this.shift) + IF_INDEX_OUT];
  }

  /** The next packet of every flow is classified anew. */
  reclassifyAll(): void {
    for (let f = 0; f < this.keys.highWater; f++) this.words[(f << this.shift) + HOOK_DSCP] &= 0xff;
  }

  private settle(): void {
    const { answered, words, shift } = this;
    for (let n = 0; n < this.answeredCount; n++) words[(answered[n] << shift) + HELD] -= 1;
    this.answeredCount = 0;
  }

  /** Forgets idle flows, a share of the table in proportion to the time that passed. */
  sweep(nowNs: number): void {
    const { keys } = this;
    this.settle();
    if (keys.highWater === 0) return;
    // Four rounds of the hand in the idle time: a flow outstays its time by a quarter at most.
    const due = (4 * keys.highWater * (nowNs - this.sweptNs)) / FLOW_IDLE_NS;
    if (due < 1) return;
    this.sweptNs = nowNs;
    for (let n = Math.min(due, SWEEP_ROWS_MAX, keys.highWater); n >= 1; n--) {
      const f = this.advance();
      if (keys.isUsed(f) && this.mayForget(f, nowNs) && nowNs - this.lastSeenNs(f) > FLOW_IDLE_NS)
        this.forget(f);
    }
  }

  private lastSeenNs(f: number): number {
    return this.floats[((f << this.shift) + LAST_SEEN_NS) >> 1];
  }

  /** Row for the key in `keys.key`; NONE when nothing can make room. */
  private make(hash: number, nowNs: number): number {
    let f = this.keys.insert(hash);
    if (f === NONE) {
      if (!this.evict(nowNs)) return NONE;
      f = this.keys.insert(hash);
    }
    const { words } = this;
    const at = f << this.shift;
    words[at + LEAVES] = (NO_LEAF << 16) | NO_LEAF;
    words[at + HOOK_DSCP] = 0; // no packet has hook 0: not classified yet
    this.floats[(at + BUSY_UNTIL_NS) >> 1] = 0;
    words[at + HELD] = 0;
    this.generations = (this.generations + 1) | 0;
    words[at + GENERATION] = this.generations;
    words[at + EACH_BUCKET] = NONE;
    words[at + FAIR_QUEUE] = NONE;
    this.floats[(at + BYTES) >> 1] = 0;
    words[at + QUEUE] = NONE;
    words[at + ASKED_AGO] = 0;
    return f;
  }

  private advance(): number {
    this.hand = this.hand + 1 >= this.keys.highWater ? 0 : this.hand + 1;
    return this.hand;
  }

  private mayForget(f: number, nowNs: number): boolean {
    const at = f << this.shift;
    return this.words[at + HELD] === 0 && this.floats[(at + BUSY_UNTIL_NS) >> 1] <= nowNs;
  }

  private evict(nowNs: number): boolean {
    this.settle();
    let oldest = NONE;
    for (let n = 0; n < EVICT_LOOKS; n++) {
      const f = this.advance();
      if (!this.mayForget(f, nowNs)) continue;
      if (oldest === NONE || this.lastSeenNs(f) < this.lastSeenNs(oldest)) oldest = f;
    }
    if (oldest === NONE) return false;
    this.forget(oldest);
    this.stats.totals[TOTAL.flowsEvicted] += 1;
    return true;
  }

  private forget(f: number): void {
    this.assign(f, NO_LEAF, NO_LEAF);
    this.keys.remove(f);
  }
}
