/**
 * The agenda of the virtual world: rows (a line's next arrival, a flow's timer) by the instant at which they
 * are due. Each row is in at most once. Rows due at the same instant come in the order in which they were
 * set, so a run repeats exactly.
 *
 * base/heap.ts is the same without that order, which the shaper does not need. The order is part of every
 * trace hash, so neither heap can stand for the other.
 */
import { NONE } from '../../base/none.ts';

export class EventHeap {
  size = 0;
  private readonly heap: Int32Array;
  private readonly place: Int32Array;
  private readonly dueNs: Float64Array;
  private readonly order: Float64Array;
  private sets = 0;

  constructor(rows: number) {
    this.heap = new Int32Array(rows);
    this.place = new Int32Array(rows).fill(NONE);
    this.dueNs = new Float64Array(rows);
    this.order = new Float64Array(rows);
  }

  has(row: number): boolean {
    return this.place[row] !== NONE;
  }

  /** Instant of the first row; Infinity when empty. */
  topNs(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.dueNs[this.heap[0]];
  }

  /** The first row; the heap must not be empty. */
  top(): number {
    return this.heap[0];
  }

  /** Puts the row in, or moves it; behind what is due at the same instant already. */
  set(row: number, dueNs: number): void {
    let at = this.place[row];
    if (at === NONE) {
      at = this.size++;
      this.place[row] = at;
      this.heap[at] = row;
    }
    this.dueNs[row] = dueNs;
    this.order[row] = this.sets++;
    this.up(this.down(at));
  }

  /** Takes the row out if it is in. */
  delete(row: number): void {
    const at = this.place[row];
    if (at === NONE) return;
    this.place[row] = NONE;
    const last = this.heap[--this.size];
    if (last === row) return;
    this.heap[at] = last;
    this.place[last] = at;
    this.up(this.down(at));
  }

  private up(from: number): void {
    const { heap, place, dueNs, order } = this;
    const row = heap[from];
    const key = dueNs[row];
    const turn = order[row];
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (dueNs[above] < key || (dueNs[above] === key && order[above] < turn)) break;
      heap[at] = above;
      place[above] = at;
      at = parent;
    }
    heap[at] = row;
    place[row] = at;
  }

  private down(from: number): number {
    const { heap, place, dueNs, order, size } = this;
    const row = heap[from];
    const key = dueNs[row];
    const turn = order[row];
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      let below = heap[child];
      if (child + 1 < size) {
        const right = heap[child + 1];
        if (dueNs[right] < dueNs[below] || (dueNs[right] === dueNs[below] && order[right] < order[below])) {
          child++;
          below = right;
        }
      }
      if (key < dueNs[below] || (key === dueNs[below] && turn < order[below])) break;
      heap[at] = below;
      place[below] = at;
      at = child;
    }
    heap[at] = row;
    place[row] = at;
    return at;
  }
}
