/**
 * The class trees: who may send next, and when.
 *
 * Reference: Floyd, Jacobson, "Link-sharing and resource management models for packet networks" (1995), and its form in Linux,
 * HTB (net/sched/sch_htb.c): every class has a bucket for what it is sure of (rate) and one for the most it may have (ceil).
 *
 *   mode of a class     SEND    its rate and its ceiling let it go: it needs nobody's leave
 *                       BORROW  its ceiling lets it go, its rate does not: the nearest ancestor in mode SEND lends
 *                       WAIT    its ceiling is used up
 *
 *   rows   one list per (root, level, priority): nodes in mode SEND, one packet a turn; level 0 are leaves, a parent is above its
 *          children
 *   feeds  one list per (inner class, priority): its children that have packets, whatever their mode; a quantum times the weight
 *          a turn (deficit round robin, signed as in RFC 8290 4.2)
 *
 *     root  level 2  [prio 1: root]                       next(): lowest level first, so that what is sure goes before what is
 *                        | feed                           borrowed; then the lowest priority number; then by turns, down the
 *     A     level 1     [A, B]        (A in BORROW)       feeds to a leaf.
 *                        | feed
 *     leaf  level 0     [web, mail]
 *
 * A node keeps its place in its feed while its mode comes and goes. One that is in WAIT when its turn comes is parked, and has
 * that turn first thing when it is back; nothing below a feed that next() walks is in SEND, for then a lower row would have
 * been first.
 *
 * What a packet takes: the ceiling bucket of its leaf and of every ancestor; the rate bucket of the lender and of what is above it.
 * Departing from HTB: the root's ceiling bounds everything, also what is within its own rate, so that bursts of the children never
 * exceed the link; quanta count at every branch, so that `weight` splits among siblings; buckets are instants
 * (algo/token-bucket.ts), and a packet takes its tokens at the instant at which it conformed, however late we look. What is not
 * private is carried over changes by tree-transfer.ts.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { IndexedHeap } from '../../base/heap.ts';
import { NodeLists } from '../../base/node-lists.ts';
import { NONE } from '../../base/none.ts';
import { type ClassInfo, levelsOf } from '../classes/classes.ts';
import type { HeldTable } from '../packets/held.ts';
import type { LeafQueues } from '../queues/leaf-queues.ts';
import { BORROW, ClassBuckets, SEND, WAIT } from './class-buckets.ts';

/** Bytes a node may send per turn and unit of weight: one Ethernet frame, as fq_codel's default. */
const QUANTUM_BYTES = 1514;
export const PRIORITIES = 8;
const PRIORITY_BITS = 3;

const OUT = 0;
export const QUEUED = 1;
export const PARKED = 2;

export class Trees {
  /** Rows of the roots; `up` first: what waits there has passed its `down` tree, so it is older. */
  readonly roots: readonly number[];
  private readonly held: HeldTable;
  private readonly queues: LeafQueues;
  readonly buckets: ClassBuckets;
  private readonly rootOf: Int16Array;
  private readonly parent: Int32Array;
  /** 0 for leaves, else one more than the highest child. */
  private readonly level: Uint8Array;
  private readonly priority: Uint8Array;
  private readonly quantumBytes: Float64Array;
  private readonly mode: Uint8Array;
  /** Bit p: the class has packets of priority p below it (a leaf: has packets). */
  readonly active: Uint8Array;
  /** Feed of (c, p) is list (c, p), the number of the node. */
  readonly feeds: NodeLists;
  /** By node: OUT, QUEUED in its parent's feed, or PARKED. */
  readonly place: Uint8Array;
  /** By node: bytes it may still send in its turn; at most 0: its turn is over. */
  readonly deficitBytes: Float64Array;
  readonly rows: NodeLists;
  /** By root: its first row list; level and priority are added. */
  private readonly rowList: Int32Array;
  /** By root and level: bit p set while the row list has nodes. */
  private readonly rowMask: Uint8Array;
  private readonly levels: number;
  /** Classes by the instant at which their mode changes. */
  private readonly changes: IndexedHeap;
  /** By root row: no packet leaves before; 0 when not known. */
  private readonly rootDueNs: Float64Array;
  /** Everything due by this instant counts as due. */
  horizonNs = FLOAT_ZERO;
  /** Nodes from the row to the leaf that pick() chose, to charge their turns. */
  private readonly path: Int32Array;
  private pathLength = 0;

  constructor(classes: readonly ClassInfo[], held: HeldTable, queues: LeafQueues) {
    const rows = classes.length;
    this.held = held;
    this.queues = queues;
    const roots = classes.flatMap((info, row) => (info.root === row ? [row] : []));
    this.roots = [
      ...roots.filter((row) => classes[row].direction === 'up'),
      ...roots.filter((row) => classes[row].direction === 'down'),
    ];
    this.buckets = new ClassBuckets(classes);
    this.rootOf = Int16Array.from(classes, (info) => info.root);
    this.parent = Int32Array.from(classes, (info) => info.parent);
    this.level = levelsOf(classes);
    this.levels = Math.max(1, ...this.level) + 1;
    this.priority = Uint8Array.from(classes, ({ spec }) => spec.priority);
    this.quantumBytes = Float64Array.from(classes, ({ spec }) => QUANTUM_BYTES * spec.weight);
    this.mode = new Uint8Array(rows).fill(BORROW);
    this.active = new Uint8Array(rows);
    const feeds = rows * PRIORITIES;
    this.feeds = new NodeLists(feeds, feeds);
    this.place = new Uint8Array(feeds);
    this.rows = new NodeLists(feeds, roots.length * this.levels * PRIORITIES);
    this.deficitBytes = new Float64Array(feeds);
    this.rowList = new Int32Array(rows);
    for (const [n, root] of roots.entries()) this.rowList[root] = n * this.levels * PRIORITIES;
    this.rowMask = new Uint8Array(rows * this.levels);
    this.changes = new IndexedHeap(rows);
    this.rootDueNs = new Float64Array(rows);
    this.path = new Int32Array(this.levels);
  }

  /** Nanoseconds a byte takes at the class's ceiling. */
  nsPerByte(row: number): number {
    return this.buckets.nsPerByte(row);
  }

  /** Moves the horizon, and every class whose buckets let it do more by then. Call before the others of a batch. */
  advance(horizonNs: number): void {
    this.horizonNs = horizonNs;
    const { changes } = this;
    while (changes.size > 0 && changes.topKey() <= horizonNs) {
      const c = changes.top();
      changes.delete(c);
      this.refresh(c);
    }
  }

  /**
   * The way of most packets: nothing waits under the root, and buckets let `h` go by the horizon. Takes the tokens,
   * moves readyNs and says true; otherwise changes nothing.
   */
  pass(h: number): boolean {
    const { held, buckets } = this;
    const leaf = held.leaf[h];
    const root = this.rootOf[leaf];
    if (this.anyRow(root) || !this.queues.isEmpty(leaf)) return false;
    const chargeBytes = held.chargeBytes[h];
    const readyNs = held.readyNs(h);
    const leafNs = root === leaf ? readyNs : buckets.conformNs(leaf, chargeBytes, readyNs);
    const atNs = buckets.conformNs(root, chargeBytes, leafNs);
    if (atNs > this.horizonNs) return false;
    const lender = this.lenderOf(leaf, chargeBytes);
    if (lender === NONE) return false;
    this.charge(leaf, lender, chargeBytes, atNs);
    held.setReadyNs(h, atNs);
    return true;
  }

  /** Appends packet `h` to its leaf; readyNs says from when it may leave. False when the leaf has no room for its flow. */
  enqueue(h: number, nowNs: number): boolean {
    const leaf = this.held.leaf[h];
    if (!this.queues.push(leaf, h, nowNs)) return false;
    this.look(leaf);
    return true;
  }

  /** Somebody has put packets into the leaf's queue or taken them out. */
  look(leaf: number): void {
    const isActive = this.active[leaf] !== 0;
    if (isActive && this.queues.isEmpty(leaf)) this.deactivate(leaf, this.priority[leaf]);
    else if (!isActive && !this.queues.isEmpty(leaf)) this.activate(leaf, this.priority[leaf]);
  }

  /** Takes the next packet under `root` that may leave by the horizon, with readyNs its instant; NONE: none. */
  next(root: number): number {
    const { held, queues, buckets } = this;
    if (this.rootDueNs[root] > this.horizonNs) return NONE;
    for (let leaf = this.pick(root); leaf !== NONE; leaf = this.pick(root)) {
      const head = queues.head(leaf);
      const headBytes = held.chargeBytes[head];
      const leafNs = buckets.conformNs(leaf, headBytes, held.readyNs(head));
      if (leafNs > this.horizonNs) {
        // Its turn came to a longer packet than the one its mode was found for; or what conforms within EPSILON_NS counts as
        // conforming in the mode and not here, and the root says until when nothing leaves.
        this.refresh(leaf);
        if (this.mode[leaf] === WAIT) continue;
      }
      const atNs = buckets.conformNs(root, headBytes, leafNs);
      if (atNs > this.horizonNs) {
        this.rootDueNs[root] = atNs;
        return NONE;
      }
      const lender = this.path[0] >> PRIORITY_BITS;
      const h = queues.shift(leaf, atNs);
      if (h === NONE) {
        // Its AQM dropped all it had.
        this.deactivate(leaf, this.priority[leaf]);
        continue;
      }
      const chargeBytes = held.chargeBytes[h];
      this.chargeTurns(chargeBytes);
      if (queues.isEmpty(leaf)) this.deactivate(leaf, this.priority[leaf]);
      this.charge(leaf, lender, chargeBytes, atNs);
      held.setReadyNs(h, atNs);
      return h;
    }
    return NONE;
  }

  /** Instant at which next() may have something again, after advance() and next() said NONE; Infinity: never. */
  nextDueNs(): number {
    let dueNs = this.changes.topKey();
    for (const root of this.roots) {
      if (this.anyRow(root) && this.rootDueNs[root] < dueNs) dueNs = this.rootDueNs[root];
    }
    return dueNs;
  }

  /** Takes any waiting packet of any leaf, whatever the tokens; NONE when none waits. For the orderly stop. */
  popAny(): number {
    for (const root of this.roots) {
      for (let leaf = root + 1; leaf < this.level.length && this.rootOf[leaf] === root; leaf++) {
        if (this.level[leaf] > 0 || this.active[leaf] === 0) continue;
        const h = this.queues.shiftAny(leaf);
        this.look(leaf);
        return h;
      }
    }
    return NONE;
  }

  /** The leaf whose turn it is, with the nodes on the way to it in `path`; NONE when no row has nodes. */
  private pick(root: number): number {
    for (let l = 0; l < this.levels; l++) {
      let mask = this.rowMask[root * this.levels + l];
      while (mask !== 0) {
        // The lowest bit set: the first priority that has nodes.
        const p = 31 - Math.clz32(mask & -mask);
        const leaf = this.descend(this.rows.first(this.rowList[root] + l * PRIORITIES + p));
        if (leaf !== NONE) return leaf;
        mask = this.rowMask[root * this.levels + l];
      }
    }
    return NONE;
  }

  /** From a node in a row down the feeds to the leaf whose turn it is; NONE when all below wait: the node is out then. */
  private descend(top: number): number {
    const { feeds, deficitBytes, quantumBytes, level, mode, place } = this;
    let node = top;
    this.path[0] = node;
    this.pathLength = 1;
    while (level[node >> PRIORITY_BITS] > 0) {
      const feed = node;
      node = feeds.first(feed);
      const c = node >> PRIORITY_BITS;
      if (mode[c] === WAIT) {
        feeds.remove(feed, node);
        place[node] = PARKED;
        if (!feeds.isEmpty(feed)) {
          node = feed;
          continue;
        }
        this.deactivate(feed >> PRIORITY_BITS, feed & (PRIORITIES - 1));
        return NONE;
      }
      if (deficitBytes[node] <= 0) {
        deficitBytes[node] += quantumBytes[c];
        feeds.rotate(feed);
        node = feed;
        continue;
      }
      this.path[this.pathLength++] = node;
    }
    return node >> PRIORITY_BITS;
  }

  /** Ends the turn in the row, takes the packet's bytes from the turns in the feeds. */
  private chargeTurns(chargeBytes: number): void {
    const top = this.path[0];
    const c = top >> PRIORITY_BITS;
    this.rows.rotate(this.rowOf(c, top & (PRIORITIES - 1)));
    for (let n = 1; n < this.pathLength; n++) this.deficitBytes[this.path[n]] -= chargeBytes;
  }

  /** Nearest class from `leaf` up that may send on its own rate by the horizon, with all ceilings on the way; NONE: none. */
  private lenderOf(leaf: number, chargeBytes: number): number {
    for (let c = leaf; ; c = this.parent[c]) {
      if (this.parent[c] === NONE) return c;
      const mode = this.buckets.mode(c, c === leaf ? chargeBytes : 0, this.horizonNs);
      if (mode === SEND) return c;
      if (mode === WAIT) return NONE;
    }
  }

  /** Takes a packet's tokens and moves the classes whose mode that changes. */
  private charge(leaf: number, lender: number, chargeBytes: number, atNs: number): void {
    this.buckets.take(leaf, lender, chargeBytes, atNs);
    for (let c = leaf; c !== NONE; c = this.parent[c]) if (this.active[c] !== 0) this.refresh(c);
  }

  /** Gives an active class the mode its buckets allow, and notes when that changes by itself. */
  private refresh(c: number): void {
    if (this.active[c] === 0 || this.parent[c] === NONE) return;
    // An inner class lends while it is not in debt; a leaf must have the tokens of its first packet.
    const headBytes = this.level[c] === 0 ? this.held.chargeBytes[this.queues.head(c)] : 0;
    const mode = this.buckets.mode(c, headBytes, this.horizonNs);
    if (mode !== this.mode[c]) this.setMode(c, mode);
    const changeNs = this.buckets.changeNs(c, headBytes, mode);
    if (changeNs === Number.POSITIVE_INFINITY) this.changes.delete(c);
    else this.changes.set(c, changeNs);
  }

  private setMode(c: number, mode: number): void {
    const before = this.mode[c];
    this.mode[c] = mode;
    for (let p = 0; p < PRIORITIES; p++) {
      if ((this.active[c] & (1 << p)) === 0) continue;
      if (before === SEND) this.leaveRow(c, p);
      if (mode === SEND) this.joinRow(c, p);
      if (mode !== WAIT) this.joinFeed(c, p);
    }
  }

  /** Class `c` has packets of priority `p` from now on. */
  private activate(c: number, p: number): void {
    const wasIdle = this.active[c] === 0;
    this.active[c] |= 1 << p;
    if (this.parent[c] === NONE) {
      this.joinRow(c, p);
      return;
    }
    // Nobody kept the mode of an idle class: it is in no list, so any mode will do to start from.
    if (wasIdle) {
      this.mode[c] = WAIT;
      this.refresh(c);
      return;
    }
    if (this.mode[c] === SEND) this.joinRow(c, p);
    if (this.mode[c] !== WAIT) this.joinFeed(c, p);
  }

  /** Class `c` has no packets of priority `p` any more, or none below it that may go. */
  private deactivate(c: number, p: number): void {
    const node = (c << PRIORITY_BITS) | p;
    this.active[c] &= ~(1 << p);
    if (this.active[c] === 0) this.changes.delete(c);
    if (this.parent[c] === NONE) {
      this.leaveRow(c, p);
      return;
    }
    if (this.mode[c] === SEND) this.leaveRow(c, p);
    // What was left of its turn is forfeit, a debt stays.
    if (this.deficitBytes[node] > 0) this.deficitBytes[node] = 0;
    const feed = (this.parent[c] << PRIORITY_BITS) | p;
    if (this.place[node] === QUEUED) {
      this.feeds.remove(feed, node);
      if (this.feeds.isEmpty(feed)) this.deactivate(this.parent[c], p);
    }
    this.place[node] = OUT;
  }

  /** Puts node (c, p) into its parent's feed if it is not there: at the back, or at the front if its turn was put off. */
  joinFeed(c: number, p: number): void {
    const node = (c << PRIORITY_BITS) | p;
    if (this.place[node] === QUEUED) return;
    const feed = (this.parent[c] << PRIORITY_BITS) | p;
    const wasEmpty = this.feeds.isEmpty(feed);
    if (this.place[node] === PARKED) {
      this.feeds.prepend(feed, node);
    } else {
      // Its first quantum at once: waiting another round for it would keep nodes that come and go below their share.
      if (this.deficitBytes[node] <= 0) this.deficitBytes[node] += this.quantumBytes[c];
      this.feeds.append(feed, node);
    }
    this.place[node] = QUEUED;
    if (wasEmpty) this.activate(this.parent[c], p);
  }

  private joinRow(c: number, p: number): void {
    const root = this.rootOf[c];
    // A root that had nothing to send does not know when it may.
    if (!this.anyRow(root)) this.rootDueNs[root] = 0;
    this.rows.append(this.rowOf(c, p), (c << PRIORITY_BITS) | p);
    this.rowMask[root * this.levels + this.level[c]] |= 1 << p;
  }

  private leaveRow(c: number, p: number): void {
    const list = this.rowOf(c, p);
    this.rows.remove(list, (c << PRIORITY_BITS) | p);
    if (this.rows.isEmpty(list)) this.rowMask[this.rootOf[c] * this.levels + this.level[c]] &= ~(1 << p);
  }

  /** Row list of node (c, p). */
  private rowOf(c: number, p: number): number {
    return this.rowList[this.rootOf[c]] + this.level[c] * PRIORITIES + p;
  }

  private anyRow(root: number): boolean {
    for (let l = 0; l < this.levels; l++) if (this.rowMask[root * this.levels + l] !== 0) return true;
    return false;
  }
}
