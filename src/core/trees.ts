/**
 * The trees' ceilings: every direction's root shapes to its rate, every leaf to its own ceiling, and leaves that have packets are
 * served in turn by bytes.
 *
 * Reference for the turns: Shreedhar, Varghese, "Efficient fair queueing using deficit round robin" (1995), in the signed
 * form of RFC 8290 section 4.2: a leaf is served while its deficit is positive, then gets a quantum and goes to the back.
 *
 *   ring of a root:   tail -> [web] -> [mail] -> [bulk] -+      leaves with packets whose own ceiling lets them go
 *                       ^-------------------------------+
 *   blocked:          heap of leaves that wait for their own ceiling, by the instant at which their first packet conforms
 *
 * Instants are kept apart from the time at which we happen to look: a packet leaves, for the buckets, at the instant at
 * which it conformed. So a late timer loses no tokens, and the release slack mints none.
 */
import {
  conformNs,
  createTokenBuckets,
  fillBucket,
  type TokenBuckets,
  takeTokens,
} from '../algo/token-bucket.ts';
import { IndexedHeap } from '../base/heap.ts';
import { NONE } from '../base/none.ts';
import type { ClassInfo } from './classes.ts';
import { HeldFifos, type HeldTable, NO_LEAF } from './held.ts';

/** Bytes a leaf may send per turn: one Ethernet frame, as fq_codel's default. */
const QUANTUM_BYTES = 1514;

export class Trees {
  /** Rows of the roots; `up` first: what waits there has passed its `down` tree, so it is older. */
  readonly roots: readonly number[];
  private readonly held: HeldTable;
  private readonly fifos: HeldFifos;
  private readonly buckets: TokenBuckets;
  private readonly rootOf: Uint16Array;
  private readonly deficitBytes: Float64Array;
  private readonly ringNext: Uint16Array;
  /** By root row: the last leaf of its ring, NO_LEAF when empty. */
  private readonly ringTail: Uint16Array;
  private readonly blocked: IndexedHeap;
  /** By root row: no packet of the ring leaves before; 0 when not known. */
  private readonly rootDueNs: Float64Array;

  constructor(classes: readonly ClassInfo[], held: HeldTable) {
    const rows = classes.length;
    this.held = held;
    const roots = classes.flatMap((info, row) => (info.root === row ? [row] : []));
    this.roots = [
      ...roots.filter((row) => classes[row].direction === 'up'),
      ...roots.filter((row) => classes[row].direction === 'down'),
    ];
    this.fifos = new HeldFifos(rows, held);
    this.buckets = createTokenBuckets(rows);
    this.rootOf = Uint16Array.from(classes, (info) => info.root);
    this.deficitBytes = new Float64Array(rows);
    this.ringNext = new Uint16Array(rows);
    this.ringTail = new Uint16Array(rows).fill(NO_LEAF);
    this.blocked = new IndexedHeap(rows);
    this.rootDueNs = new Float64Array(rows);
    for (const [row, { spec }] of classes.entries())
      fillBucket(this.buckets, row, spec.ceilBytesPerSec, spec.burstBytes);
  }

  /** Nanoseconds a byte takes at the class's ceiling. */
  nsPerByte(row: number): number {
    return this.buckets.nsPerByte[row];
  }

  /**
   * The way of most packets: nothing waits under the root, and leaf and root let `h` go by `horizonNs`. Takes the tokens,
   * moves readyNs and says true; otherwise changes nothing.
   */
  pass(h: number, horizonNs: number): boolean {
    const { held, buckets } = this;
    const leaf = held.leaf[h];
    const root = this.rootOf[leaf];
    if (this.ringTail[root] !== NO_LEAF || !this.fifos.isEmpty(leaf)) return false;
    const chargeBytes = held.chargeBytes[h];
    const leafNs = conformNs(buckets, leaf, held.readyNs[h], chargeBytes);
    const atNs = conformNs(buckets, root, leafNs, chargeBytes);
    if (atNs > horizonNs) return false;
    takeTokens(buckets, leaf, atNs, chargeBytes);
    takeTokens(buckets, root, atNs, chargeBytes);
    held.readyNs[h] = atNs;
    return true;
  }

  /** Appends packet `h` to its leaf; readyNs says from when it may leave. */
  enqueue(h: number): void {
    const leaf = this.held.leaf[h];
    const wasEmpty = this.fifos.isEmpty(leaf);
    this.fifos.push(leaf, h);
    if (wasEmpty) this.joinRing(leaf);
  }

  /** Puts leaves back in turn whose ceiling lets them go by `horizonNs`. */
  unblock(horizonNs: number): void {
    const { blocked } = this;
    while (blocked.size > 0 && blocked.topKey() <= horizonNs) {
      const leaf = blocked.top();
      blocked.delete(leaf);
      this.joinRing(leaf);
    }
  }

  /** Takes the next packet under `root` that may leave by `horizonNs`, with readyNs its instant; NONE: none. */
  next(root: number, horizonNs: number): number {
    if (this.rootDueNs[root] > horizonNs) return NONE;
    const { held, fifos, buckets, deficitBytes, ringNext, ringTail } = this;
    while (ringTail[root] !== NO_LEAF) {
      const leaf = ringNext[ringTail[root]];
      if (deficitBytes[leaf] <= 0) {
        deficitBytes[leaf] += QUANTUM_BYTES;
        ringTail[root] = leaf;
        continue;
      }
      const h = fifos.head[leaf];
      const chargeBytes = held.chargeBytes[h];
      const leafNs = conformNs(buckets, leaf, held.readyNs[h], chargeBytes);
      if (leafNs > horizonNs) {
        this.leaveRing(root, leaf);
        this.blocked.set(leaf, leafNs);
        continue;
      }
      const atNs = conformNs(buckets, root, leafNs, chargeBytes);
      if (atNs > horizonNs) {
        this.rootDueNs[root] = atNs;
        return NONE;
      }
      takeTokens(buckets, leaf, atNs, chargeBytes);
      takeTokens(buckets, root, atNs, chargeBytes);
      deficitBytes[leaf] -= chargeBytes;
      fifos.shift(leaf);
      if (fifos.isEmpty(leaf)) this.leaveRing(root, leaf);
      held.readyNs[h] = atNs;
      return h;
    }
    return NONE;
  }

  /** Instant at which next() may have something again, after unblock() and next() said NONE; Infinity: never. */
  nextDueNs(): number {
    let dueNs = this.blocked.topKey();
    for (const root of this.roots) {
      if (this.ringTail[root] !== NO_LEAF && this.rootDueNs[root] < dueNs) dueNs = this.rootDueNs[root];
    }
    return dueNs;
  }

  /** Takes any waiting packet of any leaf, whatever the tokens; NONE when none waits. For the orderly stop. */
  popAny(): number {
    for (const root of this.roots) {
      const tail = this.ringTail[root];
      if (tail === NO_LEAF) continue;
      const leaf = this.ringNext[tail];
      const h = this.fifos.shift(leaf);
      if (this.fifos.isEmpty(leaf)) this.leaveRing(root, leaf);
      return h;
    }
    if (this.blocked.size === 0) return NONE;
    this.unblock(Number.POSITIVE_INFINITY);
    return this.popAny();
  }

  private joinRing(leaf: number): void {
    const root = this.rootOf[leaf];
    // Its first quantum at once: waiting another round for it would keep leaves that come and go below their share.
    if (this.deficitBytes[leaf] <= 0) this.deficitBytes[leaf] += QUANTUM_BYTES;
    const tail = this.ringTail[root];
    if (tail === NO_LEAF) {
      this.ringNext[leaf] = leaf;
      this.rootDueNs[root] = 0;
    } else {
      this.ringNext[leaf] = this.ringNext[tail];
      this.ringNext[tail] = leaf;
    }
    this.ringTail[root] = leaf;
  }

  /** Takes the first leaf of the ring out; what was left of its turn is forfeit, a debt stays. */
  private leaveRing(root: number, leaf: number): void {
    const tail = this.ringTail[root];
    if (tail === leaf) this.ringTail[root] = NO_LEAF;
    else this.ringNext[tail] = this.ringNext[leaf];
    if (this.deficitBytes[leaf] > 0) this.deficitBytes[leaf] = 0;
  }
}
