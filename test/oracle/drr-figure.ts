/**
 * Deficit round robin as figure 2 of Shreedhar and Varghese prints it, over lists. Slow twin of
 * test/reference/drr.ts.
 */
export class SlowDrr {
  readonly queues: number[][];
  private readonly deficit: number[];
  private readonly active: number[] = [];
  private isVisited = false;
  private readonly quantum: readonly number[];

  constructor(quantum: readonly number[]) {
    this.quantum = quantum;
    this.queues = quantum.map(() => []);
    this.deficit = quantum.map(() => 0);
  }

  enqueue(i: number, sizeBytes: number): void {
    (this.queues[i] as number[]).push(sizeBytes);
    if (!this.active.includes(i)) {
      this.active.push(i);
      this.deficit[i] = 0;
    }
  }

  /** The queue that sends, and the size of its packet. */
  dequeue(): [number, number] | null {
    for (;;) {
      const i = this.active[0];
      if (i === undefined) return null;
      if (!this.isVisited) this.deficit[i] += this.quantum[i] as number;
      this.isVisited = true;
      const queue = this.queues[i] as number[];
      const head = queue[0] as number;
      if (head <= (this.deficit[i] as number)) {
        queue.shift();
        this.deficit[i] -= head;
        if (queue.length === 0) {
          this.deficit[i] = 0;
          this.active.shift();
          this.isVisited = false;
        }
        return [i, head];
      }
      this.active.push(this.active.shift() as number);
      this.isVisited = false;
    }
  }
}
