/**
 * How long the packets of flows have waited, since the start and of late. The record of a flow counts them
 * modulo 2^16, so the control thread adds up the differences. Packets that pass at once are not among them.
 *
 * Only flows of which a packet has waited have a histogram here: 640 bytes.
 */
import { NONE } from '../../base/none.ts';
import { WAIT_BINS, waitBinStartNs } from '../../core/flows/flow-layout.ts';
import { grownInts, grownWords } from './grown.ts';

/** The window has this period and the two before it: 10 to 15 s. */
const PERIODS = 3;
const PERIOD_NS = 5e9;
const HISTOGRAMS_MIN = 64;

export interface WaitPercentiles {
  readonly p50: number;
  readonly p99: number;
}

export class FlowWaits {
  /** By row of a flow: its histogram + 1, or 0. */
  private histogram = new Int32Array(0);
  private readonly free: number[] = [];
  private used = 0;
  private capacity = 0;
  /** What the record of the flow counted at the last look. */
  private seen = new Uint32Array(0);
  private total = new Uint32Array(0);
  private readonly recent: Uint32Array[] = Array.from({ length: PERIODS }, () => new Uint32Array(0));
  private period = 0;
  private periodEndNs = Number.NEGATIVE_INFINITY;

  grow(rows: number): void {
    this.histogram = grownInts(this.histogram, rows);
  }

  nowIs(nowNs: number): void {
    if (nowNs < this.periodEndNs) return;
    const isLongAgo = nowNs - this.periodEndNs > PERIODS * PERIOD_NS;
    this.periodEndNs = isLongAgo ? nowNs + PERIOD_NS : this.periodEndNs + PERIOD_NS;
    this.period = (this.period + 1) % PERIODS;
    if (isLongAgo) for (const counts of this.recent) counts.fill(0);
    else this.recent[this.period]!.fill(0);
  }

  /** The flow of the row has ended. */
  forget(row: number): void {
    const histogram = this.histogram[row]! - 1;
    if (histogram === NONE) return;
    this.histogram[row] = 0;
    this.free.push(histogram);
    const [from, to] = [histogram * WAIT_BINS, (histogram + 1) * WAIT_BINS];
    for (const counts of [this.seen, this.total, ...this.recent]) counts.fill(0, from, to);
  }

  /** The flow of the row counts `waits` now. Adds what is new to `sums` from `offset` on. */
  update(row: number, waits: Uint16Array, sums: Float64Array, offset: number): void {
    const histogram = this.histogram[row] === 0 ? this.take(row) : this.histogram[row]! - 1;
    const at = histogram * WAIT_BINS;
    const { seen, total } = this;
    const recent = this.recent[this.period]!;
    for (let bin = 0; bin < WAIT_BINS; bin++) {
      const added = (waits[bin]! - seen[at + bin]!) & 0xffff;
      if (added === 0) continue;
      seen[at + bin] = waits[bin]!;
      total[at + bin]! += added;
      recent[at + bin]! += added;
      if (offset !== NONE) sums[offset + bin]! += added;
    }
  }

  /** Adds what the flow of the row has counted since the start, or of late, to `sums` from `offset` on. */
  addTotal(row: number, sums: Float64Array, offset: number): void {
    this.add(this.total, row, sums, offset);
  }

  addRecent(row: number, sums: Float64Array, offset: number): void {
    for (const counts of this.recent) this.add(counts, row, sums, offset);
  }

  private add(counts: Uint32Array, row: number, sums: Float64Array, offset: number): void {
    if (row >= this.histogram.length || this.histogram[row] === 0) return;
    const at = (this.histogram[row]! - 1) * WAIT_BINS;
    for (let bin = 0; bin < WAIT_BINS; bin++) sums[offset + bin]! += counts[at + bin]!;
  }

  private take(row: number): number {
    const histogram = this.free.pop() ?? this.used++;
    if (histogram >= this.capacity) {
      this.capacity = Math.max(HISTOGRAMS_MIN, 2 * this.capacity);
      const length = this.capacity * WAIT_BINS;
      this.seen = grownWords(this.seen, length);
      this.total = grownWords(this.total, length);
      for (let n = 0; n < PERIODS; n++) this.recent[n] = grownWords(this.recent[n]!, length);
    }
    this.histogram[row] = histogram + 1;
    return histogram;
  }
}

/** In milliseconds: the middle of the bin in which the percentile lies. null without a packet. */
export function waitPercentiles(counts: Float64Array, offset: number): WaitPercentiles | null {
  let total = 0;
  for (let bin = 0; bin < WAIT_BINS; bin++) total += counts[offset + bin]!;
  if (total === 0) return null;
  return { p50: percentile(counts, offset, total * 0.5), p99: percentile(counts, offset, total * 0.99) };
}

function percentile(counts: Float64Array, offset: number, rank: number): number {
  let seen = 0;
  for (let bin = 0; bin < WAIT_BINS; bin++) {
    seen += counts[offset + bin]!;
    if (seen >= rank) return Math.round((waitBinStartNs(bin) + waitBinStartNs(bin + 1)) / 2e3) / 1e3;
  }
  return 0;
}
