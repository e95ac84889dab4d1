/**
 * The lists of a class tree: who is next among the classes that may send.
 *
 *   node   (class, priority), number class * 8 + priority: a class has a place for each priority of the
 *          packets below it
 *   rows   one list per (root, level, priority): the nodes in mode SEND, one packet a turn. Level 0 are
 *          leaves, a parent is above its children.
 *   feeds  one list per (inner class, priority): its children that have packets, whatever their mode. A turn
 *          is a quantum times the weight (deficit round robin, signed as in RFC 8290 section 4.2).
 *
 *     root  level 2  [prio 1: root]
 *                        | feed
 *     A     level 1     [A, B]        (A in BORROW)
 *                        | feed
 *     leaf  level 0     [web, mail]
 *
 * A node keeps its place in its feed while its mode comes and goes. A node whose turn comes while it must
 * wait is parked: it returns to the front of its feed.
 */
import { NodeLists } from '../../base/node-lists.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import { type ClassInfo, levelsOf } from '../classes/classes.ts';
import { WAIT } from './class-buckets.ts';

export const PRIORITIES = 8;
export const PRIORITY_BITS = 3;
/** Bytes a node may send per turn and unit of weight: one Ethernet frame, as fq_codel's default. */
const QUANTUM_BYTES = 1514;

// Places of a node.
/** In no feed, and without a claim to the front of one. */
const OUT = 0;
/** In its parent's feed. */
const QUEUED = 1;
/** Out of its feed, to whose front it returns. */
const PARKED = 2;

export class Turns {
  readonly rootOf: Int16Array;
  readonly parent: Int32Array;
  /** 0 for leaves, else one more than the highest child. */
  readonly level: Uint8Array;
  private readonly quantumBytes: Float64Array;
  /** The feed of a node has the node's number. */
  private readonly feeds: NodeLists;
  private readonly rows: NodeLists;
  /** By root: its first row list, to which level and priority are added. */
  private readonly rowList: Int32Array;
  /** By root and level: bit `prio` is set while the row list has nodes. */
  private readonly rowMask: Uint8Array;
  private readonly levels: number;
  /** By node: OUT, QUEUED or PARKED. */
  private readonly place: Uint8Array;
  /** By node: bytes it may still send in its turn. The turn is over at 0 or less. */
  private readonly deficitBytes: Float64Array;
  /** Nodes from the row to the leaf that descend() chose, to charge their turns. */
  private readonly path: Int32Array;
  private pathLength = 0;

  constructor(classes: readonly ClassInfo[]) {
    const nodes = classes.length * PRIORITIES;
    const roots = classes.flatMap((info, row) => (info.root === row ? [row] : []));
    this.rootOf = Int16Array.from(classes, (info) => info.root);
    this.parent = Int32Array.from(classes, (info) => info.parent);
    this.level = levelsOf(classes);
    this.levels = Math.max(1, ...this.level) + 1;
    this.quantumBytes = Float64Array.from(classes, ({ spec }) => QUANTUM_BYTES * spec.weight);
    this.feeds = new NodeLists(nodes, nodes);
    this.rows = new NodeLists(nodes, roots.length * this.levels * PRIORITIES);
    this.rowList = new Int32Array(classes.length);
    for (const [n, root] of roots.entries()) this.rowList[root] = n * this.levels * PRIORITIES;
    this.rowMask = new Uint8Array(classes.length * this.levels);
    this.place = new Uint8Array(nodes);
    this.deficitBytes = new Float64Array(nodes);
    this.path = new Int32Array(this.levels);
  }

  /** Whether any row of the root has nodes. */
  anyRow(root: number): boolean {
    for (let l = 0; l < this.levels; l++) if (this.rowMask[root * this.levels + l] !== 0) return true;
    return false;
  }

  /** First node of the lowest row that has nodes, there of the first priority; NONE if none has. */
  firstInRows(root: number): number {
    for (let l = 0; l < this.levels; l++) {
      const mask = this.rowMask[root * this.levels + l];
      if (mask === 0) continue;
      // The lowest bit set: the first priority that has nodes.
      const prio = 31 - Math.clz32(mask & -mask);
      return this.rows.first(this.rowList[root] + l * PRIORITIES + prio);
    }
    return NONE;
  }

  joinRow(c: number, prio: number): void {
    this.rows.append(this.rowOf(c, prio), (c << PRIORITY_BITS) | prio);
    this.rowMask[this.rootOf[c] * this.levels + this.level[c]] |= 1 << prio;
  }

  leaveRow(c: number, prio: number): void {
    const list = this.rowOf(c, prio);
    this.rows.remove(list, (c << PRIORITY_BITS) | prio);
    if (this.rows.isEmpty(list)) this.rowMask[this.rootOf[c] * this.levels + this.level[c]] &= ~(1 << prio);
  }

  /** Puts the node into its parent's feed, a parked one at the front. Returns whether the feed was empty. */
  joinFeed(c: number, prio: number): boolean {
    const { feeds, place, deficitBytes } = this;
    const node = (c << PRIORITY_BITS) | prio;
    if (place[node] === QUEUED) return false;
    const feed = (this.parent[c] << PRIORITY_BITS) | prio;
    const wasEmpty = feeds.isEmpty(feed);
    if (place[node] === PARKED) {
      feeds.prepend(feed, node);
    } else {
      // The first quantum comes at once: nodes that come and go would stay below their share if they waited a
      // round for it.
      if (deficitBytes[node] <= 0) deficitBytes[node] += this.quantumBytes[c];
      feeds.append(feed, node);
    }
    place[node] = QUEUED;
    return wasEmpty;
  }

  /**
   * Takes the node, which has no packets any more, out of its parent's feed. Returns whether that emptied the
   * feed.
   */
  leaveFeed(c: number, prio: number): boolean {
    const { feeds, place, deficitBytes } = this;
    const node = (c << PRIORITY_BITS) | prio;
    const wasQueued = place[node] === QUEUED;
    place[node] = OUT;
    // The node loses the rest of its turn but keeps a debt.
    if (deficitBytes[node] > 0) deficitBytes[node] = 0;
    if (!wasQueued) return false;
    const feed = (this.parent[c] << PRIORITY_BITS) | prio;
    feeds.remove(feed, node);
    return feeds.isEmpty(feed);
  }

  /**
   * Goes from a node in a row down the feeds to the leaf whose turn it is. Classes that must wait by `mode`
   * are parked. Returns the leaf; or ~feed, a negative number, if that emptied a feed on the way.
   */
  descend(top: number, mode: Uint8Array): number {
    const { feeds, place, deficitBytes, quantumBytes, level, path } = this;
    let node = top;
    let length = 0;
    path[length++] = node;
    while (level[node >> PRIORITY_BITS] > 0) {
      const feed = node;
      node = feeds.first(feed);
      const c = node >> PRIORITY_BITS;
      if (mode[c] === WAIT) {
        feeds.remove(feed, node);
        place[node] = PARKED;
        if (feeds.isEmpty(feed)) return ~feed;
        node = feed;
      } else if (deficitBytes[node] <= 0) {
        // Its turn is over.
        deficitBytes[node] += quantumBytes[c];
        feeds.rotate(feed);
        node = feed;
      } else {
        path[length++] = node;
      }
    }
    this.pathLength = length;
    return node >> PRIORITY_BITS;
  }

  /** The class in whose row descend() began. */
  lender(): number {
    return this.path[0] >> PRIORITY_BITS;
  }

  /**
   * Ends the turn in the row in which descend() began, and takes a packet's bytes from the turns on its way.
   */
  charge(chargeBytes: number): void {
    const { path, deficitBytes } = this;
    const top = path[0];
    this.rows.rotate(this.rowOf(top >> PRIORITY_BITS, top & (PRIORITIES - 1)));
    for (let n = 1; n < this.pathLength; n++) deficitBytes[path[n]] -= chargeBytes;
  }

  /**
   * Gives an active node its place of before: in the feed also while its ceiling is used up, or parked.
   * Returns whether it must join its parent's feed for that.
   */
  inheritPlace(from: Turns, node: number, old: number): boolean {
    if (this.place[node] === QUEUED) return false;
    if (from.place[old] === PARKED) this.place[node] = PARKED;
    return from.place[old] === QUEUED;
  }

  inheritDeficit(from: Turns, node: number, old: number): void {
    this.deficitBytes[node] = from.deficitBytes[old];
  }

  /**
   * Puts the nodes of every list in the order that they had. Nodes that were not in the list go to the back.
   */
  inheritOrder(from: Turns, change: ClassChange): void {
    reorder(this.feeds, from.feeds, change);
    reorder(this.rows, from.rows, change);
  }

  /** Row list of node (c, prio). */
  private rowOf(c: number, prio: number): number {
    return this.rowList[this.rootOf[c]] + this.level[c] * PRIORITIES + prio;
  }
}

function reorder(to: NodeLists, from: NodeLists, change: ClassChange): void {
  const placeBefore = new Map<number, number>();
  for (let list = 0; list < from.lists; list++) {
    for (const [place, node] of from.nodes(list).entries()) placeBefore.set(node, place);
  }
  const place = (node: number): number =>
    placeBefore.get(nodeBefore(change, node)) ?? Number.POSITIVE_INFINITY;
  for (let list = 0; list < to.lists; list++) {
    const nodes = to.nodes(list);
    for (const node of nodes) to.remove(list, node);
    // Infinity - Infinity is not a number, which sort() takes as equal.
    for (const node of nodes.sort((a, b) => place(a) - place(b))) to.append(list, node);
  }
}

/** The node that this one was before. NONE for a new class, one with another parent, and a root. */
export function nodeBefore({ before, classes, oldRow }: ClassChange, node: number): number {
  const row = node >> PRIORITY_BITS;
  const old = oldRow[row];
  const { parent } = classes[row];
  if (old === NONE || parent === NONE || before[old].parent !== oldRow[parent]) return NONE;
  return (old << PRIORITY_BITS) | (node & (PRIORITIES - 1));
}
