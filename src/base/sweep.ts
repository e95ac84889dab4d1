/**
 * A hand that goes round the rows of a table, so that idle rows are forgotten without a look at the whole
 * table at once.
 *
 *   rows   0  16  32  48 | 64  80 | 96 ... highWater   In this batch the hand went from 48 to 80. It starts
 *                         ^^^^^^^^                     again with row 0 behind the last row ever in use.
 *
 * In each batch the hand passes a share of the table in proportion to the time since its last look: four
 * rounds in the idle time of a row, so that a row outstays its time by a quarter at most. A table that is
 * full asks the hand too: it looks at EVICT_LOOKS rows for one that may go.
 *
 * The owner of the table loops over the rows and decides, so that no call in the loop goes through an
 * interface:
 *
 *   for (let n = hand.rowsDue(nowNs); n > 0; n--) {
 *     const row = hand.next();
 *     ...
 *   }
 */
import { FLOAT_ZERO } from './float.ts';
import type { KeyTable } from './key-table.ts';

/** Rows to look at when a full table needs room. */
export const EVICT_LOOKS = 64;
/** Rounds of the hand in the idle time of a row. */
const ROUNDS = 4;

export class SweepingHand {
  private readonly table: KeyTable;
  private readonly idleNs: number;
  private readonly rowsMax: number;
  private row = 0;
  private sweptNs = FLOAT_ZERO;

  /** The hand passes at most `rowsMax` rows in one batch. */
  constructor(table: KeyTable, idleNs: number, rowsMax: number) {
    this.table = table;
    this.idleNs = idleNs;
    this.rowsMax = rowsMax;
  }

  /** Rows to look at by now. Each must then be asked for with next(). */
  rowsDue(nowNs: number): number {
    const rows = this.table.highWater / this.table.stride;
    const due = (ROUNDS * rows * (nowNs - this.sweptNs)) / this.idleNs;
    if (due < 1) return 0;
    this.sweptNs = nowNs;
    return Math.floor(Math.min(due, this.rowsMax, rows));
  }

  /** The next row, which may be unused. */
  next(): number {
    const { highWater, stride } = this.table;
    this.row = this.row + stride >= highWater ? 0 : this.row + stride;
    return this.row;
  }
}
