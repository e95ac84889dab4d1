/**
 * Which queue of a fair leaf a packet belongs to: rows by (leaf, flow) or (leaf, addresses), made on sight, forgotten when
 * idle; and the hosts each of them counts for.
 */
import { KeyTable } from '../base/key-table.ts';
import { NONE } from '../base/none.ts';
import { FLOW_IDLE_NS } from '../limits.ts';
import type { ClassInfo } from './classes.ts';
import type { FlowTable } from './flow-table.ts';
import type { HeldTable } from './held.ts';
import type { HostLoads } from './host-loads.ts';
import type { Isolation } from './spec.ts';

/** Leaf and kind, then flow row and generation, or up to two addresses of four words. */
const KEY_WORDS = 10;
const KIND_FLOW = 1;
const KIND_SRC = 2;
const KIND_DST = 3;
const KIND_HOST = 4;
/** Added to the kind: the addresses are IPv6. */
const KIND_IPV6 = 8;

// Field of a record, as word offset; the hash slot is word 10.
const LAST_SEEN_NS = 12; // float64
const FIELD_WORDS = 3;

const EVICT_LOOKS = 64;
const SWEEP_ROWS_MAX = 256;

export class FairKeys {
  readonly rows: number;
  /** The row that queueOf() gave last did not exist before. */
  isNew = false;
  /** Set once the queues exist: whether a row may be forgotten. */
  isIdle: (q: number) => boolean = () => false;
  private readonly keys: KeyTable;
  private readonly floats: Float64Array;
  private readonly shift: number;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly hosts: HostLoads;
  private readonly isolation: readonly (Isolation | null)[];
  private hand = 0;
  private sweptNs = 0;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    hosts: HostLoads,
  ) {
    this.isolation = classes.map(({ spec }) =>
      spec.queue?.discipline === 'fair' ? spec.queue.isolation : null,
    );
    // No fair leaf: one row, so that idle memory stays small.
    this.rows = this.isolation.some((isolation) => isolation !== null) ? rows : 1;
    this.keys = new KeyTable(this.rows, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.floats = this.keys.floats;
    this.shift = Math.log2(this.keys.stride);
    this.held = held;
    this.flows = flows;
    this.hosts = hosts;
  }

  /** Queue of packet `h` in `leaf`, made if new; NONE when there is no room for one more. */
  queueOf(leaf: number, h: number, nowNs: number): number {
    const { keys, flows } = this;
    const f = this.held.flow[h];
    this.isNew = false;
    this.setKey(leaf, f);
    let q = f === NONE ? NONE : flows.fairQueue(f);
    if (q === NONE || !keys.isAt(q)) {
      const hash = keys.hash(KEY_WORDS);
      q = keys.find(hash);
      if (q === NONE) q = this.make(hash, leaf, f, nowNs);
      if (q === NONE) return NONE;
      if (f !== NONE) flows.setFairQueue(f, q);
    }
    this.floats[((q << this.shift) + LAST_SEEN_NS) >> 1] = nowNs;
    return q;
  }

  /** Queue of packet `h` in `leaf` if there is one; else NONE. */
  find(leaf: number, h: number): number {
    this.setKey(leaf, this.held.flow[h]);
    return this.keys.find(this.keys.hash(KEY_WORDS));
  }

  /** Forgets idle queues, a share of the table in proportion to the time that passed. */
  sweep(nowNs: number): void {
    const { keys } = this;
    if (keys.highWater === 0) return;
    const rows = (4 * keys.highWater * (nowNs - this.sweptNs)) / FLOW_IDLE_NS;
    if (rows < 1) return;
    this.sweptNs = nowNs;
    for (let n = Math.min(rows, SWEEP_ROWS_MAX, keys.highWater); n >= 1; n--) {
      const q = this.advance();
      const idleNs = nowNs - this.floats[((q << this.shift) + LAST_SEEN_NS) >> 1];
      if (idleNs > FLOW_IDLE_NS && this.mayForget(q)) this.forget(q);
    }
  }

  private setKey(leaf: number, f: number): void {
    const { flows } = this;
    const { key } = this.keys;
    const isolation = this.isolation[leaf];
    key.fill(0);
    key[0] = leaf;
    if (f !== NONE && (isolation === 'src' || isolation === 'dst' || isolation === 'host')) {
      const ipv6 = flows.isIpv6(f) ? KIND_IPV6 : 0;
      key[1] = (isolation === 'src' ? KIND_SRC : isolation === 'dst' ? KIND_DST : KIND_HOST) | ipv6;
      if (isolation !== 'dst') for (let w = 0; w < 4; w++) key[2 + w] = flows.srcWord(f, w);
      if (isolation !== 'src') for (let w = 0; w < 4; w++) key[6 + w] = flows.dstWord(f, w);
      return;
    }
    key[1] = KIND_FLOW;
    key[2] = f;
    key[3] = f === NONE ? 0 : flows.generation(f);
  }

  private make(hash: number, leaf: number, f: number, nowNs: number): number {
    let q = this.keys.insert(hash);
    if (q === NONE) {
      if (!this.evict()) return NONE;
      q = this.keys.insert(hash);
    }
    this.isNew = true;
    this.floats[((q << this.shift) + LAST_SEEN_NS) >> 1] = nowNs;
    this.hosts.attach(q, leaf, f, this.isolation[leaf]);
    return q;
  }

  private advance(): number {
    this.hand = this.hand + 1 >= this.keys.highWater ? 0 : this.hand + 1;
    return this.hand;
  }

  private mayForget(q: number): boolean {
    return this.keys.isUsed(q) && this.isIdle(q);
  }

  private evict(): boolean {
    for (let n = 0; n < EVICT_LOOKS; n++) {
      const q = this.advance();
      if (!this.mayForget(q)) continue;
      this.forget(q);
      return true;
    }
    return false;
  }

  private forget(q: number): void {
    this.hosts.detach(q);
    this.keys.remove(q);
  }
}
