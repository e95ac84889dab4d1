/**
 * Flows by five-tuple, one direction each. A flow's record keeps decisions that hold for its next packets
 * too.
 *
 * The class is looked up again when the DSCP, the foreign mark or a device of a packet differs from those by
 * which the flow was classified. Idle flows are forgotten by a hand that sweeps the rows; when the table is
 * full it takes the longest idle of a few dozen. Memory: 136 bytes a flow and 192 of measures
 * (flow-layout.ts), all reserved at start.
 */
import type { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { FLOW_IDLE_NS } from '../../limits.ts';
import type { Parsed } from '../../packet/parse.ts';
import type { Hosts } from '../hosts/hosts.ts';
import { FLAG_QUEUED, type HeldTable } from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import { FlowHosts, VERDICTS } from './flow-hosts.ts';
import { FlowKeys } from './flow-keys.ts';
import {
  BUSY_TICK,
  BYTES,
  createFlowMemory,
  EACH_BUCKET,
  FAIR_QUEUE,
  type FlowMemory,
  FOREIGN_MARK,
  GENERATION,
  HEADER_CLASS_CHANGES,
  HEADER_HIGH_WATER,
  HEADER_NOW_NS,
  HEADER_SIZE,
  HOOK_DSCP,
  HOOK_DSCP_MASK,
  IF_INDEX_IN,
  IF_INDEX_OUT,
  KEY_DST,
  KEY_SRC,
  LAST_SEEN_NS,
  LEAVES,
  leavesWord,
  NFQUEUE_MASK,
  NFQUEUE_SHIFT,
  PACKETS,
  PACKETS_DONE,
  tickNs,
  tickOf,
  WAITING_BYTES,
  WAITING_PACKETS,
} from './flow-layout.ts';
import { FlowMeasures } from './flow-measures.ts';
import { TcpWatch } from './tcp-watch.ts';

/** Rows that the sweeping hand may pass in one batch. */
const SWEEP_ROWS_MAX = 1024;
/** Packets with a verdict that their flows still count as held. */
const SETTLE_AT = VERDICTS;

export class FlowTable {
  /** What is measured of each flow. */
  readonly measures: FlowMeasures;
  readonly tcp: TcpWatch;
  readonly hosts: FlowHosts;
  private readonly memory: FlowMemory;
  readonly flowKeys: FlowKeys;
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly ledger: Ledger;
  /** Grows with every new flow, so that a row number kept elsewhere can be recognised as stale. */
  private generations = 0;
  private readonly hand: SweepingHand;
  private readonly given = new Int32Array(SETTLE_AT);
  private readonly givenBytes = new Int32Array(SETTLE_AT);
  private readonly passedBytes = new Int32Array(SETTLE_AT);
  /** Verdicts that settle() has not counted yet. */
  givenCount = 0;

  /** Without `hosts` nobody looks for the hosts of flows. */
  constructor(rows: number, key0: number, key1: number, ledger: Ledger, hosts: Hosts | null = null) {
    this.memory = createFlowMemory(rows);
    this.measures = new FlowMeasures(this.memory);
    this.flowKeys = new FlowKeys(this.memory, key0, key1);
    this.keys = this.flowKeys.table;
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.tcp = new TcpWatch(this.memory, this.flowKeys);
    this.hosts = new FlowHosts(this.memory, this.words, hosts);
    hosts?.settleWith(() => this.settle());
    this.hand = new SweepingHand(this.keys, FLOW_IDLE_NS, SWEEP_ROWS_MAX);
    this.ledger = ledger;
  }

  /** The memory that a FlowReader reads. */
  get buffer(): ArrayBufferLike {
    return this.memory.buffer;
  }

  /** How often renumber() was called. */
  get classChanges(): number {
    return this.memory.header[HEADER_CLASS_CHANGES];
  }

  get size(): number {
    return this.keys.size;
  }

  /** Reads ahead the records that findOrMake() and `tcp` will need for parsed rows [0, rows). */
  readAhead(parsed: Parsed, rows: number): void {
    this.flowKeys.readAhead(parsed, rows, LAST_SEEN_NS);
    if (this.flowKeys.isReadAhead) this.hosts.readAhead(this.flowKeys.probable, rows);
    this.tcp.readAhead(parsed, rows);
  }

  /**
   * Flow queue that parsed row `p` of a batch read ahead will probably need. Returns NONE if none is known.
   */
  probableFairQueue(p: number): number {
    const f = this.flowKeys.probableRow(p);
    return f === NONE ? NONE : this.fairQueue(f, 0);
  }

  /** Row of the flow of parsed row `p`, made if it is new. Returns NONE when no row can make room. */
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

  /** Hook of the packet by which the flow was classified; 0 if the next packet must be classified again. */
  hook(f: number): number {
    return (this.words[f + HOOK_DSCP] & HOOK_DSCP_MASK) >> 8;
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
      (words[f + HOOK_DSCP] & HOOK_DSCP_MASK) === ((hook << 8) | dscp) &&
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
    words[f + HOOK_DSCP] = (words[f + HOOK_DSCP] & ~HOOK_DSCP_MASK) | (hook << 8) | dscp;
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
  packetHeld(f: number, lengthBytes: number): void {
    const { floats } = this;
    floats[(f + PACKETS) >> 1] += 1;
    floats[(f + BYTES) >> 1] += lengthBytes;
  }

  /** Packet `h` has come to a queue. Its flow counts it as waiting from the first one to its verdict. */
  packetWaits(held: HeldTable, h: number): void {
    const { words } = this;
    const f = held.flow[h];
    if (f === NONE || (held.flags[h] & FLAG_QUEUED) !== 0) return;
    held.flags[h] |= FLAG_QUEUED;
    words[f + WAITING_PACKETS] += 1;
    words[f + WAITING_BYTES] += held.lengthBytes[h];
  }

  /**
   * A held packet of the flow got its verdict. `waitingBytes` is its length if packetWaits() has counted it,
   * else NONE. `passedBytes` is its length if it was accepted, else NONE. The records of flow and hosts are
   * updated later, many in a row, so that cache misses overlap.
   */
  verdictGiven(f: number, waitingBytes: number, passedBytes: number): void {
    if (this.givenCount === SETTLE_AT) this.settle();
    this.given[this.givenCount] = f;
    this.passedBytes[this.givenCount] = passedBytes;
    this.givenBytes[this.givenCount++] = waitingBytes;
  }

  /** The flow must not be forgotten before `untilNs`, when its own bucket is full again. */
  keepUntil(f: number, untilNs: number): void {
    const tick = tickOf(untilNs);
    if (this.words[f + BUSY_TICK] >>> 0 < tick) this.words[f + BUSY_TICK] = tick;
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

  /** Notes the NFQUEUE of a packet. Returns whether the flow's packet before it came by another one. */
  movesTo(f: number, nfqueue: number): boolean {
    const word = this.words[f + HOOK_DSCP];
    const before = ((word >> NFQUEUE_SHIFT) & NFQUEUE_MASK) - 1;
    if (before === nfqueue) return false;
    const others = word & ~(NFQUEUE_MASK << NFQUEUE_SHIFT);
    this.words[f + HOOK_DSCP] = others | ((nfqueue + 1) << NFQUEUE_SHIFT);
    return before !== NONE;
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

  /** Classes have new rows: flows of leaf c go on with leaf heir[c], which may be NONE. */
  renumber(heir: ArrayLike<number>): void {
    const { words, measures } = this;
    for (let f = 0; f < this.keys.highWater; f += this.keys.stride) {
      if (!this.keys.isUsed(f)) continue;
      const [leaf, second] = [this.leaf(f), this.secondLeaf(f)];
      const first = leaf === NONE ? NONE : heir[leaf];
      words[f + LEAVES] = leavesWord(first, second === NONE ? NONE : heir[second]);
      measures.renumber(f, heir);
    }
    this.memory.header[HEADER_CLASS_CHANGES] += 1;
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
    for (let f = 0; f < this.keys.highWater; f += this.keys.stride) this.unclassify(f);
  }

  /** Makes the next packet of the flow be classified again. */
  unclassify(f: number): void {
    this.words[f + HOOK_DSCP] &= ~(HOOK_DSCP_MASK & ~0xff);
  }

  /** Brings the memory up to date with the verdicts. */
  settle(): void {
    const { given, givenBytes, words, keys } = this;
    if (this.givenCount > 0) this.hosts.verdictsGiven(given, this.passedBytes, this.givenCount);
    for (let n = 0; n < this.givenCount; n++) {
      const f = given[n];
      words[f + PACKETS_DONE] += 1;
      const waitingBytes = givenBytes[n];
      if (waitingBytes === NONE) continue;
      words[f + WAITING_PACKETS] -= 1;
      words[f + WAITING_BYTES] -= waitingBytes;
    }
    this.givenCount = 0;
    this.measures.settle();
    this.memory.header[HEADER_SIZE] = keys.size;
    this.memory.header[HEADER_HIGH_WATER] = keys.highWater;
  }

  /** A batch begins. */
  begin(nowNs: number): void {
    this.memory.headerFloats[HEADER_NOW_NS >> 1] = nowNs;
    // Modulo 2^32; 0 is "never".
    const nowMs = Math.floor(nowNs / 1e6) | 0 || 1;
    this.measures.nowIs(nowMs);
    this.tcp.nowIs(nowNs, nowMs);
    this.hosts.nowIs(nowNs);
  }

  /** Forgets idle flows, a share of the table in proportion to the time that passed. */
  sweep(nowNs: number): void {
    const { keys, hand } = this;
    this.settle();
    for (let n = hand.rowsDue(nowNs); n > 0; n--) {
      const f = hand.next();
      if (keys.isUsed(f) && nowNs - this.lastSeenNs(f) > this.tcp.view.idleNs(f) && this.mayForget(f, nowNs))
        this.forget(f);
    }
  }

  lastSeenNs(f: number): number {
    return this.floats[(f + LAST_SEEN_NS) >> 1];
  }

  /** Row for the flow that find() did not find. Returns NONE when no row can make room. */
  private make(nowNs: number): number {
    let f = this.flowKeys.insert();
    if (f === NONE && this.evict(nowNs)) f = this.flowKeys.insert();
    if (f === NONE) return NONE;
    const { words } = this;
    words[f + LEAVES] = leavesWord(NONE, NONE);
    words[f + HOOK_DSCP] = 0; // not classified yet: no packet has hook 0
    words.fill(0, f + PACKETS, f + EACH_BUCKET);
    words.fill(NONE, f + EACH_BUCKET, f + FAIR_QUEUE + 2);
    this.hosts.begin(f);
    words[f + BUSY_TICK] = 0;
    this.measures.begin(f, nowNs);
    this.generations = (this.generations + 1) | 0 || 1;
    // Last: a reader takes the record for one of this flow from now on.
    Atomics.store(words, f + GENERATION, this.generations);
    return f;
  }

  private mayForget(f: number, nowNs: number): boolean {
    const held = (this.floats[(f + PACKETS) >> 1] | 0) - this.words[f + PACKETS_DONE];
    return held === 0 && tickNs(this.words[f + BUSY_TICK]) <= nowNs;
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
    Atomics.store(this.words, f + GENERATION, 0);
    this.keys.remove(f);
  }
}
