/** All windows of the book, each length once. */
import type { SlidingSums } from '../algo/quota/sliding-sum.ts';
import type { Measure } from './plan.ts';
import { QuotaWindow } from './window.ts';

export class QuotaWindows {
  #windows: readonly QuotaWindow[] = [];
  #unseeded: number[] = [];
  #hasSlid = true;
  #rows = 0;
  #nowNs: number;

  constructor(nowNs: number) {
    this.#nowNs = nowNs;
  }

  get nowNs(): number {
    return this.#nowNs;
  }

  /** Takes other lengths, in the order of the plan. Those that were there keep their sums. */
  replace(oversNs: readonly number[]): void {
    const before = new Map(this.#windows.map((window) => [window.sums.overNs, window]));
    this.#windows = oversNs.map((overNs) => before.get(overNs) ?? this.#create(overNs));
  }

  /** Windows that have no past yet, since the last call. */
  takeUnseeded(): readonly number[] {
    const oversNs = this.#unseeded;
    this.#unseeded = [];
    return oversNs;
  }

  hasPast(overNs: number): void {
    this.#unseeded = this.#unseeded.filter((other) => other !== overNs);
  }

  reserve(rows: number): void {
    this.#rows = rows;
    for (const window of this.#windows) window.reserve(rows);
  }

  /** An instant before the last one changes nothing. */
  slideTo(nowNs: number): void {
    if (nowNs <= this.#nowNs) return;
    this.#nowNs = nowNs;
    for (const { sums } of this.#windows) {
      const { gone } = sums;
      sums.advance(nowNs);
      if (sums.gone !== gone) this.#hasSlid = true;
    }
  }

  /** Whether buckets may have gone since the last call. */
  takeHasSlid(): boolean {
    const hasSlid = this.#hasSlid;
    this.#hasSlid = false;
    return hasSlid;
  }

  sumsOf(measure: Measure): SlidingSums {
    return this.#windows[measure.window].sums;
  }

  add(row: number, upBytes: number, downBytes: number): void {
    for (const window of this.#windows) window.add(row, upBytes, downBytes);
  }

  usedBytes(row: number, measure: Measure): number {
    return this.#windows[measure.window].usedBytes(row, measure);
  }

  /** When the sum has fallen to the mark, if nothing is added; now, if it is not above. */
  fallsToNs(row: number, measure: Measure, markBytes: number): number {
    return Math.max(this.#nowNs, this.#windows[measure.window].fallsToNs(row, measure, markBytes));
  }

  isEmpty(row: number): boolean {
    return this.#windows.every(({ sums }) => sums.isEmpty(row));
  }

  clear(row: number): void {
    for (const window of this.#windows) window.clear(row);
  }

  merge(from: number, into: number): void {
    for (const window of this.#windows) window.merge(from, into);
  }

  find(overNs: number): QuotaWindow | undefined {
    return this.#windows.find(({ sums }) => Math.abs(sums.overNs - overNs) < 1);
  }

  map<T>(each: (window: QuotaWindow) => T): T[] {
    return this.#windows.map(each);
  }

  #create(overNs: number): QuotaWindow {
    const window = new QuotaWindow(overNs);
    window.reserve(this.#rows);
    window.sums.advance(this.#nowNs);
    this.#unseeded.push(overNs);
    return window;
  }
}
