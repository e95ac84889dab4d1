/**
 * The rate that a paced class could have now: its share of the tree (fluid-share.ts) by what the others ask
 * for. Nothing here is done for a packet; the shares are found anew every 100 ms.
 *
 * | a leaf                                                             | asks for                          |
 * |--------------------------------------------------------------------|-----------------------------------|
 * | with packets waiting at three of the last four looks               | all that it can get               |
 * | of a paced class with active connections, if it sends, or is that  | all that it can get               |
 * |   class itself, or no leaf of that class sends                     |                                   |
 * | any other                                                          | what it sent in the last second   |
 *
 * A packet may wait for a moment in a class that is far below its share, so one look is not enough.
 */
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import { type ClassInfo, chainOf } from '../classes/classes.ts';
import type { Backlog } from '../packets/backlog.ts';
import { FluidShare } from './fluid-share.ts';

/** Bits of the last four looks at a leaf, by how many are set. */
const LOOKS_MASK = 0b1111;
const MANY_LOOKS = [0b1111, 0b1110, 0b1101, 0b1011, 0b0111];
const ALL = Number.POSITIVE_INFINITY;
/** Classes without active connections that a look solves for. */
const IDLE_SOLVED = 4;

/** What classes send, and their ceilings of now, by class in bytes per second. */
export interface Rates {
  readonly use: Float64Array;
  readonly ceil: Float64Array;
}

export class Available {
  private readonly classes: readonly ClassInfo[];
  private readonly rates: Rates;
  private readonly backlog: Backlog;
  private readonly fluid: FluidShare;
  /** By leaf: the nearest class with pacing, from the leaf up; NONE if there is none. */
  private readonly pacedBy: Int16Array;
  /** Rows of the paced classes. */
  private readonly paced: readonly number[];
  /** Roots with paced classes below them. */
  private readonly roots: readonly number[];
  /** Place in `paced` at which the next look begins to solve for idle classes. */
  private nextIdle = 0;
  /** By leaf: a bit for each of the last looks, 1 if packets waited. */
  private readonly looks: Uint8Array;
  /** By paced class: leaves of it that send. */
  private readonly sending: Int32Array;
  /** By leaf: its demand without connections, while findIdle() runs. */
  private readonly asked: Float64Array;
  /** By paced class, in bytes per second; NaN before its first look. */
  private readonly found: Float64Array;

  constructor(classes: readonly ClassInfo[], rates: Rates, backlog: Backlog) {
    this.classes = classes;
    this.rates = rates;
    this.backlog = backlog;
    this.fluid = new FluidShare(classes);
    this.pacedBy = chainOf(classes, ({ spec }) => spec.pace !== null).from;
    this.paced = [...classes.keys()].filter((c) => classes[c].spec.pace !== null);
    this.roots = [...new Set(this.paced.map((c) => classes[c].root))];
    this.looks = new Uint8Array(classes.length);
    this.sending = new Int32Array(classes.length);
    this.asked = new Float64Array(classes.length);
    this.found = new Float64Array(classes.length).fill(Number.NaN);
  }

  /** Goes on with what was found of the classes that stay, until the next look. */
  inherit(from: Available, { oldRow }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) {
      if (old === NONE) continue;
      this.looks[c] = from.looks[old];
      this.found[c] = from.found[old];
    }
  }

  /** Looks at all classes. `active` has the number of active connections of each paced class. */
  look(active: ArrayLike<number>): void {
    const { classes, looks, sending, pacedBy, fluid, backlog } = this;
    sending.fill(0);
    for (let c = 0; c < classes.length; c++) {
      if (classes[c].children.length > 0) continue;
      looks[c] = ((looks[c] << 1) | (backlog.packets(c) > 0 ? 1 : 0)) & LOOKS_MASK;
      if (pacedBy[c] !== NONE && this.sends(c)) sending[pacedBy[c]] += 1;
    }
    for (let c = 0; c < classes.length; c++) {
      const paced = pacedBy[c];
      const isPushed = paced !== NONE && active[paced] > 0 && this.mayAsk(c);
      fluid.demand[c] = isPushed || MANY_LOOKS.includes(looks[c]) ? ALL : Math.max(0, this.rates.use[c]);
    }
    for (let n = 0; n < this.roots.length; n++) this.findActive(this.roots[n], active);
    this.findIdles(active);
  }

  /**
   * Bytes per second, as ceilings count them, for connections whose nearest paced class is `c`. For a class
   * without active connections: what it would have had with some, a few looks ago; before that its ceilings.
   */
  bytesPerSec(c: number): number {
    if (!Number.isNaN(this.found[c])) return this.found[c];
    let bytesPerSec = ALL;
    for (let row = c; row !== NONE; row = this.classes[row].parent)
      bytesPerSec = Math.min(bytesPerSec, this.rates.ceil[row]);
    return bytesPerSec;
  }

  /** Solves the tree of `root` for the classes with active connections, if there are any. */
  private findActive(root: number, active: ArrayLike<number>): void {
    const { pacedBy, found, fluid, rates } = this;
    let isAny = false;
    for (let c = root; c < fluid.end[root]; c++) {
      if (this.classes[c].spec.pace === null || active[c] === 0) continue;
      found[c] = 0;
      isAny = true;
    }
    if (!isAny) return;
    fluid.solve(root, rates.ceil);
    for (let c = root; c < fluid.end[root]; c++) {
      const paced = pacedBy[c];
      if (paced !== NONE && active[paced] > 0 && this.isLeaf(c)) found[paced] += fluid.share[c];
    }
  }

  /** An idle class needs a solution of its own, so each look has time for a few of them only, in turn. */
  private findIdles(active: ArrayLike<number>): void {
    const { paced } = this;
    let left = IDLE_SOLVED;
    for (let n = 0; n < paced.length && left > 0; n++) {
      const c = paced[this.nextIdle];
      this.nextIdle = (this.nextIdle + 1) % paced.length;
      if (active[c] > 0) continue;
      this.findIdle(c);
      left--;
    }
  }

  private findIdle(paced: number): void {
    const { pacedBy, found, fluid, rates } = this;
    const { root } = this.classes[paced];
    const end = fluid.end[paced];
    for (let c = paced; c < end; c++) {
      this.asked[c] = fluid.demand[c];
      if (pacedBy[c] === paced && this.isLeaf(c) && this.mayAsk(c)) fluid.demand[c] = ALL;
    }
    fluid.solve(root, rates.ceil);
    found[paced] = 0;
    for (let c = paced; c < end; c++) {
      if (pacedBy[c] === paced && this.isLeaf(c)) found[paced] += fluid.share[c];
      fluid.demand[c] = this.asked[c];
    }
  }

  private isLeaf(c: number): boolean {
    return this.classes[c].children.length === 0;
  }

  private sends(leaf: number): boolean {
    return this.rates.use[leaf] > 0 || this.looks[leaf] !== 0;
  }

  /** Whether connections of the leaf's paced class are likely to be in this leaf. */
  private mayAsk(leaf: number): boolean {
    return this.sending[this.pacedBy[leaf]] === 0 || this.sends(leaf);
  }
}
