/**
 * Older counters, by which those of now tell the present: what has happened lately is the difference. The
 * control thread takes a sample every second, so packets pay one copy of the counters a second for it.
 *
 * Classes come, go and move between two samples, so a class is found in an older one by its path.
 */
import type { Stats } from '../core/packets/stats.ts';
import type { ClassLabel, Snapshot } from './snapshot.ts';

export const SAMPLE_MS = 1000;
/** Delays are 2 kB a class, so only some samples have them, and none that is older. */
const DELAYS_EVERY_SAMPLES = 2;
const DELAYS_SECONDS_MAX = 14;
const SECONDS_MAX = 62;

/** What classes have counted, by row. */
export interface Counts {
  readonly sentPackets: Float64Array;
  readonly sentBytes: Float64Array;
  readonly dropped: Float64Array;
  readonly marked: Float64Array;
}

/** Histograms, modulo 2^32: only their differences are read. */
export interface Delays {
  readonly delay: Uint32Array;
  readonly lateness: Uint32Array;
}

export interface Sample extends Counts {
  readonly takenNs: number;
  /** By path of a class: its row. */
  readonly rows: ReadonlyMap<string, number>;
  readonly totals: Float64Array;
  readonly delays: Delays | null;
}

export function countsOf(stats: Stats): Counts {
  const { sentPackets, sentBytes, marked, dropTail, dropEarly, dropPolice, dropAqm, dropModule } = stats;
  const dropped = dropTail.map(
    (tail, c) => tail + dropEarly[c]! + dropPolice[c]! + dropAqm[c]! + dropModule[c]!,
  );
  return { sentPackets, sentBytes, dropped, marked };
}

export class Samples {
  /** The oldest first. */
  private samples: Sample[] = [];
  private taken = 0;
  private labels: readonly ClassLabel[] = [];
  private rows: ReadonlyMap<string, number> = new Map();

  /** Remembers a snapshot, whose arrays nobody writes to. Call it every SAMPLE_MS. */
  add({ takenNs, classes, stats }: Snapshot): void {
    if (classes !== this.labels) this.rows = new Map(classes.map(({ path }, c) => [path, c]));
    this.labels = classes;
    const { totals, delay, lateness } = stats;
    const hasDelays = this.taken++ % DELAYS_EVERY_SAMPLES === 0;
    const delays = hasDelays
      ? { delay: Uint32Array.from(delay), lateness: Uint32Array.from(lateness) }
      : null;
    // Slices, because the snapshot is one buffer with all delays in it.
    const { sentPackets, sentBytes, dropped, marked } = countsOf(stats);
    const counts = {
      sentPackets: sentPackets.slice(),
      sentBytes: sentBytes.slice(),
      dropped,
      marked: marked.slice(),
    };
    const kept = this.samples.filter((sample) => takenNs - sample.takenNs <= SECONDS_MAX * 1e9);
    const trimmed = kept.map((sample) =>
      takenNs - sample.takenNs > DELAYS_SECONDS_MAX * 1e9 && sample.delays
        ? { ...sample, delays: null }
        : sample,
    );
    this.samples = [...trimmed, { takenNs, rows: this.rows, totals: totals.slice(), ...counts, delays }];
  }

  /**
   * The youngest sample that is at least so old, or the oldest if none is. One that does not fit is passed
   * over for a younger one. null without a sample that fits.
   */
  before(nowNs: number, seconds: number, fits: (sample: Sample) => boolean): Sample | null {
    const isYounger = (sample: Sample): boolean => sample.takenNs > nowNs - seconds * 1e9;
    const first = this.samples.findIndex(isYounger);
    const at = Math.max(0, (first < 0 ? this.samples.length : first) - 1);
    for (let i = at; i < this.samples.length; i++) if (fits(this.samples[i]!)) return this.samples[i]!;
    return null;
  }
}
