/**
 * Ceilings that move. The class with `adjust` has what its siblings leave of its ceiling
 * (algo/pacing/reservation.ts). No class inside it has a higher ceiling than it has now.
 *
 *     up 2000   voice (ceil 128) sends 100: all of its 128 are reserved     ->  rest has 1872
 *               mail (no ceil of its own) sends 300: 300 are reserved           rest has 1572
 *               rest  adjust: true                                              what is in it, at most 1572
 *
 * A ceiling that moves takes its tokens and debts along, and the packets that wait for it are due by the new
 * one. Ceilings move at ticks of recent-use.ts: after the packets that were due by the old ones.
 */
import { keepsLimit, leftBytesPerSec, reservedBytesPerSec } from '../../algo/pacing/reservation.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Ledger } from '../packets/ledger.ts';
import type { ClassBuckets } from './class-buckets.ts';
import type { Modes } from './modes.ts';
import type { RecentUse } from './recent-use.ts';

export class MovingCeils {
  /** The ceilings of now, by class, in bytes per second. */
  readonly bytesPerSec: Float64Array;
  private readonly classes: readonly ClassInfo[];
  private readonly use: RecentUse;
  private readonly buckets: ClassBuckets;
  private readonly ledger: Ledger;
  /** Rows of the classes that adjust and of all classes inside them, parents first. */
  private readonly rows: Int32Array;
  /** The configured ceilings, none above that of the class around it. */
  private readonly bound: Float64Array;
  /** By class: 1 while all of its ceiling is kept for it. */
  private readonly isKept: Uint8Array;

  constructor(classes: readonly ClassInfo[], use: RecentUse, buckets: ClassBuckets, ledger: Ledger) {
    this.classes = classes;
    this.use = use;
    this.buckets = buckets;
    this.ledger = ledger;
    this.bytesPerSec = Float64Array.from(classes, ({ spec }) => spec.ceilBytesPerSec);
    this.bound = this.bytesPerSec.slice();
    this.isKept = new Uint8Array(classes.length);
    const moves = new Uint8Array(classes.length);
    for (const [c, { parent, spec }] of classes.entries()) {
      if (parent === NONE) continue;
      this.bound[c] = Math.min(this.bound[c], this.bound[parent]);
      moves[c] = spec.adjust ? 1 : moves[parent];
    }
    this.rows = Int32Array.from([...moves.keys()].filter((c) => moves[c] === 1));
    for (const c of classes.keys()) ledger.ceiling(c, this.bytesPerSec[c]);
  }

  /**
   * Goes on with the ceilings of the same classes, and moves all to what use says now. Buckets have their
   * tokens; no class is active yet.
   */
  inherit(from: MovingCeils, { oldRow, nowNs }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) if (old !== NONE) this.isKept[c] = from.isKept[old];
    for (const c of this.rows) this.move(c, nowNs);
  }

  /** Moves the ceilings at a tick. */
  advance(modes: Modes, nowNs: number): void {
    const { rows } = this;
    for (let n = 0; n < rows.length; n++) if (this.move(rows[n], nowNs)) modes.ceilMoved(rows[n]);
  }

  /** The next tick, if packets wait for a ceiling that may move then; else Infinity. */
  wakeNs(modes: Modes): number {
    const { rows } = this;
    for (let n = 0; n < rows.length; n++) if (modes.waits(rows[n])) return this.use.nextNs;
    return Number.POSITIVE_INFINITY;
  }

  /** Returns whether the ceiling of class `c` is another now. */
  private move(c: number, nowNs: number): boolean {
    const { parent, spec } = this.classes[c];
    const aroundBytesPerSec = Math.min(this.bound[parent], this.bytesPerSec[parent]);
    let bytesPerSec = Math.min(this.bound[c], aroundBytesPerSec);
    if (spec.adjust) {
      const reserved = this.reservedBesides(c, aroundBytesPerSec);
      bytesPerSec = leftBytesPerSec(bytesPerSec, reserved, spec.rateBytesPerSec);
    }
    if (bytesPerSec === this.bytesPerSec[c]) return false;
    this.bytesPerSec[c] = bytesPerSec;
    this.buckets.moveCeil(c, bytesPerSec, nowNs);
    this.ledger.ceiling(c, bytesPerSec);
    return true;
  }

  /** What the siblings of class `c` reserve under a ceiling of `aroundBytesPerSec`. */
  private reservedBesides(c: number, aroundBytesPerSec: number): number {
    const { classes, use, bound, isKept } = this;
    const parent = classes[classes[c].parent];
    const { children } = parent;
    let sum = 0;
    for (let n = 0; n < children.length; n++) {
      const s = children[n];
      if (s === c) continue;
      const hasOwnCeil = classes[s].spec.ceilBytesPerSec < parent.spec.ceilBytesPerSec;
      const limit = hasOwnCeil ? Math.min(bound[s], aroundBytesPerSec) : Number.POSITIVE_INFINITY;
      const used = Math.max(0, use.bytesPerSec[s]);
      const keeps = keepsLimit(limit, used, isKept[s] === 1);
      isKept[s] = keeps ? 1 : 0;
      sum += reservedBytesPerSec(limit, used, keeps);
    }
    return sum;
  }
}
