/**
 * The modes of classes: which of them have packets, and what their buckets let them do.
 *
 *   SEND    its rate and its ceiling let it go: no class needs to lend
 *   BORROW  its ceiling lets it go, its rate does not: the nearest ancestor in mode SEND lends
 *   WAIT    its ceiling is used up
 *
 * A class is active for a priority while packets of that priority wait below it (a leaf: in it) that may go.
 * Only active classes have a mode, a place in the lists (turns.ts) and an instant at which their mode changes
 * by itself.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { IndexedHeap } from '../../base/heap.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { HeldTable } from '../packets/held.ts';
import type { SetQueues } from '../queues/set-queues.ts';
import { BORROW, type ClassBuckets, SEND, WAIT } from './class-buckets.ts';
import { nodeBefore, PRIORITIES, PRIORITY_BITS, type Turns } from './turns.ts';

export class Modes {
  /** Everything due by this instant counts as due. */
  horizonNs = FLOAT_ZERO;
  /** By root: no packet leaves before this instant; 0 if it is not known. */
  readonly rootDueNs: Float64Array;
  /**
   * By class, for people: how long packets have waited for its ceiling in all, and up to which instant.
   * Nothing decides by it.
   */
  readonly boundNs: Float64Array;
  readonly boundUntilNs: Float64Array;
  private readonly held: HeldTable;
  private readonly queues: SetQueues;
  private readonly buckets: ClassBuckets;
  private readonly turns: Turns;
  private readonly parent: Int32Array;
  private readonly level: Uint8Array;
  private readonly prio: Uint8Array;
  /** SEND, BORROW or WAIT by class. Meaningless while the class is not active. */
  readonly mode: Uint8Array;
  /** Bit `prio`: the class is active for this priority. */
  private readonly active: Uint8Array;
  /** Classes by the instant at which their mode changes by itself. */
  private readonly changes: IndexedHeap;

  constructor(
    classes: readonly ClassInfo[],
    held: HeldTable,
    queues: SetQueues,
    buckets: ClassBuckets,
    turns: Turns,
  ) {
    this.held = held;
    this.queues = queues;
    this.buckets = buckets;
    this.turns = turns;
    this.parent = turns.parent;
    this.level = turns.level;
    this.prio = Uint8Array.from(classes, ({ spec }) => spec.priority);
    this.mode = new Uint8Array(classes.length).fill(BORROW);
    this.active = new Uint8Array(classes.length);
    this.changes = new IndexedHeap(classes.length);
    this.rootDueNs = new Float64Array(classes.length);
    this.boundNs = new Float64Array(classes.length);
    this.boundUntilNs = new Float64Array(classes.length);
  }

  isActive(c: number): boolean {
    return this.active[c] !== 0;
  }

  /** First instant at which a mode changes by itself; Infinity if none does. */
  nextChangeNs(): number {
    return this.changes.topKey();
  }

  /** Moves the horizon, and the modes of all classes whose buckets let them do more by then. */
  advance(horizonNs: number): void {
    this.horizonNs = horizonNs;
    const { changes } = this;
    while (changes.size > 0 && changes.topKey() <= horizonNs) {
      const c = changes.top();
      changes.delete(c);
      this.refresh(c);
    }
  }

  /** Takes notice of packets that were put into the queues of `leaf` or taken out. */
  look(leaf: number): void {
    const isActive = this.active[leaf] !== 0;
    if (isActive === this.queues.isEmpty(leaf)) {
      if (isActive) this.deactivate(leaf, this.prio[leaf]);
      else this.activate(leaf, this.prio[leaf]);
    }
  }

  /**
   * Takes notice of packet `h`, which was put into the queues of `leaf`. If it goes next, the leaf waits for
   * its tokens, and no longer for those of the packet before it, which may be longer.
   */
  joined(leaf: number, h: number): void {
    if (this.active[leaf] === 0) this.activate(leaf, this.prio[leaf]);
    else if (this.mode[leaf] === WAIT && this.queues.head(leaf) === h) this.refresh(leaf);
  }

  /** The leaf, which was active, has no packets any more. */
  emptied(leaf: number): void {
    this.deactivate(leaf, this.prio[leaf]);
  }

  /** Moves the modes of a leaf and its ancestors after a packet took tokens of theirs. */
  charged(leaf: number): void {
    for (let c = leaf; c !== NONE; c = this.parent[c]) if (this.active[c] !== 0) this.refresh(c);
  }

  /** Gives an active class the mode that its buckets allow, and notes when that changes by itself. */
  refresh(c: number): void {
    if (this.active[c] === 0 || this.parent[c] === NONE) return;
    // An inner class lends while it is not in debt; a leaf must have the tokens of its first packet.
    const headBytes = this.level[c] === 0 ? this.held.chargeBytes[this.queues.head(c)] : 0;
    const mode = this.buckets.mode(c, headBytes, this.horizonNs);
    if (mode !== this.mode[c]) this.setMode(c, mode);
    const changeNs = this.buckets.changeNs(c, headBytes, mode);
    if (changeNs === Number.POSITIVE_INFINITY) this.changes.delete(c);
    else this.changes.set(c, changeNs);
    if (mode === WAIT) this.noteBound(c, changeNs);
  }

  /** Whether packets wait for the ceiling of class `c`. */
  waits(c: number): boolean {
    return this.active[c] !== 0 && this.mode[c] === WAIT;
  }

  /** The bucket of the ceiling of class `c` has another rate: packets that wait for it are due by that. */
  ceilMoved(c: number): void {
    const unboundNs = this.boundUntilNs[c] - this.horizonNs;
    if (unboundNs > 0) {
      this.boundNs[c] -= unboundNs;
      this.boundUntilNs[c] = this.horizonNs;
    }
    this.refresh(c);
  }

  /** Packets wait for the ceiling of class `c` until this instant. */
  noteBound(c: number, untilNs: number): void {
    const beforeNs = this.boundUntilNs[c];
    const fromNs = beforeNs > this.horizonNs ? beforeNs : this.horizonNs;
    if (untilNs <= fromNs) return;
    this.boundNs[c] += untilNs - fromNs;
    this.boundUntilNs[c] = untilNs;
  }

  /** Class `c` has no packets of this priority any more, or none below it that may go. */
  deactivate(c: number, prio: number): void {
    this.active[c] &= ~(1 << prio);
    if (this.active[c] === 0) this.changes.delete(c);
    if (this.parent[c] === NONE) {
      this.turns.leaveRow(c, prio);
      return;
    }
    if (this.mode[c] === SEND) this.turns.leaveRow(c, prio);
    if (this.turns.leaveFeed(c, prio)) this.deactivate(this.parent[c], prio);
  }

  /**
   * Goes on from the places and debts that the same classes had in `from`, after a change. The new classes
   * look as if their packets had just come; then each node whose class still has the same parent gets back
   * its place and the rest of its turn, and every list the order of before. Leaves hold their packets
   * already.
   */
  inherit(from: Modes, change: ClassChange): void {
    const { classes } = change;
    const { turns } = this;
    this.horizonNs = from.horizonNs;
    for (const [row, { children }] of classes.entries()) if (children.length === 0) this.look(row);
    // Children first: a child that joins its parent's feed makes the parent active.
    for (let row = classes.length - 1; row >= 0; row--) {
      for (let prio = 0; prio < PRIORITIES; prio++) {
        const node = (row << PRIORITY_BITS) | prio;
        const old = nodeBefore(change, node);
        if (old === NONE) continue;
        const isActive = (this.active[row] & (1 << prio)) !== 0;
        if (isActive && turns.inheritPlace(from.turns, node, old)) this.joinFeed(row, prio);
        turns.inheritDeficit(from.turns, node, old);
      }
    }
    turns.inheritOrder(from.turns, change);
  }

  private setMode(c: number, mode: number): void {
    const before = this.mode[c];
    this.mode[c] = mode;
    for (let prio = 0; prio < PRIORITIES; prio++) {
      if ((this.active[c] & (1 << prio)) === 0) continue;
      if (before === SEND) this.turns.leaveRow(c, prio);
      if (mode === SEND) this.joinRow(c, prio);
      if (mode !== WAIT) this.joinFeed(c, prio);
    }
  }

  /** Class `c` has packets of this priority from now on. */
  private activate(c: number, prio: number): void {
    const wasIdle = this.active[c] === 0;
    this.active[c] |= 1 << prio;
    if (this.parent[c] === NONE) {
      this.joinRow(c, prio);
      return;
    }
    // Nobody kept the mode of an idle class. It is in no list, so it may start from any mode.
    if (wasIdle) {
      this.mode[c] = WAIT;
      this.refresh(c);
      return;
    }
    if (this.mode[c] === SEND) this.joinRow(c, prio);
    if (this.mode[c] !== WAIT) this.joinFeed(c, prio);
  }

  private joinFeed(c: number, prio: number): void {
    if (this.turns.joinFeed(c, prio)) this.activate(this.parent[c], prio);
  }

  private joinRow(c: number, prio: number): void {
    const root = this.turns.rootOf[c];
    // A root that had nothing to send does not know when it may.
    if (!this.turns.anyRow(root)) this.rootDueNs[root] = 0;
    this.turns.joinRow(c, prio);
  }
}
