/**
 * What is looked at of inside hosts beside their counts: flows that they have now, how long packets waited,
 * and what they had counted at past instants. Columns by row of a host.
 */
import { WAIT_BINS } from '../../core/flows/flow-layout.ts';
import { DOWN, UP } from '../../core/hosts/host-layout.ts';
import type { HostEntry } from '../hosts/entry.ts';
import { grownFloats, grownInts } from './grown.ts';
import { History } from './history.ts';

/** A direction of a host. */
export type Side = typeof UP | typeof DOWN;

const ROWS_MIN = 64;

export class HostTable {
  /** Of the bytes of this run, by UP and DOWN. */
  readonly histories: readonly [History, History] = [new History(), new History()];
  /** Flows that are known now. */
  flows = new Int32Array(0);
  /** WAIT_BINS a row: packets by the time that they have waited, since the start. */
  waits = new Float64Array(0);
  private readonly rowOf = new Map<HostEntry, number>();
  private readonly free: number[] = [];
  private end = 0;

  get size(): number {
    return this.rowOf.size;
  }

  /** The row of a host, which begins if it is new. */
  find(entry: HostEntry): number {
    const known = this.rowOf.get(entry);
    if (known !== undefined) return known;
    const row = this.free.pop() ?? this.end++;
    if (row >= this.flows.length) this.grow(Math.max(ROWS_MIN, 2 * row));
    this.rowOf.set(entry, row);
    return row;
  }

  /** Counts begin anew: whoever looks at all flows counts those of each host. */
  beginFlows(): void {
    this.flows.fill(0);
  }

  /** Remembers what hosts have counted by now. Those that are none of these are forgotten. */
  sample(entries: ReadonlyMap<string, HostEntry>, nowNs: number): void {
    for (const [entry, row] of this.rowOf) if (entries.get(entry.id) !== entry) this.forget(entry, row);
    for (const history of this.histories) history.begin(nowNs);
    for (const entry of entries.values()) {
      const row = this.find(entry);
      this.histories[UP].put(row, entry.up.runBytes);
      this.histories[DOWN].put(row, entry.down.runBytes);
    }
  }

  private forget(entry: HostEntry, row: number): void {
    this.rowOf.delete(entry);
    this.free.push(row);
    this.flows[row] = 0;
    this.waits.fill(0, row * WAIT_BINS, (row + 1) * WAIT_BINS);
    for (const history of this.histories) history.clear(row);
  }

  private grow(rows: number): void {
    this.flows = grownInts(this.flows, rows);
    this.waits = grownFloats(this.waits, WAIT_BINS * rows);
    for (const history of this.histories) history.grow(rows);
  }
}
