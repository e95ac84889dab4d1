/**
 * Flows by five-tuple, one direction each. A flow's record keeps decisions that hold for its next packets
 * too.
 *
 * The class is looked up again when the DSCP, the foreign mark or a device of a packet differs from those by
 * which the flow was classified. Idle flows are forgotten by a hand that sweeps the rows; when the table is
 * full it takes the longest idle of a few dozen. Memory: 136 bytes a flow, all reserved at start.
 *
 * A record is two cache lines: what every packet compares in the first, what it writes in the second.
 */
import type { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { FLOW_IDLE_NS } from '../../limits.ts';
import type { Parsed } from '../../packet/parse.ts';
import type { Ledger } from '../packets/ledger.ts';
import { FlowKeys, KEY_DST, KEY_SRC } from './flow-keys.ts';

// Fields of a record; the hash slot is word 10.
const LEAVES = 11; // second leaf in the high half
const IF_INDEX_IN = 12;
const IF_INDEX_OUT = 13;
const FOREIGN_MARK = 14;
const HOOK_DSCP = 15;
const LAST_SEEN_NS = 16; // float64
const BUSY_UNTIL_NS = 18; // float64
const HELD = 20;
const GENERATION = 21;
/** In the class of the leaf, then in a class around it. */
const EACH_BUCKET = 22; // and 23
const BYTES = 24; // float64
const NFQUEUE = 26;
const BYTES_BEFORE = 28; // float64
/** In the leaf, then in the bucket. */
const FAIR_QUEUE = 30; // and 31
const FIELD_WORDS = 21;

/** Rows that the sweeping hand may pass in one batch. */
const SWEEP_ROWS_MAX = 1024;
/** Packets with a verdict that their flows still count as held. */
const SETTLE_AT = 1024;

/** A flow for people. Addresses are four words, of which IPv4 uses the first. */
export interface FlowTuple {
  readonly family: number;
  readonly protocol: number;
  readonly src: readonly number[];
  readonly sport: number;
  readonly dst: readonly number[];
  readonly dport: number;
}

/** The addresses of a flow, where one of them names a host or a bucket. Not 0. */
export const SIDE_SRC = 1;
export const SIDE_DST = 2;

export class FlowTable {
  private readonly flowKeys: FlowKeys;
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly ledger: Ledger;
  /** Grows with every new flow, so that a row number kept elsewhere can be recognised as stale. */
  private generations = 0;
  private readonly hand: SweepingHand;
  private readonly given = new Int32Array(SETTLE_AT);
  private givenCount = 0;

  constructor(rows: number, key0: number, key1: number, ledger: Ledger) {
    this.flowKeys = new FlowKeys(rows, FIELD_WORDS, key0, key1);
    this.keys = this.flowKeys.table;
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.hand = new SweepingHand(this.keys, FLOW_IDLE_NS, SWEEP_ROWS_MAX);
    this.ledger = ledger;
  }

  get size(): number {
    return this.keys.size;
  }

  /** Reads ahead the records that findOrMake() will need for parsed rows [0, rows). */
  readAhead(parsed: Parsed, rows: number): void {
    this.flowKeys.readAhead(parsed, rows, LAST_SEEN_NS);
  }

  /**
   * Flow queue that parsed row `p` of a batch read ahead will probably need. Returns NONE if none is known.
   */
  probableFairQueue(p: number): number {
    const f = this.flowKeys.probableRow(p);
    return f === NONE ? NONE : this.fairQueue(f, 0);
  }

  /**
   * Row of the flow of parsed row `p`, made if it is new. Returns NONE when no row can make room.
   */
  findOrMake(parsed: Parsed, p: number, nowNs: number): number {
    let f = this.flowKeys.find(parsed, p);
    if (f === NONE) f = this.make(nowNs);
    if (f !== NONE) this.floats[(f + LAST_SEEN_NS) >> 1] = nowNs;
    return f;
  }

  /** Leaf of the first tree that the flow's packets pass, or NONE. */
  leaf(f: number): number {
    return (this.words[f + LEAVES] << 16) >> 16;
  }

  /** Leaf of the second tree, or NONE. */
  secondLeaf(f: number): number {
    return this.words[f + LEAVES] >> 16;
  }

  /** Whether the flow was classified by exactly these values. `foreignMark` is a signed word. */
  isClassifiedBy(
    f: number,
    hook: number,
    dscp: number,
    ifIn: number,
    ifOut: number,
    foreignMark: number,
  ): boolean {
    const { words } = this;
    return (
      words[f + HOOK_DSCP] === ((hook << 8) | dscp) &&
      words[f + IF_INDEX_IN] === ifIn &&
      words[f + IF_INDEX_OUT] === ifOut &&
      words[f + FOREIGN_MARK] === foreignMark
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
    words[f + HOOK_DSCP] = (hook << 8) | dscp;
    words[f + IF_INDEX_IN] = ifIn;
    words[f + IF_INDEX_OUT] = ifOut;
    words[f + FOREIGN_MARK] = foreignMark;
  }

  /** Assigns the flow to its leaves and counts it there. */
  assign(f: number, leaf: number, secondLeaf: number): void {
    const { ledger } = this;
    if (this.leaf(f) !== NONE) ledger.flows(this.leaf(f), -1);
    if (this.secondLeaf(f) !== NONE) ledger.flows(this.secondLeaf(f), -1);
    this.words[f + LEAVES] = leavesWord(leaf, secondLeaf);
    if (leaf !== NONE) ledger.flows(leaf, 1);
    if (secondLeaf !== NONE) ledger.flows(secondLeaf, 1);
  }

  /** A packet of the flow waits for its verdict. A flow with held packets is never forgotten. */
  packetHeld(f: number): void {
    this.words[f + HELD] += 1;
  }

  /**
   * A held packet of the flow got its verdict. The record is updated later, many in a row, so that cache
   * misses overlap.
   */
  verdictGiven(f: number): void {
    if (this.givenCount === SETTLE_AT) this.settle();
    this.given[this.givenCount++] = f;
  }

  /** The flow must not be forgotten before `untilNs`, when its own bucket is full again. */
  keepUntil(f: number, untilNs: number): void {
    const at = (f + BUSY_UNTIL_NS) >> 1;
    if (this.floats[at] < untilNs) this.floats[at] = untilNs;
  }

  /** Number that differs between flows that have the same row one after the other. */
  generation(f: number): number {
    return this.words[f + GENERATION];
  }

  /**
   * Remembered row of the flow's `each` bucket, or NONE. Check it before use. `place` is 0 for the bucket of
   * the leaf's own class, 1 for that of a class around it.
   */
  eachBucket(f: number, place: number): number {
    return this.words[f + EACH_BUCKET + place];
  }

  setEachBucket(f: number, place: number, e: number): void {
    this.words[f + EACH_BUCKET + place] = e;
  }

  /**
   * Remembered row of the flow's queue, or NONE. Check it before use. `place` is 0 for the queue in a fair
   * leaf, 1 for that in a fair bucket.
   */
  fairQueue(f: number, place: number): number {
    return this.words[f + FAIR_QUEUE + place];
  }

  setFairQueue(f: number, place: number, q: number): void {
    this.words[f + FAIR_QUEUE + place] = q;
  }

  /**
   * Bytes the flow sent before this packet: an upper estimate that never decreases. It includes packets that
   * arrived while this one waited elsewhere.
   */
  bytesBefore(f: number, lengthBytes: number): number {
    const { floats } = this;
    const before = Math.max(floats[(f + BYTES) >> 1] - lengthBytes, floats[(f + BYTES_BEFORE) >> 1]);
    floats[(f + BYTES_BEFORE) >> 1] = before;
    return before;
  }

  addBytes(f: number, bytes: number): void {
    this.floats[(f + BYTES) >> 1] += bytes;
  }

  /** Notes the NFQUEUE of a packet. Returns whether the flow's packet before it came by another one. */
  movesTo(f: number, nfqueue: number): boolean {
    const at = f + NFQUEUE;
    const before = this.words[at];
    this.words[at] = nfqueue;
    return before !== nfqueue && before !== NONE;
  }

  isIpv6(f: number): boolean {
    return this.words[f] >>> 8 === 6;
  }

  /** Word 0 to 3 of the flow's source address, signed. */
  srcWord(f: number, w: number): number {
    return this.words[f + KEY_SRC[w]];
  }

  dstWord(f: number, w: number): number {
    return this.words[f + KEY_DST[w]];
  }

  /** Classes have new rows: flows of leaf c go on with leaf heir[c]. */
  renumber(heir: ArrayLike<number>): void {
    const { words } = this;
    for (let f = 0; f < this.keys.highWater; f += this.keys.stride) {
      if (!this.keys.isUsed(f)) continue;
      const [leaf, second] = [this.leaf(f), this.secondLeaf(f)];
      const first = leaf === NONE ? NONE : heir[leaf];
      words[f + LEAVES] = leavesWord(first, second === NONE ? NONE : heir[second]);
    }
  }

  tuple(f: number): FlowTuple {
    const four = (wordAt: (w: number) => number): number[] => [0, 1, 2, 3].map((w) => wordAt(w) >>> 0);
    const first = this.words[f];
    const ports = this.words[f + 1];
    return {
      family: (first >>> 8) & 0xff,
      protocol: first & 0xff,
      src: four((w) => this.srcWord(f, w)),
      sport: ports >>> 16,
      dst: four((w) => this.dstWord(f, w)),
      dport: ports & 0xffff,
    };
  }

  /** Writes the flow's family, protocol, ports and addresses into row `p`, as the parser would. */
  describe(f: number, parsed: Parsed, p: number): void {
    const { words } = this;
    parsed.family[p] = (words[f] >>> 8) & 0xff;
    parsed.protocol[p] = words[f] & 0xff;
    parsed.sport[p] = words[f + 1] >>> 16;
    parsed.dport[p] = words[f + 1] & 0xffff;
    parsed.hasPorts[p] = words[f + 1] === 0 ? 0 : 1;
    const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = parsed;
    for (const [w, column] of [src0, src1, src2, src3].entries()) column[p] = this.srcWord(f, w);
    for (const [w, column] of [dst0, dst1, dst2, dst3].entries()) column[p] = this.dstWord(f, w);
  }

  /** DSCP of the flow's last packet. */
  dscp(f: number): number {
    return this.words[f + HOOK_DSCP] & 0xff;
  }

  /** Devices by which the flow's last packet came and left. */
  ifIndexIn(f: number): number {
    return this.words[f + IF_INDEX_IN];
  }

  ifIndexOut(f: number): number {
    return this.words[f + IF_INDEX_OUT];
  }

  /** Makes the next packet of every flow be classified again. */
  reclassifyAll(): void {
    for (let f = 0; f < this.keys.highWater; f += this.keys.stride) this.words[f + HOOK_DSCP] &= 0xff;
  }

  private settle(): void {
    const { given, words } = this;
    for (let n = 0; n < this.givenCount; n++) words[given[n] + HELD] -= 1;
    this.givenCount = 0;
  }

  /** Forgets idle flows, a share of the table in proportion to the time that passed. */
  sweep(nowNs: number): void {
    const { keys, hand } = this;
    this.settle();
    for (let n = hand.rowsDue(nowNs); n > 0; n--) {
      const f = hand.next();
      if (keys.isUsed(f) && this.mayForget(f, nowNs) && nowNs - this.lastSeenNs(f) > FLOW_IDLE_NS)
        this.forget(f);
    }
  }

  private lastSeenNs(f: number): number {
    return this.floats[(f + LAST_SEEN_NS) >> 1];
  }

  /** Row for the flow that find() did not find. Returns NONE when no row can make room. */
  private make(nowNs: number): number {
    let f = this.flowKeys.insert();
    if (f === NONE) {
      if (!this.evict(nowNs)) return NONE;
      f = this.flowKeys.insert();
    }
    const { words } = this;
    words[f + LEAVES] = leavesWord(NONE, NONE);
    words[f + HOOK_DSCP] = 0; // not classified yet: no packet has hook 0
    this.floats[(f + BUSY_UNTIL_NS) >> 1] = 0;
    words[f + HELD] = 0;
    this.generations = (this.generations + 1) | 0;
    words[f + GENERATION] = this.generations;
    words[f + EACH_BUCKET] = NONE;
    words[f + EACH_BUCKET + 1] = NONE;
    words[f + FAIR_QUEUE] = NONE;
    words[f + FAIR_QUEUE + 1] = NONE;
    this.floats[(f + BYTES) >> 1] = 0;
    this.floats[(f + BYTES_BEFORE) >> 1] = 0;
    words[f + NFQUEUE] = NONE;
    return f;
  }

  private mayForget(f: number, nowNs: number): boolean {
    return this.words[f + HELD] === 0 && this.floats[(f + BUSY_UNTIL_NS) >> 1] <= nowNs;
  }

  private evict(nowNs: number): boolean {
    this.settle();
    let oldest = NONE;
    for (let n = EVICT_LOOKS; n > 0; n--) {
      const f = this.hand.next();
      if (!this.mayForget(f, nowNs)) continue;
      if (oldest === NONE || this.lastSeenNs(f) < this.lastSeenNs(oldest)) oldest = f;
    }
    if (oldest === NONE) return false;
    this.forget(oldest);
    this.ledger.flowEvicted();
    return true;
  }

  private forget(f: number): void {
    this.assign(f, NONE, NONE);
    this.keys.remove(f);
  }
}

/** Both leaves in one word, as signed halves: CLASSES_MAX and NONE fit. */
function leavesWord(leaf: number, secondLeaf: number): number {
  return (secondLeaf << 16) | (leaf & 0xffff);
}
