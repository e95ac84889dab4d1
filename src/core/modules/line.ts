/**
 * The packets of a batch in the order in which modules and classes see them.
 *
 *   arrivals          0  1  2  3  4           entry: the row of the batch
 *   1 is held, and    0  2  3  1' 4           1' the same row, behind the packet at which the module answered
 *   answered at 3
 *   a packet of       0  2  R  3  1' 4        R  a packet of an earlier batch: ARRIVAL_ROWS + its row among
 *   before, at 3                                 the released
 *
 * A module's answer takes effect where it is given: before the packet that process() is looking at, or behind
 * it once process() has returned. Timers answer before all arrivals.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS } from '../../limits.ts';
import { createBatch } from '../../packet/batch.ts';
import { createParsed } from '../../packet/parse.ts';
import { DROPPED, type Holds } from './holds.ts';
import { GOES_ON, IS_DROPPED, IS_HELD, Rows } from './rows.ts';

const ROW_MASK = ARRIVAL_ROWS - 1;
/** Bytes for released packets. */
const RELEASED_BYTES = 1 << 21;
/** By so much a released packet may grow where it lies. */
const GROWTH_BYTES = 2048;

export class Line {
  readonly arrived: Rows;
  readonly released: Rows;
  entries = new Int32Array(2 * ARRIVAL_ROWS);
  count = 0;
  /** By row of the arrivals: 1 if the entry stands behind rows that came later. */
  private readonly isMoved = new Uint8Array(ARRIVAL_ROWS);
  private spare = new Int32Array(2 * ARRIVAL_ROWS);
  private readonly holds: Holds;

  constructor(holds: Holds) {
    this.holds = holds;
    this.arrived = new Rows(createBatch().arrivals, new Uint8Array(0), createParsed());
    this.released = new Rows(createBatch().arrivals, new Uint8Array(0), createParsed());
  }

  rowsOf(entry: number): Rows {
    return entry < ARRIVAL_ROWS ? this.arrived : this.released;
  }

  rowOf(entry: number): number {
    return entry & ROW_MASK;
  }

  /** Whether it is an arrival that stands behind newer ones. */
  isMovedEntry(entry: number): boolean {
    return entry < ARRIVAL_ROWS && this.isMoved[entry] === 1;
  }

  /** A batch begins: those of its rows that came by NFQUEUE `nfqueue`. */
  begin(rows: number, nfqueue: number): void {
    const { arrived, entries, isMoved } = this;
    const column = arrived.arrivals.nfqueue;
    arrived.rows = rows;
    this.released.rows = 0;
    this.released.endOffset = 0;
    let count = 0;
    for (let p = 0; p < rows; p++) {
      if (column[p] !== nfqueue) continue;
      arrived.clear(p);
      isMoved[p] = 0;
      entries[count++] = p;
    }
    this.count = count;
  }

  /**
   * Packets that were answered go to their places. `indexOf` says which place a module has among all; the
   * packet goes on with the next. Those for which there is no room wait for the next batch.
   */
  merge(indexOf: (owner: number) => number, nowNs: number): void {
    const { holds, entries, spare } = this;
    const answers = this.answersThatFit();
    let n = 0;
    let i = 0;
    for (let left = answers; left > 0; left--) {
      const r = holds.answered;
      const position = Math.min(holds.position(r), this.count);
      for (; i < position; i++) if (!this.isLeaving(entries[i])) spare[n++] = entries[i];
      holds.endAnswer();
      const entry = this.bring(r, indexOf(holds.owner(r)) + 1);
      holds.end(r, nowNs);
      if (entry !== NONE) spare[n++] = entry;
    }
    for (; i < this.count; i++) if (!this.isLeaving(entries[i])) spare[n++] = entries[i];
    this.entries = spare;
    this.spare = entries;
    this.count = n;
  }

  /** Brings a held packet back between two batches. Returns its row among the released. */
  loadAlone(r: number): number {
    this.released.rows = 0;
    this.released.endOffset = 0;
    return this.load(r);
  }

  /** Counts the answers for which there is room, and marks their entries. */
  private answersThatFit(): number {
    const { holds, released } = this;
    let answers = 0;
    let rows = released.rows;
    let bytes = released.endOffset;
    for (let r = holds.answered; r !== NONE; r = holds.answerAfter(r)) {
      const entry = holds.entry(r);
      if (entry !== NONE) {
        this.rowsOf(entry).isLeaving[this.rowOf(entry)] = 1;
        if (entry < ARRIVAL_ROWS) this.isMoved[entry] = 1;
      } else if (holds.isKept(r)) {
        rows++;
        bytes += holds.copiedBytes(r) + GROWTH_BYTES;
        if (rows > ARRIVAL_ROWS || bytes > RELEASED_BYTES) break;
      }
      answers++;
    }
    return answers;
  }

  /** Whether the entry goes to another place. */
  private isLeaving(entry: number): boolean {
    const { isLeaving } = this.rowsOf(entry);
    const p = this.rowOf(entry);
    if (isLeaving[p] === 0) return false;
    isLeaving[p] = 0;
    return true;
  }

  /** The entry of an answered packet, which module `from` sees next; NONE if it was lost. */
  private bring(r: number, from: number): number {
    const { holds } = this;
    const isDropped = holds.state(r) === DROPPED;
    let entry = holds.entry(r);
    if (entry === NONE) {
      if (!holds.isKept(r)) return NONE;
      entry = ARRIVAL_ROWS + this.load(r);
    }
    const rows = this.rowsOf(entry);
    const p = this.rowOf(entry);
    rows.from[p] = from;
    rows.hold[p] = NONE;
    if (isDropped) rows.decision[p] = IS_DROPPED;
    else if (rows.decision[p] === IS_HELD) rows.decision[p] = GOES_ON;
    return entry;
  }

  private load(r: number): number {
    const { holds, released } = this;
    if (released.slab.length === 0) released.slab = new Uint8Array(RELEASED_BYTES);
    const p = released.rows++;
    holds.load(r, released, p, released.endOffset);
    released.endOffset += holds.copiedBytes(r) + GROWTH_BYTES;
    released.readAgain(p);
    return p;
  }
}
