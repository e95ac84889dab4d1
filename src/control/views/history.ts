/**
 * Counts of many rows at past instants, by which those of now tell rates. A column of numbers for each of the
 * last seconds and, less often, of the last minute: 208 bytes a row.
 */
import { grownFloats } from './grown.ts';

/** Samples of the last 10 s, which come every second, and some more because they come late. */
const FINE_SLOTS = 12;
/** Samples of the last 60 s. */
const COARSE_SLOTS = 14;
const COARSE_EVERY_SAMPLES = 5;

/** What rows had counted at an instant. */
interface Sample {
  counts: Float64Array<ArrayBuffer>;
  takenNs: number;
}

export interface Past {
  readonly sample: Sample;
  /** How long ago it was; more than 0. */
  readonly seconds: number;
}

/** Mean rates a second. Windows are up to a second longer than they say, that of 60 s up to five. */
export interface Rates {
  readonly over1s: Past | null;
  readonly over10s: Past | null;
  readonly over60s: Past | null;
}

class Ring {
  private readonly samples: Sample[] = [];
  private readonly size: number;
  /** Of the youngest sample. */
  private at = -1;

  constructor(size: number) {
    this.size = size;
  }

  begin(nowNs: number, rows: number): void {
    this.at = (this.at + 1) % this.size;
    this.samples[this.at] ??= { counts: new Float64Array(rows), takenNs: nowNs };
    this.samples[this.at]!.takenNs = nowNs;
  }

  grow(rows: number): void {
    for (const sample of this.samples) sample.counts = grownFloats(sample.counts, rows);
  }

  /** A row begins anew: it had counted nothing at any instant before. */
  clear(row: number): void {
    for (const { counts } of this.samples) counts[row] = 0;
  }

  put(row: number, count: number): void {
    this.samples[this.at]!.counts[row] = count;
  }

  /** The youngest sample that is at least so old, or the oldest if none is. null if there is none at all. */
  before(nowNs: number, seconds: number): Past | null {
    let oldest: Past | null = null;
    for (let n = 0; n < this.samples.length; n++) {
      const sample = this.samples[(this.at - n + this.size) % this.size]!;
      const past = { sample, seconds: (nowNs - sample.takenNs) / 1e9 };
      if (past.seconds <= 0) continue;
      if (past.seconds >= seconds) return past;
      oldest = past;
    }
    return oldest;
  }
}

export class History {
  private readonly fine = new Ring(FINE_SLOTS);
  private readonly coarse = new Ring(COARSE_SLOTS);
  private rows = 0;
  private samples = 0;
  private isCoarse = false;

  /** Makes room for so many rows. */
  grow(rows: number): void {
    this.rows = rows;
    this.fine.grow(rows);
    this.coarse.grow(rows);
  }

  /** A sample begins. Every row that counts is put into it. */
  begin(nowNs: number): void {
    this.isCoarse = this.samples++ % COARSE_EVERY_SAMPLES === 0;
    this.fine.begin(nowNs, this.rows);
    if (this.isCoarse) this.coarse.begin(nowNs, this.rows);
  }

  clear(row: number): void {
    this.fine.clear(row);
    this.coarse.clear(row);
  }

  put(row: number, count: number): void {
    this.fine.put(row, count);
    if (this.isCoarse) this.coarse.put(row, count);
  }

  rates(nowNs: number): Rates {
    return {
      over1s: this.fine.before(nowNs, 1),
      over10s: this.fine.before(nowNs, 10),
      over60s: this.coarse.before(nowNs, 60),
    };
  }
}

/** What row `row` has counted a second since then, if it counts `count` now. Lost packets are taken back. */
export function rateSince(past: Past | null, row: number, count: number): number {
  return past === null ? 0 : Math.max(0, count - past.sample.counts[row]!) / past.seconds;
}
