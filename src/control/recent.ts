/** The present: rates and delays of the last seconds, from a snapshot and older samples. */
import { HISTOGRAM_BINS, histogramPercentile } from '../base/histogram.ts';
import { TOTAL } from '../core/packets/stats.ts';
import { type Counts, countsOf, type Sample, type Samples } from './samples.ts';
import type { Snapshot } from './snapshot.ts';

/** Everything but rates in bit/s is of this window. */
const WINDOW_SECONDS = 10;

/** Mean rates in bit/s from then to now. */
export interface RecentRates {
  readonly over1s: number;
  readonly over10s: number;
  readonly over60s: number;
}

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** All but `bitsPerSecond` is of the last 10 s. */
export interface RecentClass {
  readonly bitsPerSecond: RecentRates;
  readonly packetsPerSecond: number;
  readonly droppedPerSecond: number;
  readonly markedPerSecond: number;
  /** null if no packet left. */
  readonly delayMicroseconds: Percentiles | null;
}

/** All but `bitsPerSecond` is of the last 10 s. */
export interface RecentTotals {
  /** How long they were: up to a second more, or less just after the start. */
  readonly seconds: number;
  /** Accepted. */
  readonly bitsPerSecond: RecentRates;
  /** Received. */
  readonly packetsPerSecond: number;
  readonly droppedPerSecond: number;
  /** null if no packet waited. */
  readonly latenessMicroseconds: Percentiles | null;
}

export function recentTotals({ takenNs, stats }: Snapshot, samples: Samples): RecentTotals {
  const before = (seconds: number): Sample | null => samples.before(takenNs, seconds, () => true);
  const perSecond = (total: number, seconds = WINDOW_SECONDS): number => {
    const from = before(seconds);
    return rate(stats.totals[total]! - (from?.totals[total] ?? 0), from, takenNs);
  };
  const window = before(WINDOW_SECONDS);
  const delays = samples.before(takenNs, WINDOW_SECONDS, (sample) => sample.delays !== null)?.delays;
  return {
    seconds: window ? (takenNs - window.takenNs) / 1e9 : 0,
    bitsPerSecond: rates((seconds) => 8 * perSecond(TOTAL.acceptedBytes, seconds)),
    packetsPerSecond: perSecond(TOTAL.receivedPackets),
    droppedPerSecond: perSecond(TOTAL.droppedPackets),
    latenessMicroseconds: delays ? percentiles(stats.lateness, 0, delays.lateness, 0) : null,
  };
}

/** Of every class of the snapshot, in its order. */
export function recentClasses(snapshot: Snapshot, samples: Samples): RecentClass[] {
  const { takenNs, classes, stats } = snapshot;
  const counts = countsOf(stats);
  return classes.map(({ path }, c) => {
    // A class of the same name that was there before has counted more.
    const isSame = (sample: Sample): boolean => {
      const row = sample.rows.get(path);
      return row !== undefined && sample.sentPackets[row]! <= counts.sentPackets[c]!;
    };
    const perSecond = (column: keyof Counts, seconds = WINDOW_SECONDS): number => {
      const from = samples.before(takenNs, seconds, isSame);
      const then = from ? from[column][from.rows.get(path)!]! : 0;
      return rate(counts[column][c]! - then, from, takenNs);
    };
    const from = samples.before(
      takenNs,
      WINDOW_SECONDS,
      (sample) => sample.delays !== null && isSame(sample),
    );
    const row = from?.rows.get(path) ?? 0;
    return {
      bitsPerSecond: rates((seconds) => 8 * perSecond('sentBytes', seconds)),
      packetsPerSecond: perSecond('sentPackets'),
      droppedPerSecond: perSecond('dropped'),
      markedPerSecond: perSecond('marked'),
      delayMicroseconds: from?.delays
        ? percentiles(stats.delay, c * HISTOGRAM_BINS, from.delays.delay, row * HISTOGRAM_BINS)
        : null,
    };
  });
}

function rates(over: (seconds: number) => number): RecentRates {
  return { over1s: over(1), over10s: over(10), over60s: over(60) };
}

/** A count of packets that the kernel had lost goes down. */
function rate(difference: number, from: Sample | null, nowNs: number): number {
  const seconds = from ? (nowNs - from.takenNs) / 1e9 : 0;
  return seconds > 0 ? Math.max(0, difference) / seconds : 0;
}

/** Of what one row of a histogram has counted since another. null if that is nothing. */
function percentiles(
  now: Float64Array,
  offset: number,
  then: Uint32Array,
  thenOffset: number,
): Percentiles | null {
  const since = new Float64Array(HISTOGRAM_BINS);
  for (let b = 0; b < HISTOGRAM_BINS; b++)
    since[b] = ((now[offset + b]! >>> 0) - then[thenOffset + b]!) >>> 0;
  if (since.every((count) => count === 0)) return null;
  return { p50: histogramPercentile(since, 0, 0.5), p99: histogramPercentile(since, 0, 0.99) };
}
