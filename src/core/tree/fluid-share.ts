/**
 * The shares of a class tree if packets were a fluid: what every leaf would get if demands stayed as they
 * are.
 *
 *   1. Every leaf has its demand within its own guarantee.
 *   2. Every inner class, the lower ones first, lends the rest of its guarantee, and the root the rest of its
 *      ceiling: to the leaves below it of the first priority, at every branch in proportion to the weights,
 *      to none above a ceiling; then to those of the next priority.
 *
 *     root 100   a (guaranteed 40) wants all, b wants all, c wants 10    ->   40 + 25    25    10
 *
 * That is what modes.ts and turns.ts come to over time. Work of a few operations for each class, inner class
 * with a guarantee, and priority in use; nothing is allocated.
 */
import { NONE } from '../../base/none.ts';
import { type ClassInfo, levelsOf } from '../classes/classes.ts';

export class FluidShare {
  /** By leaf, in bytes per second: what it asks for; Infinity for all that it can get. */
  readonly demand: Float64Array;
  /** By class, in bytes per second: what it has, its classes included. */
  readonly share: Float64Array;
  /** By class: the row after the last class inside it. */
  readonly end: Int32Array;
  private readonly classes: readonly ClassInfo[];
  private readonly prio: Uint8Array;
  private readonly rate: Float64Array;
  /** Inner classes that lend, the lower ones first. */
  private readonly lenders: readonly number[];
  /** Priorities that some leaf has, the first first. */
  private readonly prios: readonly number[];
  /** By class: what it would take more of the present priority. */
  private readonly room: Float64Array;
  /** By class: what it gets of a loan. */
  private readonly gets: Float64Array;

  constructor(classes: readonly ClassInfo[]) {
    this.classes = classes;
    const zeros = (): Float64Array => new Float64Array(classes.length);
    this.demand = zeros();
    this.share = zeros();
    this.room = zeros();
    this.gets = zeros();
    this.end = Int32Array.from(classes, (_, c) => c + 1);
    for (let c = classes.length - 1; c >= 0; c--) {
      const { parent } = classes[c];
      if (parent !== NONE) this.end[parent] = Math.max(this.end[parent], this.end[c]);
    }
    // A root lends what its ceiling allows.
    this.rate = Float64Array.from(classes, ({ parent, spec }) =>
      parent === NONE ? Number.POSITIVE_INFINITY : spec.rateBytesPerSec,
    );
    this.prio = Uint8Array.from(classes, ({ spec }) => spec.priority);
    const level = levelsOf(classes);
    const rows = [...classes.keys()];
    const isLeaf = (c: number): boolean => classes[c].children.length === 0;
    this.lenders = rows.filter((c) => !isLeaf(c) && this.rate[c] > 0).sort((a, b) => level[a] - level[b]);
    this.prios = [...new Set(rows.filter(isLeaf).map((c) => this.prio[c]))].sort((a, b) => a - b);
  }

  /** Finds the shares of the tree of `root`, by `demand` and the ceilings of all classes. */
  solve(root: number, ceilBytesPerSec: Float64Array): void {
    const { classes, share, demand, rate, end, lenders, prios } = this;
    share.fill(0, root, end[root]);
    // Children have higher rows than their parents.
    for (let c = end[root] - 1; c >= root; c--) {
      const { parent, children } = classes[c];
      if (children.length === 0) share[c] = Math.min(rate[c], demand[c], ceilBytesPerSec[c]);
      if (parent !== NONE) share[parent] += share[c];
    }
    for (let n = 0; n < lenders.length; n++) {
      const lender = lenders[n];
      if (lender < root || lender >= end[root]) continue;
      for (let p = 0; p < prios.length; p++) {
        this.findRoom(lender, prios[p], ceilBytesPerSec);
        const loan = Math.min(rate[lender] - share[lender], this.room[lender]);
        if (loan <= 0) continue;
        for (let c = classes[lender].parent; c !== NONE; c = classes[c].parent) share[c] += loan;
        this.lend(lender, loan);
      }
    }
  }

  private findRoom(lender: number, prio: number, ceilBytesPerSec: Float64Array): void {
    const { classes, room, share, demand, end } = this;
    for (let c = lender; c < end[lender]; c++)
      room[c] = classes[c].children.length === 0 && this.prio[c] === prio ? demand[c] - share[c] : 0;
    for (let c = end[lender] - 1; c >= lender; c--) {
      room[c] = Math.max(0, Math.min(ceilBytesPerSec[c] - share[c], room[c]));
      if (c > lender) room[classes[c].parent] += room[c];
    }
  }

  /** Gives `loan`, at most the room, to `lender` and the classes inside it. */
  private lend(lender: number, loan: number): void {
    const { classes, gets, share, end } = this;
    gets.fill(0, lender, end[lender]);
    gets[lender] = loan;
    for (let c = lender; c < end[lender]; c++) {
      if (gets[c] === 0) continue;
      share[c] += gets[c];
      if (classes[c].children.length > 0) this.divide(c);
    }
  }

  /** Divides what class `c` gets among its children by their weights. A child with less room is filled. */
  private divide(c: number): void {
    const { classes, gets, room } = this;
    const { children } = classes[c];
    let left = gets[c];
    for (;;) {
      let weights = 0;
      for (let n = 0; n < children.length; n++) {
        const child = children[n];
        if (gets[child] < room[child]) weights += classes[child].spec.weight;
      }
      if (weights === 0) return;
      const perWeight = left / weights;
      let isFilled = false;
      for (let n = 0; n < children.length; n++) {
        const child = children[n];
        if (gets[child] >= room[child] || room[child] > perWeight * classes[child].spec.weight) continue;
        gets[child] = room[child];
        left = Math.max(0, left - room[child]);
        isFilled = true;
      }
      if (isFilled) continue;
      for (let n = 0; n < children.length; n++) {
        const child = children[n];
        if (gets[child] < room[child]) gets[child] = perWeight * classes[child].spec.weight;
      }
      return;
    }
  }
}
