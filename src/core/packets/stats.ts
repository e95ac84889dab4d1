/**
 * Counters and delay histograms as columns of float64 (exact to 2^53; uint32 would wrap within hours of a
 * million packets a second), 2 kB a class, in one buffer, so that a snapshot between two batches is one copy
 * and another thread can read it without touching the data path.
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
  'flows',
  'flowsEvicted', // flow table full: the oldest idle flow made room
  'eachBuckets',
  'eachEvicted', // each table full: a full bucket made room
  'eachFull', // each table full of buckets in use: the packet was dropped as tail
  'fairFull', // a fair leaf had no room for one more queue: the packet was dropped as tail
  'ownerQuestions', // questions to the kernel whose socket a local flow has
  'ownersUnknown', // local flows classified without an owner, once a classification
  'modulePackets', // dropped by modules, those at hooks without classes included
  'heldFull', // packets accepted undelayed because HELD_MAX was reached
] as const;

/** What has happened in a class since start. */
const COUNT_COLUMNS = [
  'sentPackets',
  'sentBytes',
  'dropTail',
  'dropEarly',
  'dropPolice',
  'dropAqm',
  'dropModule',
  'marked',
  'windowsRewritten', // ACKs whose advertised window pacing has made smaller
  'acksHeld', // ACKs that pacing has made wait
] as const;

/** How a class is now. */
const STATE_COLUMNS = [
  'backlogPackets',
  'backlogBytes',
  'exemptPackets', // of the backlog: packets that must not be dropped
  'exemptBytes',
  'flows',
] as const;

/** What holds for a class now, and is no sum of what holds for its classes. */
const LIMIT_COLUMNS = [
  'ceilBytesPerSec', // moves where a class has `adjust`
  'pacedConnections', // not those that a class inside it paces
  'shareBytesPerSec', // of each active one of them; 0 while none is active
] as const;

const CLASS_COLUMNS = [...COUNT_COLUMNS, ...STATE_COLUMNS] as const;

export const TOTAL: { readonly [K in (typeof TOTALS)[number]]: number } = indexOf(TOTALS);
type ClassColumns = {
  readonly [K in (typeof CLASS_COLUMNS | typeof LIMIT_COLUMNS)[number]]: Float64Array;
};

function indexOf<Names extends readonly string[]>(names: Names): Record<Names[number], number> {
  return Object.fromEntries(names.map((name, i) => [name, i])) as Record<Names[number], number>;
}

export interface Stats extends ClassColumns {
  readonly buffer: ArrayBufferLike;
  /** Indexed by TOTAL.name. */
  readonly totals: Float64Array;
  /**
   * Time from arrival to verdict in microseconds, HISTOGRAM_BINS per class; row c starts at c *
   * HISTOGRAM_BINS.
   */
  readonly delay: Float64Array;
  /**
   * Microseconds by which packets that waited left after their due instant, HISTOGRAM_BINS over all classes.
   */
  readonly lateness: Float64Array;
  readonly classes: number;
}

export function statsBytes(classes: number): number {
  return (
    8 *
    (TOTALS.length + (CLASS_COLUMNS.length + LIMIT_COLUMNS.length) * classes + HISTOGRAM_BINS * (classes + 1))
  );
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
  const columns = Object.fromEntries(
    [...CLASS_COLUMNS, ...LIMIT_COLUMNS].map((name) => [name, float64(classes)]),
  );
  const delay = float64(HISTOGRAM_BINS * classes);
  const lateness = float64(HISTOGRAM_BINS);
  return { buffer, totals, delay, lateness, classes, ...(columns as ClassColumns) };
}

export function createStats(classes: number): Stats {
  return statsOver(new ArrayBuffer(statsBytes(classes)), classes);
}

/** The rows of a change of classes (classes/change.ts). Parents stand before their children. */
export interface Regrouping {
  readonly before: readonly { readonly parent: number }[];
  readonly classes: readonly { readonly parent: number }[];
  readonly oldRow: ArrayLike<number>;
  readonly heir: ArrayLike<number>;
}

/**
 * Gives `stats` columns for another list of classes, in place. The present state of a removed class (backlog,
 * flows) goes on in its heir. Nothing of a tree that is gone goes on: nothing waits there, and only the
 * totals keep what it has counted. Limits must be written anew. A class keeps the sum that `status` showed
 * for it, its former children included, so no count that is shown ever decreases. The own count of an inner
 * class may therefore be negative: a child that has just moved into it brings counts that the class never
 * showed.
 */
export function regroupStats(stats: Stats, { before, classes, oldRow, heir }: Regrouping): void {
  const shown = withChildren(stats, before);
  const next = createStats(classes.length);
  next.totals.set(stats.totals);
  next.lateness.set(stats.lateness);
  for (const name of STATE_COLUMNS)
    for (let c = 0; c < before.length; c++) if (heir[c] !== NONE) next[name][heir[c]] += stats[name][c];
  for (let c = 0; c < classes.length; c++) {
    const old = oldRow[c];
    if (old === NONE) continue;
    for (const name of COUNT_COLUMNS) next[name][c] = shown[name][old];
    const [to, from] = [c * HISTOGRAM_BINS, old * HISTOGRAM_BINS];
    for (let b = 0; b < HISTOGRAM_BINS; b++) next.delay[to + b] = shown.delay[from + b];
  }
  // From parents to children, so that each row still has its whole sum when it is taken off its parent's.
  for (let c = 0; c < classes.length; c++) {
    const { parent } = classes[c];
    if (parent === NONE) continue;
    for (const name of COUNT_COLUMNS) next[name][parent] -= next[name][c];
    const [to, from] = [parent * HISTOGRAM_BINS, c * HISTOGRAM_BINS];
    for (let b = 0; b < HISTOGRAM_BINS; b++) next.delay[to + b] -= next.delay[from + b];
  }
  Object.assign(stats, next);
}

/** Copies everything; both must have been made for the same number of classes. */
export function copyStats(from: Stats, to: Stats): void {
  new Uint8Array(to.buffer).set(new Uint8Array(from.buffer));
}

/**
 * A copy in which every parent shows its own counts plus its children's. `classes` has the row of each
 * class's parent, or NONE; parents stand before their children.
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
