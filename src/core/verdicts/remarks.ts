/**
 * The DSCP with which packets leave their class. Rules behind the NFQUEUE write it (spec/mark-codes.ts), so
 * no packet is copied for it.
 *
 * The new DSCP counts when the packet has left the class. The class's own AQM and meters see the DSCP that
 * came, the next tree sees the new one. Classes are always chosen by the DSCP that came.
 */
import { NONE } from '../../base/none.ts';
import type { RemarkSpec } from '../../spec/spec.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { HeldTable } from '../packets/held.ts';

const COLOURS = 3;

export class Remarks {
  /** Whether any class asks for a DSCP, and rules can write it. */
  readonly isUsed: boolean;
  private readonly held: HeldTable;
  /** By class and colour: number of the DSCP in the plan, from 1; 0 if none is to be written. */
  private readonly number: Uint8Array;
  /** The DSCP by its number. */
  private readonly points: Uint8Array;

  /** `points` are the plan's. */
  constructor(classes: readonly ClassInfo[], held: HeldTable, points: readonly number[]) {
    this.held = held;
    this.points = Uint8Array.from([0, ...points]);
    this.number = new Uint8Array(COLOURS * classes.length);
    const asked: (RemarkSpec | null)[] = [];
    for (const [row, { spec, parent }] of classes.entries()) {
      const remark = spec.remark ?? (parent === NONE ? null : (asked[parent] ?? null));
      asked.push(remark);
      for (const [colour, point] of (remark ?? []).entries()) {
        if (point !== null) this.number[COLOURS * row + colour] = points.indexOf(point) + 1;
      }
    }
    this.isUsed = this.number.some((number) => number !== 0);
  }

  /** Packet `h` leaves its leaf. Call if isUsed. */
  apply(h: number): void {
    const { held } = this;
    const number = this.number[COLOURS * held.leaf[h] + held.colour(h)];
    const point = this.points[number];
    if (number === 0 || held.dscp(h) === point) return;
    held.setRemark(h, number, point);
  }
}
