/**
 * Fair queueing inside a leaf: a queue per flow (or host), served by turns of bytes, those that send little first.
 *
 * Reference: RFC 8290 (FQ-CoDel), sections 4.1 and 4.2; host isolation after CAKE (net/sched/sch_cake.c, cake_dequeue and
 * cake_get_flow_quantum).
 *
 *   new   [q4] -> [q9]              queues that were idle: their first quantum goes before everything else
 *   old   [q1] -> [q7] -> [q2]      queues that keep packets waiting, a quantum each per round
 *
 *   flow isolation        a queue per five-tuple
 *   src, dst, host        a queue per source, destination, pair of addresses
 *   dual-src, dual-dst    a queue per five-tuple, its quantum divided by the number of busy flows of its source, destination
 *   triple                divided by the larger of the two
 *
 * A queue that emptied in `new` goes through `old` once before it is forgotten, or coming and going would win (RFC 8290 4.2).
 * When the leaf is full, the queue with the most bytes loses from its head (4.1.3); bins by size find it without a search
 * (within an eighth). Queues are keyed by the whole flow, so there are no collisions.
 */
import { HISTOGRAM_BINS, histogramBin } from '../base/histogram.ts';
import { KeyTable } from '../base/key-table.ts';
import { NONE } from '../base/none.ts';
import type { ClassInfo } from './classes.ts';
import { HostLoads } from './host-loads.ts';
import type { FlowTable } from './flow-table.ts';
import { HeldFifos, type HeldTable } from './held.ts';
import { NodeLists } from './node-lists.ts';
import type { Isolation } from './spec.ts';

/** Leaf and kind, flow row and generation or up to two addresses of four words. */
const KEY_WORDS = 10;
const KIND_FLOW = 1;
const KIND_SRC = 2;
const KIND_DST = 3;
const KIND_HOST = 4;

// Fields of a record, as word offsets; the hash slot is word 10.
const LEAF = 0; // part of the key
const BACKLOG_BYTES = 11;
const STATE = 12;
const SRC_HOST = 13;
const DST_HOST = 14;
const LAST_SEEN_NS = 16; // float64
const FIELD_WORDS = 7;

/** States of a queue, with CAKE's meaning: on no list; on `new`; on `old` with packets; emptied, on its last round. */
const IDLE = 0;
const SPARSE = 1;
const BULK = 2;
const DECAYING = 3;

const IDLE_NS = 60e9;
const EVICT_LOOKS = 64;
const SWEEP_ROWS_MAX = 256;
/** Packets dropped at once from the fattest queue (RFC 8290 section 4.1.3). */
export const DROP_BATCH = 64;

export class FairQueues {
  private readonly keys: KeyTable;
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly shift: number;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly fifos: HeldFifos;
  private readonly hosts: HostLoads;
  /** List 2 * leaf is `new`, 2 * leaf + 1 is `old`. */
  private readonly lists: NodeLists;
  /** List leaf * HISTOGRAM_BINS + bin: queues with that backlog. */
  private readonly bins: NodeLists;
  private readonly topBin: Int32Array;
  private readonly isolation: readonly (Isolation | null)[];
  private readonly quantumBytes: Float64Array;
  private hand = 0;
  private sweptNs = 0;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    classes: readonly ClassInfo[],
    quantumBytes: Float64Array,
    held: HeldTable,
    flows: FlowTable,
  ) {
    this.isolation = classes.map(({ spec }) =>
      spec.queue?.discipline === 'fair' ? spec.queue.isolation : null,
    );
    // No fair leaf: one row, so that idle memory stays small.
    const used = this.isolation.some((isolation) => isolation !== null) ? rows : 1;
    this.keys = new KeyTable(used, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.shift = Math.log2(this.keys.stride);
    this.held = held;
    this.flows = flows;
    this.fifos = new HeldFifos(used, held);
    this.hosts = new HostLoads(used, key1, key0);
    this.lists = new NodeLists(used, 2 * classes.length);
    this.bins = new NodeLists(used, HISTOGRAM_BINS * classes.length);
    this.topBin = new Int32Array(classes.length);
    this.quantumBytes = quantumBytes;
  }

  /** Row of the queue packet `h` belongs to in `leaf`, made if new; NONE when there is no room for one more. */
  queueOf(leaf: number, h: number, nowNs: number): number {
    const { keys, flows } = this;
    const f = this.held.flow[h];
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

  isEmpty(leaf: number): boolean {
    return this.topBinOf(leaf) === 0;
  }
}
