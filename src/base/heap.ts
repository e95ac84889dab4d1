/**
 * Binary min-heap of row numbers by a float64 key, over typed arrays. The place of every row is known, so a
 * row can be moved or taken out in O(log n). A row is in the heap at most once. Rows with equal keys leave in
 * any order.
 *
 *            heap: [ 7, 3, 9 ]   rows, smallest key first     place[7] = 0
 *                                                            place[3] = 1   place[other] = NONE
 *
 * The virtual world has a heap of its own (sim/world/event-heap.ts), which keeps equal keys in the order of
 * setting. That order would cost one more column and one more comparison a step here, on the way of packets.
 */
import { NONE } from './none.ts';

export class IndexedHeap {
  size = 0;
  private readonly heap: Int32Array;
  private readonly place: Int32Array;
  private readonly key: Float64Array;

  constructor(rows: number) {
    this.heap = new Int32Array(rows);
    this.place = new Int32Array(rows).fill(NONE);
    this.key = new Float64Array(rows);
  }

  has(row: number): boolean {
    return this.place[row] !== NONE;
  }

  /** The smallest key, or Infinity if the heap is empty. */
  topKey(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.key[this.heap[0]];
  }

  /** The row with the smallest key. The heap must not be empty. */
  top(): number {
    return this.heap[0];
  }

  /** Puts the row in, or moves it to its new key. */
  set(row: number, key: number): void {
    let at = this.place[row];
    if (at === NONE) {
      at = this.size++;
      this.place[row] = at;
      this.heap[at] = row;
    }
    this.key[row] = key;
    this.up(this.down(at));
  }

  /** Takes the row out if it is in the heap. */
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

  /** All rows in the heap, in no order. */
  rows(): number[] {
    return [...this.heap.subarray(0, this.size)];
  }

  private up(from: number): void {
    const { heap, place, key } = this;
    const row = heap[from];
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (key[above] <= key[row]) break;
      heap[at] = above;
      place[above] = at;
      at = parent;
    }
    heap[at] = row;
    place[row] = at;
  }

  private down(from: number): number {
    const { heap, place, key, size } = this;
    const row = heap[from];
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && key[heap[child + 1]] < key[heap[child]]) child++;
      const below = heap[child];
      if (key[row] <= key[below]) break;
      heap[at] = below;
      place[below] = at;
      at = child;
    }
    heap[at] = row;
    place[row] = at;
    return at;
  }
}
