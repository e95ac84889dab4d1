/**
 * How many busy queues each host of a leaf has, so that hosts share equally whatever the number of their flows.
 *
 * Reference: CAKE's dual and triple isolation (net/sched/sch_cake.c: cake_inc_srchost_bulk_flow_count and
 * cake_get_flow_quantum). A queue counts for its hosts while it is in state bulk: exactly once up, once down.
 */
import { KeyTable } from '../base/key-table.ts';
import { NONE } from '../base/none.ts';
import type { FlowTable } from './flow-table.ts';
import type { Isolation } from './spec.ts';

/** Leaf, side, family, four address words. */
const KEY_WORDS = 7;
const SIDE_SRC = 1;
const SIDE_DST = 2;
// Fields of a record, as word offsets; the hash slot is word 7.
const QUEUES = 8;
const BULK = 9;
const FIELD_WORDS = 2;

export class HostLoads {
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly shift: number;
  private readonly flows: FlowTable;
  /** By queue: host rows that count it; NONE: none. */
  private readonly src: Int32Array;
  private readonly dst: Int32Array;

  /** Two hosts a queue at most, so `queues` (a power of two) queues never lack room. */
  constructor(queues: number, key0: number, key1: number, flows: FlowTable) {
    this.keys = new KeyTable(2 * queues, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.words = this.keys.words;
    this.shift = Math.log2(this.keys.stride);
    this.flows = flows;
    this.src = new Int32Array(queues).fill(NONE);
    this.dst = new Int32Array(queues).fill(NONE);
  }

  /** Queue `q` was made for flow `f` in `leaf`. */
  attach(q: number, leaf: number, f: number, isolation: Isolation | null): void {
    const bySrc = f !== NONE && (isolation === 'dual-src' || isolation === 'triple');
    const byDst = f !== NONE && (isolation === 'dual-dst' || isolation === 'triple');
    this.src[q] = bySrc ? this.hostOf(leaf, f, SIDE_SRC) : NONE;
    this.dst[q] = byDst ? this.hostOf(leaf, f, SIDE_DST) : NONE;
  }

  /** Queue `q` was forgotten; it was not bulk. */
  detach(q: number): void {
    this.release(this.src[q]);
    this.release(this.dst[q]);
    this.src[q] = NONE;
    this.dst[q] = NONE;
  }

  /** Queue `q` became bulk (+1) or is no longer (-1). */
  addBulk(q: number, change: number): void {
    if (this.src[q] !== NONE) this.words[(this.src[q] << this.shift) + BULK] += change;
    if (this.dst[q] !== NONE) this.words[(this.dst[q] << this.shift) + BULK] += change;
  }

  /** What the quantum of queue `q` is divided by, at least 1. */
  load(q: number): number {
    return Math.max(1, this.bulkOf(this.src[q]), this.bulkOf(this.dst[q]));
  }

  private bulkOf(host: number): number {
    return host === NONE ? 0 : this.words[(host << this.shift) + BULK];
  }

  private hostOf(leaf: number, f: number, side: number): number {
    const { keys, flows, words } = this;
    const { key } = keys;
    key[0] = leaf;
    key[1] = side;
    key[2] = flows.isIpv6(f) ? 6 : 4;
    for (let w = 0; w < 4; w++) key[3 + w] = side === SIDE_SRC ? flows.srcWord(f, w) : flows.dstWord(f, w);
    const hash = keys.hash(KEY_WORDS);
    let host = keys.find(hash);
    if (host === NONE) {
      host = keys.insert(hash);
      words[(host << this.shift) + QUEUES] = 0;
      words[(host << this.shift) + BULK] = 0;
    }
    words[(host << this.shift) + QUEUES] += 1;
    return host;
  }

  private release(host: number): void {
    if (host === NONE) return;
    this.words[(host << this.shift) + QUEUES] -= 1;
    if (this.words[(host << this.shift) + QUEUES] === 0) this.keys.remove(host);
  }
}
