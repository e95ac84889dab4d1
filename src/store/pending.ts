/** Flushes that wait, joined so that their memory is bounded however long the store cannot be written. */
import type { Batch, Flush, HostCounts, HostMerge, HostNews, Interval, Memo } from './batch.ts';

/**
 * Intervals that wait apart. Neighbours of one step of history are joined at once and nothing is lost by
 * that; beyond this number the shortest neighbours are, and history of that time becomes coarser. With
 * 10,000 hosts each takes 300 kB.
 */
const INTERVALS_MAX = 48;

export class Pending {
  readonly #intervals: Interval[] = [];
  /** By the host that has ended. The second time nothing of it is in the file: nothing ends in such ones. */
  readonly #merges = new Map<string, HostMerge>();
  readonly #hosts = new Map<string, HostNews>();
  readonly #memos = new Map<string, Memo>();
  #quotas: Flush['quotas'] = null;
  #stepMs: number;

  /** `stepMs` is the finest step of history. */
  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  set stepMs(stepMs: number) {
    this.#stepMs = stepMs;
  }

  get isEmpty(): boolean {
    return this.#intervals.length === 0;
  }

  get intervals(): readonly Interval[] {
    return this.#intervals;
  }

  add(flush: Flush): void {
    const { fromMs, toMs, counts } = flush;
    for (const merge of flush.merges) this.#merge(merge);
    const last = this.#intervals.at(-1);
    const interval = { fromMs, toMs, counts };
    if (last !== undefined && this.#isOfOneStep(last, interval))
      this.#join(this.#intervals.length - 1, interval);
    else this.#intervals.push(interval);
    if (this.#intervals.length > INTERVALS_MAX) this.#joinShortest();
    for (const host of flush.hosts) this.#hosts.set(host.id, host);
    for (const memo of flush.memos) this.#memos.set(memo.key, memo);
    this.#quotas = flush.quotas;
  }

  /** All that waits. Nothing waits afterwards. */
  take(): Batch {
    const batch = {
      merges: [...this.#merges.values()],
      intervals: [...this.#intervals],
      hosts: [...this.#hosts.values()],
      memos: [...this.#memos.values()],
      quotas: this.#quotas === null ? null : this.#quotas(),
      nowMs: this.#intervals.at(-1)?.toMs ?? 0,
    };
    this.#intervals.length = 0;
    this.#merges.clear();
    this.#hosts.clear();
    this.#memos.clear();
    this.#quotas = null;
    return batch;
  }

  /** What waits goes by the new name. */
  #merge(merge: HostMerge): void {
    const { from, into } = merge;
    if (!this.#merges.has(from)) this.#merges.set(from, merge);
    this.#hosts.delete(from);
    for (const [i, interval] of this.#intervals.entries()) {
      const { counts } = interval;
      if (!counts.hosts.includes(from)) continue;
      const hosts = counts.hosts.map((id) => (id === from ? into : id));
      this.#intervals[i] = { ...interval, counts: sumOf({ ...counts, hosts }, NO_COUNTS) };
    }
  }

  /** What begins before the other ends leaves no unknown time between them. */
  #isOfOneStep(before: Interval, after: Interval): boolean {
    const isGapless = after.fromMs <= before.toMs && after.toMs >= before.fromMs;
    const fromMs = Math.min(before.fromMs, after.fromMs);
    const toMs = Math.max(before.toMs, after.toMs);
    return isGapless && Math.floor(fromMs / this.#stepMs) === Math.floor((toMs - 1) / this.#stepMs);
  }

  #joinShortest(): void {
    let shortest = 1;
    let shortestMs = Infinity;
    for (let i = 1; i < this.#intervals.length; i++) {
      const [before, after] = [this.#intervals[i - 1]!, this.#intervals[i]!];
      const ms = Math.max(before.toMs, after.toMs) - Math.min(before.fromMs, after.fromMs);
      if (ms >= shortestMs) continue;
      shortest = i;
      shortestMs = ms;
    }
    const [after] = this.#intervals.splice(shortest, 1);
    this.#join(shortest - 1, after!);
  }

  #join(at: number, after: Interval): void {
    const before = this.#intervals[at]!;
    this.#intervals[at] = {
      fromMs: Math.min(before.fromMs, after.fromMs),
      toMs: Math.max(before.toMs, after.toMs),
      counts: sumOf(before.counts, after.counts),
    };
  }
}

const NO_COUNTS: HostCounts = { hosts: [], upBytes: new Float64Array(0), downBytes: new Float64Array(0) };

function sumOf(a: HostCounts, b: HostCounts): HostCounts {
  const rows = new Map<string, number>();
  const rowOf = (host: string): number => {
    const found = rows.get(host) ?? rows.size;
    rows.set(host, found);
    return found;
  };
  const upBytes = new Float64Array(a.hosts.length + b.hosts.length);
  const downBytes = new Float64Array(upBytes.length);
  for (const counts of [a, b]) {
    counts.hosts.forEach((host, i) => {
      const row = rowOf(host);
      upBytes[row] = upBytes[row]! + counts.upBytes[i]!;
      downBytes[row] = downBytes[row]! + counts.downBytes[i]!;
    });
  }
  return {
    hosts: [...rows.keys()],
    upBytes: upBytes.slice(0, rows.size),
    downBytes: downBytes.slice(0, rows.size),
  };
}
