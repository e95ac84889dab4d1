/**
 * Totals of inside hosts. They outlive flows: what a flow had counted when it was looked at last stays with
 * its host.
 */
import { NONE } from '../../base/none.ts';
import { WAIT_BINS } from '../../core/flows/flow-layout.ts';
import { grownFloats, grownInts, grownWords } from './grown.ts';
import { History } from './history.ts';

export const UP = 0;
export const DOWN = 1;
/** A direction of a host. */
export type Side = typeof UP | typeof DOWN;

const ROWS_MIN = 64;
/** When the table is full, hosts without flows make room until so much of it is in use. */
const KEPT_SHARE = 0.75;

/** Packets and bytes of a direction, by row of the host. */
export interface SideTotals {
  bytes: Float64Array;
  packets: Float64Array;
  dropped: Float64Array;
  /** Of the bytes. */
  readonly history: History;
}

const sideTotals = (): SideTotals => ({
  bytes: new Float64Array(0),
  packets: new Float64Array(0),
  dropped: new Float64Array(0),
  history: new History(),
});

export class HostTable {
  /** By UP and DOWN. */
  readonly sides: readonly [SideTotals, SideTotals] = [sideTotals(), sideTotals()];
  /** Flows that are known now. */
  flows = new Int32Array(0);
  /** Instant of the last packet. */
  lastNs = new Float64Array(0);
  family = new Int32Array(0);
  /** Four words a row. */
  address = new Uint32Array(0);
  /** WAIT_BINS a row: packets by the time that they have waited, since the start. */
  waits = new Float64Array(0);
  /** Hosts that made room for others. */
  forgotten = 0;
  private readonly rowOf = new Map<number | string, number>();
  private readonly free: number[] = [];
  private readonly rowsMax: number;
  private end = 0;

  constructor(rowsMax: number) {
    this.rowsMax = rowsMax;
  }

  get size(): number {
    return this.rowOf.size;
  }

  /** One more than the highest row. */
  get rows(): number {
    return this.end;
  }

  /** The row of an address, which begins if it is new. NONE if the table is full. */
  find(family: number, words: Uint32Array): number {
    const key = family === 4 ? words[0]! : words.join();
    const known = this.rowOf.get(key);
    if (known !== undefined) return known;
    if (this.size >= this.rowsMax) return NONE;
    const row = this.free.pop() ?? this.end++;
    if (row >= this.flows.length) this.grow(Math.max(ROWS_MIN, 2 * row));
    this.rowOf.set(key, row);
    this.family[row] = family;
    this.address.set(words, 4 * row);
    return row;
  }

  /** The rows in use. */
  inUse(): Iterable<number> {
    return this.rowOf.values();
  }

  /** Counts begin anew: whoever looks at all flows counts those of each host. */
  beginFlows(): void {
    this.flows.fill(0);
  }

  sample(nowNs: number): void {
    for (const { history, bytes } of this.sides) {
      history.begin(nowNs);
      for (const row of this.rowOf.values()) history.put(row, bytes[row]!);
    }
  }

  /** Makes room in a full table: hosts without flows are forgotten, those unseen for longest first. */
  makeRoom(): void {
    if (this.size < this.rowsMax) return;
    const idle = [...this.rowOf].filter(([, row]) => this.flows[row] === 0);
    idle.sort(([, a], [, b]) => this.lastNs[a]! - this.lastNs[b]!);
    for (const [key, row] of idle.slice(0, Math.ceil(this.rowsMax * (1 - KEPT_SHARE)))) {
      this.rowOf.delete(key);
      this.clear(row);
      this.free.push(row);
      this.forgotten++;
    }
  }

  private clear(row: number): void {
    this.lastNs[row] = 0;
    this.waits.fill(0, row * WAIT_BINS, (row + 1) * WAIT_BINS);
    for (const side of this.sides) {
      side.bytes[row] = 0;
      side.packets[row] = 0;
      side.dropped[row] = 0;
      side.history.clear(row);
    }
  }

  private grow(rows: number): void {
    this.flows = grownInts(this.flows, rows);
    this.lastNs = grownFloats(this.lastNs, rows);
    this.family = grownInts(this.family, rows);
    this.address = grownWords(this.address, 4 * rows);
    this.waits = grownFloats(this.waits, WAIT_BINS * rows);
    for (const side of this.sides) {
      side.bytes = grownFloats(side.bytes, rows);
      side.packets = grownFloats(side.packets, rows);
      side.dropped = grownFloats(side.dropped, rows);
      side.history.grow(rows);
    }
  }
}
