/**
 * The class trees: who may send next, and when.
 *
 * Reference: Floyd, Jacobson, "Link-sharing and resource management models for packet networks" (1995), and
 * its form in Linux, HTB (net/sched/sch_htb.c): every class has a bucket for its guaranteed rate and one for
 * its ceiling.
 *
 * A class is in mode SEND, BORROW or WAIT (modes.ts). Classes in mode SEND are in rows, by level and priority
 * (turns.ts). next() takes the lowest row that is not empty, so that guaranteed packets go before borrowed
 * ones, and in it the first priority. It starts at the class whose turn it is and follows the feeds down to a
 * leaf. No class on this way is in mode SEND, because lower rows come first.
 *
 * A packet takes tokens of the ceilings of its leaf and of every ancestor, and of the rates of the lender and
 * of the lender's ancestors (class-buckets.ts).
 *
 * Departures from HTB: the root's ceiling bounds everything, also guaranteed packets, so that bursts of the
 * children never exceed the link. Quanta count at every branch, so that `weight` splits among siblings.
 * Buckets are instants (algo/buckets/token-bucket.ts), and a packet takes its tokens at the instant at which
 * it conformed, however late we look.
 */
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { HeldTable } from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import type { SetQueues } from '../queues/set-queues.ts';
import type { Rates } from './available.ts';
import { ClassBuckets, SEND, WAIT } from './class-buckets.ts';
import { Modes } from './modes.ts';
import { MovingCeils } from './moving-ceils.ts';
import { RecentUse } from './recent-use.ts';
import { PRIORITIES, PRIORITY_BITS, Turns } from './turns.ts';

/** The buckets of a class at one instant, for people. */
export interface TreeState {
  /** The ceiling of now. */
  readonly ceilBytesPerSec: number;
  readonly ceilTokens: number;
  /** null without a guaranteed rate. */
  readonly rateTokens: number | null;
  readonly boundNs: number;
  readonly boundUntilNs: number;
}

export class Trees {
  /** Rows of the roots, `up` first: a packet that waits there has passed its `down` tree, so it is older. */
  readonly roots: readonly number[];
  private readonly held: HeldTable;
  private readonly queues: SetQueues;
  private readonly buckets: ClassBuckets;
  private readonly turns: Turns;
  private readonly modes: Modes;
  private readonly rootOf: Int16Array;
  private readonly parent: Int32Array;
  private readonly level: Uint8Array;

  private readonly use: RecentUse;
  private readonly ceils: MovingCeils;
  private readonly adjusts: boolean;

  constructor(classes: readonly ClassInfo[], held: HeldTable, queues: SetQueues, ledger: Ledger) {
    this.held = held;
    this.queues = queues;
    const roots = classes.flatMap((info, row) => (info.root === row ? [row] : []));
    this.roots = [
      ...roots.filter((row) => classes[row].direction === 'up'),
      ...roots.filter((row) => classes[row].direction === 'down'),
    ];
    this.buckets = new ClassBuckets(classes);
    this.turns = new Turns(classes);
    this.modes = new Modes(classes, held, queues, this.buckets, this.turns);
    this.rootOf = this.turns.rootOf;
    this.parent = this.turns.parent;
    this.level = this.turns.level;
    this.adjusts = classes.some(({ spec }) => spec.adjust);
    const isPaced = classes.some(({ spec }) => spec.pace !== null);
    this.use = new RecentUse(classes, ledger.stats, this.adjusts || isPaced);
    this.ceils = new MovingCeils(classes, this.use, this.buckets, ledger);
  }

  /**
   * Goes on from `from` after a change: tokens, debts and turns stay, so that a change of one class is not
   * felt by another. Leaves hold their packets already. Call it before any packet is added or taken.
   */
  inherit(from: Trees, change: ClassChange): void {
    this.buckets.inherit(from.buckets, change);
    this.use.inherit(from.use, change);
    this.ceils.inherit(from.ceils, change);
    this.modes.inherit(from.modes, change);
  }

  /**
   * Moves ceilings for people who look between two batches: nobody is woken for a ceiling for which nothing
   * waits, so it stands still while no packet comes. Returns whether a tick has ended with that.
   */
  settle(nowNs: number): boolean {
    if (this.ceils.wakeNs(this.modes) !== Number.POSITIVE_INFINITY || !this.endTicks(nowNs)) return false;
    this.moveCeils(nowNs);
    return true;
  }

  /** What classes have sent in the last second, where any is paced or adjusts, and their ceilings of now. */
  get rates(): Rates {
    return { use: this.use.bytesPerSec, ceil: this.ceils.bytesPerSec };
  }

  /** Counts what classes have sent by now, before the ledger regroups. */
  settleUse(): void {
    this.use.count();
  }

  /**
   * Ends the ticks before the one of `nowNs`, before packets leave. Returns whether any has ended: then
   * moveCeils() must follow when all packets due by now have left.
   */
  endTicks(nowNs: number): boolean {
    if (nowNs < this.use.nextNs) return false;
    this.use.advance(nowNs);
    return true;
  }

  /** Moves ceilings to what the last ticks say. */
  moveCeils(nowNs: number): void {
    this.ceils.advance(this.modes, nowNs);
  }

  /** Nanoseconds a byte takes at the class's ceiling. */
  nsPerByte(row: number): number {
    return this.buckets.nsPerByte(row);
  }

  /** Tokens of a class at `nowNs`, and how long packets have waited for its ceiling in all. */
  inspect(row: number, nowNs: number): TreeState {
    const { boundNs, boundUntilNs } = this.modes;
    const { ceilTokens, rateTokens } = this.buckets.tokensAt(row, nowNs);
    const ceilBytesPerSec = this.ceils.bytesPerSec[row];
    return {
      ceilBytesPerSec,
      ceilTokens,
      rateTokens,
      boundNs: boundNs[row],
      boundUntilNs: boundUntilNs[row],
    };
  }

  /** Moves the horizon and the modes of all classes. Call it before the other methods in every batch. */
  advance(horizonNs: number): void {
    this.modes.advance(horizonNs);
  }

  /**
   * The way of most packets: nothing waits under the root, and the buckets let `h` go by the horizon. Takes
   * the tokens, moves readyNs and returns true; otherwise changes nothing.
   */
  pass(h: number): boolean {
    const { held, buckets } = this;
    const leaf = held.leaf[h];
    const root = this.rootOf[leaf];
    if (this.turns.anyRow(root) || !this.queues.isEmpty(leaf)) return false;
    const chargeBytes = held.chargeBytes[h];
    const readyNs = held.readyNs(h);
    const leafNs = root === leaf ? readyNs : buckets.conformNs(leaf, chargeBytes, readyNs);
    const atNs = buckets.conformNs(root, chargeBytes, leafNs);
    if (atNs > this.modes.horizonNs) return false;
    const lender = this.lenderOf(leaf, chargeBytes);
    if (lender === NONE) return false;
    this.charge(leaf, lender, chargeBytes, atNs);
    // It has waited for an `each` bucket.
    if (readyNs > held.enteredNs(h)) held.setLender(h, lender);
    held.setReadyNs(h, atNs);
    return true;
  }

  /**
   * Appends packet `h` to its leaf; it may leave from readyNs on. Returns false if the leaf has no room for
   * its flow.
   */
  enqueue(h: number, nowNs: number): boolean {
    const leaf = this.held.leaf[h];
    if (!this.queues.push(leaf, h, nowNs)) return false;
    this.modes.joined(leaf, h);
    return true;
  }

  /** Takes notice of packets that were put into the leaf's queues or taken out. */
  look(leaf: number): void {
    this.modes.look(leaf);
  }

  /**
   * Takes the next packet under `root` that may leave by the horizon; readyNs is its instant. NONE if there
   * is none.
   */
  next(root: number): number {
    const { held, queues, buckets, modes, turns } = this;
    const { horizonNs } = modes;
    if (modes.rootDueNs[root] > horizonNs) return NONE;
    for (let leaf = this.pick(root); leaf !== NONE; leaf = this.pick(root)) {
      const head = queues.head(leaf);
      const headBytes = held.chargeBytes[head];
      const leafNs = buckets.conformNs(leaf, headBytes, held.readyNs(head));
      if (leafNs > horizonNs) {
        // Its turn came to a longer packet than the one its mode was found for. Or the packet conforms within
        // EPSILON_NS, which counts in the mode and not here; then the root says until when nothing leaves.
        modes.refresh(leaf);
        if (modes.mode[leaf] === WAIT) continue;
      }
      const atNs = buckets.conformNs(root, headBytes, leafNs);
      if (atNs > horizonNs) {
        modes.rootDueNs[root] = atNs;
        modes.noteBound(root, atNs);
        return NONE;
      }
      const lender = turns.lender();
      const h = queues.shift(leaf, atNs);
      if (h === NONE) {
        // Its AQM dropped all its packets.
        modes.emptied(leaf);
        continue;
      }
      const chargeBytes = held.chargeBytes[h];
      turns.charge(chargeBytes);
      if (queues.isEmpty(leaf)) modes.emptied(leaf);
      this.charge(leaf, lender, chargeBytes, atNs);
      held.setLender(h, lender);
      held.setReadyNs(h, atNs);
      return h;
    }
    return NONE;
  }

  /**
   * Instant at which next() may have a packet again, after advance() and a next() that had none; Infinity for
   * never.
   */
  nextDueNs(): number {
    const { rootDueNs } = this.modes;
    const changeNs = this.modes.nextChangeNs();
    let dueNs = changeNs;
    for (const root of this.roots) {
      if (this.turns.anyRow(root) && rootDueNs[root] < dueNs) dueNs = rootDueNs[root];
    }
    // Where packets wait for the ceiling of a class, the instant at which they may go is a change.
    const mayWake = this.adjusts && changeNs < Number.POSITIVE_INFINITY && dueNs > this.use.nextNs;
    return mayWake ? Math.min(dueNs, this.ceils.wakeNs(this.modes)) : dueNs;
  }

  /**
   * Gives back what a packet of `leaf`, which was lost, took of its buckets at `takenNs`. Its turns stay
   * taken: they cost its class one packet at most, and keep nobody waiting.
   */
  giveBack(leaf: number, lender: number, chargeBytes: number, takenNs: number, nowNs: number): void {
    this.buckets.giveBack(leaf, lender, chargeBytes, takenNs, nowNs);
    this.modes.charged(leaf);
    this.modes.rootDueNs[this.rootOf[leaf]] = 0;
  }

  /** Takes notice of waiting packets of `leaf` that cost less than before. */
  cheapened(leaf: number): void {
    this.modes.refresh(leaf);
    this.modes.rootDueNs[this.rootOf[leaf]] = 0;
  }

  /** Takes all waiting packets under `root`, leaf by leaf, whatever the tokens. */
  takeAll(root: number): number[] {
    const all: number[] = [];
    for (let leaf = root; leaf < this.level.length && this.rootOf[leaf] === root; leaf++) {
      if (this.level[leaf] > 0 || !this.modes.isActive(leaf)) continue;
      while (!this.queues.isEmpty(leaf)) all.push(this.queues.shiftAny(leaf));
      this.modes.look(leaf);
    }
    return all;
  }

  /** The leaf whose turn it is; NONE if no row has nodes. */
  private pick(root: number): number {
    const { turns, modes } = this;
    for (let node = turns.firstInRows(root); node !== NONE; node = turns.firstInRows(root)) {
      const leaf = turns.descend(node, modes.mode);
      if (leaf >= 0) return leaf;
      // All below a class on the way must wait.
      modes.deactivate(~leaf >> PRIORITY_BITS, ~leaf & (PRIORITIES - 1));
    }
    return NONE;
  }

  /**
   * Nearest class from `leaf` up that may send on its own rate by the horizon, if all ceilings on the way
   * allow; else NONE.
   */
  private lenderOf(leaf: number, chargeBytes: number): number {
    const { horizonNs } = this.modes;
    for (let c = leaf; ; c = this.parent[c]) {
      if (this.parent[c] === NONE) return c;
      const mode = this.buckets.mode(c, c === leaf ? chargeBytes : 0, horizonNs);
      if (mode === SEND) return c;
      if (mode === WAIT) return NONE;
    }
  }

  /** Takes a packet's tokens and moves the classes whose mode that changes. */
  private charge(leaf: number, lender: number, chargeBytes: number, atNs: number): void {
    this.buckets.take(leaf, lender, chargeBytes, atNs);
    this.modes.charged(leaf);
  }
}
