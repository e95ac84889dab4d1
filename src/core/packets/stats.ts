/**
 * Counters and delay histograms as columns of float64 (exact to 2^53; uint32 would wrap within hours of a million packets a
 * second), 2 kB a class, in one buffer, so that a snapshot between two batches is one copy and another thread can read it
 * without touching the data path.
 */
import { HISTOGRAM_BINS } from '../../base/histogram.ts';
import { NONE } from '../../base/none.ts';

const TOTALS = [
  'receivedPackets',
  'receivedBytes',
  'acceptedPackets',
  'acceptedBytes',
  'droppedPackets',
  'droppedBytes',
  'heldPackets',
  'heldBytes',
  'lostPackets', // the kernel answered "no such packet" to our verdict
  'lostBytes',
  'unmatchedPackets', // accepted unseen by any tree: the device has another index than at start
  'batches',
  'uptimeNs', // instant of the snapshot
  'flows',
  'flowsEvicted', // flow table full: the oldest idle flow made room
  'eachBuckets',
  'eachEvicted', // each table full: a full bucket made room
  'eachFull', // each table full of buckets in use: the packet was dropped as tail
  'fairFull', // a fair leaf had no room for one more queue: the packet was dropped as tail
  'heldFull', // packets accepted undelayed because HELD_MAX was reached
] as const;

const CLASS_COLUMNS = [
  'sentPackets',
  'sentBytes',
  'backlogPackets',
  'backlogBytes',
  'dropTail',
  'dropEarly',
  'dropPolice',
  'dropAqm',
  'marked',
  'flows',
] as const;

export const TOTAL: { readonly [K in (typeof TOTALS)[number]]: number } = indexOf(TOTALS);
type ClassColumns = { readonly [K in (typeof CLASS_COLUMNS)[number]]: Float64Array };

function indexOf<Names extends readonly string[]>(names: Names): Record<Names[number], number> {
  return Object.fromEntries(names.map((name, i) => [name, i])) as Record<Names[number], number>;
}

export interface Stats extends ClassColumns {
  readonly buffer: ArrayBufferLike;
  /** Indexed by TOTAL.name. */
  readonly totals: Float64Array;
  /** Time from arrival to verdict in microseconds, HISTOGRAM_BINS per class; row c starts at c * HISTOGRAM_BINS. */
  readonly delay: Float64Array;
  /** Microseconds by which packets that waited left after their due instant, HISTOGRAM_BINS over all classes. */
  readonly lateness: Float64Array;
  readonly classes: number;
}

export function statsBytes(classes: number): number {
  return 8 * (TOTALS.length + CLASS_COLUMNS.length * classes + HISTOGRAM_BINS * (classes + 1));
}

/** Views over `buffer` (statsBytes(classes) long): the live one, a snapshot, or shared memory. */
export function statsOver(buffer: ArrayBufferLike, classes: number): Stats {
  let offset = 0;
  const float64 = (n: number): Float64Array => {
    const view = new Float64Array(buffer, offset, n);
    offset += 8 * n;
    return view;
  };
  const totals = float64(TOTALS.length);
  const columns = Object.fromEntries(CLASS_COLUMNS.map((name) => [name, float64(classes)]));
  const delay = float64(HISTOGRAM_BINS * classes);
  const lateness = float64(HISTOGRAM_BINS);
  return { buffer, totals, delay, lateness, classes, ...(columns as ClassColumns) };
}

export function createStats(classes: number): Stats {
  return statsOver(new ArrayBuffer(statsBytes(classes)), classes);
}

/**
 * Gives `stats` columns for another list of classes, in place. Row c of before goes on in row heir[c]; where several do, as those of
 * removed classes in the one around them, they are added up, so that no count ever goes back.
 */
export function regroupStats(stats: Stats, heir: ArrayLike<number>, classes: number): void {
  const next = createStats(classes);
  next.totals.set(stats.totals);
  next.lateness.set(stats.lateness);
  for (let c = 0; c < stats.classes; c++) {
    for (const name of CLASS_COLUMNS) next[name][heir[c]] += stats[name][c];
    const [to, from] = [heir[c] * HISTOGRAM_BINS, c * HISTOGRAM_BINS];
    for (let b = 0; b < HISTOGRAM_BINS; b++) next.delay[to + b] += stats.delay[from + b];
  }
  Object.assign(stats, next);
}

/** Copies everything; both must have been made for the same number of classes. */
export function copyStats(from: Stats, to: Stats): void {
  new Uint8Array(to.buffer).set(new Uint8Array(from.buffer));
}

/**
 * A copy in which every parent shows its own counts plus its children's. `classes` has the row of each class's parent, or NONE; parents
 * stand before their children.
 */
export function withChildren(stats: Stats, classes: readonly { readonly parent: number }[]): Stats {
  const sums = createStats(stats.classes);
  copyStats(stats, sums);
  for (let c = classes.length - 1; c >= 0; c--) {
    const { parent } = classes[c];
    if (parent === NONE) continue;
    for (const name of CLASS_COLUMNS) sums[name][parent] += sums[name][c];
    const [to, from] = [parent * HISTOGRAM_BINS, c * HISTOGRAM_BINS];
    for (let b = 0; b < HISTOGRAM_BINS; b++) sums.delay[to + b] += sums.delay[from + b];
  }
  return sums;
}
