/** A window of the book: sliding sums of all hosts, and which buckets the store does not have yet. */
import { SlidingSums } from '../algo/quota/sliding-sum.ts';
import type { Measure } from './plan.ts';
import { grown } from './rows.ts';
import type { StoredWindow } from './stored.ts';

const NS_PER_MS = 1e6;

export class QuotaWindow {
  readonly sums: SlidingSums;
  /** By row: the first bucket that has changed; Infinity: none. */
  #changedFrom = new Float64Array(0);
  #changedRows: number[] = [];

  constructor(overNs: number) {
    this.sums = new SlidingSums(overNs);
  }

  reserve(rows: number): void {
    this.sums.reserve(rows);
    const before = this.#changedFrom.length;
    this.#changedFrom = grown(this.#changedFrom, rows);
    this.#changedFrom.fill(Number.POSITIVE_INFINITY, before);
  }

  add(row: number, upBytes: number, downBytes: number): void {
    this.sums.add(row, upBytes, downBytes);
    this.#noteChange(row, this.sums.newest);
  }

  /**
   * Spreads bytes evenly over the buckets of [fromNs, toNs), each whole byte in one of them. Bytes of buckets
   * that do not count are left out.
   */
  spread(row: number, fromNs: number, toNs: number, upBytes: number, downBytes: number): void {
    const { widthNs } = this.sums;
    const last = Math.max(Math.floor(fromNs / widthNs), Math.ceil(toNs / widthNs) - 1);
    const lengthNs = toNs - fromNs;
    let before = 0;
    for (let k = Math.floor(fromNs / widthNs); k <= last; k++) {
      const share = k === last ? 1 : ((k + 1) * widthNs - fromNs) / lengthNs;
      const up = Math.round(upBytes * share) - Math.round(upBytes * before);
      const down = Math.round(downBytes * share) - Math.round(downBytes * before);
      if (this.sums.addTo(row, k, up, down)) this.#noteChange(row, k);
      before = share;
    }
  }

  usedBytes(row: number, measure: Measure): number {
    const { upBytes, downBytes } = this.sums;
    if (measure.direction === 'up') return upBytes[row];
    return measure.direction === 'down' ? downBytes[row] : upBytes[row] + downBytes[row];
  }

  /** When the sum of the measure has fallen to the mark, if nothing is added; -Infinity: it is not above. */
  fallsToNs(row: number, measure: Measure, markBytes: number): number {
    const { direction } = measure;
    return this.sums.fallsToNs(row, direction !== 'down', direction !== 'up', markBytes);
  }

  clear(row: number): void {
    this.sums.clear(row);
    this.#changedFrom[row] = Number.POSITIVE_INFINITY;
  }

  merge(from: number, into: number): void {
    this.sums.merge(from, into);
    this.#changedFrom[from] = Number.POSITIVE_INFINITY;
    this.#noteChange(into, this.sums.gone + 1);
  }

  /** Takes back what the store has. */
  load(stored: StoredWindow, rowOf: readonly number[]): void {
    const widthNs = stored.widthMs * NS_PER_MS;
    for (let i = 0; i < stored.host.length; i++) {
      const row = rowOf[stored.host[i]];
      const bucket = stored.bucket[i];
      if (Math.abs(widthNs - this.sums.widthNs) < 1) {
        this.sums.addTo(row, bucket, stored.upBytes[i], stored.downBytes[i]);
      } else {
        const fromNs = bucket * widthNs;
        this.spread(row, fromNs, fromNs + widthNs, stored.upBytes[i], stored.downBytes[i]);
      }
    }
  }

  /** Buckets that have changed. `indexOf` gives the place of a row's host in the list of hosts. */
  takeChanges(indexOf: (row: number) => number): StoredWindow {
    const { sums } = this;
    const host: number[] = [];
    const bucket: number[] = [];
    const upBytes: number[] = [];
    const downBytes: number[] = [];
    for (const row of this.#changedRows) {
      const first = Math.max(this.#changedFrom[row], sums.gone + 1);
      this.#changedFrom[row] = Number.POSITIVE_INFINITY;
      for (let k = first; k <= sums.newest; k++) {
        const up = sums.upBytesAt(row, k);
        const down = sums.downBytesAt(row, k);
        if (up === 0 && down === 0) continue;
        host.push(indexOf(row));
        bucket.push(k);
        upBytes.push(up);
        downBytes.push(down);
      }
    }
    this.#changedRows = [];
    return {
      overMs: sums.overNs / NS_PER_MS,
      widthMs: sums.widthNs / NS_PER_MS,
      goneBucket: sums.gone,
      host: Int32Array.from(host),
      bucket: Float64Array.from(bucket),
      upBytes: Float64Array.from(upBytes),
      downBytes: Float64Array.from(downBytes),
    };
  }

  #noteChange(row: number, bucket: number): void {
    const before = this.#changedFrom[row];
    if (bucket >= before) return;
    if (before === Number.POSITIVE_INFINITY) this.#changedRows.push(row);
    this.#changedFrom[row] = bucket;
  }
}
