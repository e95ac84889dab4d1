/**
 * Acknowledgements that wait for their instant (algo/pacing/ack-timing.ts): a FIFO for each connection, and
 * a heap of the heads. They have not come to any class yet.
 */
import { IndexedHeap } from '../../base/heap.ts';
import { NONE } from '../../base/none.ts';
import { FLOWS_MAX, HELD_ACK_SLACK_NS } from '../../limits.ts';
import { RECORD_SHIFT } from '../flows/flow-layout.ts';
import { HELD_SHIFT, type HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';

export class HeldAcks {
  private readonly fifos: HeldFifos;
  private readonly due = new IndexedHeap(FLOWS_MAX);
  /** By held row. */
  private readonly dueNs: Float64Array;
  /** FIFO 0: those that go on now. */
  private readonly ready: HeldFifos;

  constructor(held: HeldTable) {
    this.fifos = new HeldFifos(FLOWS_MAX, held);
    this.dueNs = new Float64Array(held.rows);
    this.ready = new HeldFifos(1, held);
  }

  /** Whether acknowledgements of connection `d` wait. */
  has(d: number): boolean {
    return !this.fifos.isEmpty(d >> RECORD_SHIFT);
  }

  hold(d: number, h: number, dueNs: number): void {
    const row = d >> RECORD_SHIFT;
    if (this.fifos.isEmpty(row)) this.due.set(row, dueNs);
    this.fifos.push(row, h);
    this.dueNs[h >> HELD_SHIFT] = dueNs;
  }

  /** Those of connection `d` go on now. */
  release(d: number): void {
    const row = d >> RECORD_SHIFT;
    this.due.delete(row);
    while (!this.fifos.isEmpty(row)) this.ready.push(0, this.fifos.shift(row));
  }

  /** Whether one that is due at `dueNs` goes on now. */
  isDue(dueNs: number, nowNs: number): boolean {
    return dueNs <= nowNs + HELD_ACK_SLACK_NS;
  }

  /** Those that are due go on now. */
  advance(nowNs: number): void {
    const { due, fifos } = this;
    while (due.size > 0 && this.isDue(due.topKey(), nowNs)) {
      const row = due.top();
      this.ready.push(0, fifos.shift(row));
      const next = fifos.head[row];
      if (next === NONE) due.delete(row);
      else due.set(row, this.dueNs[next >> HELD_SHIFT]);
    }
  }

  /** The next one that goes on now; NONE if there is none. */
  pop(): number {
    return this.ready.isEmpty(0) ? NONE : this.ready.shift(0);
  }

  nextDueNs(): number {
    return this.due.topKey();
  }
}
