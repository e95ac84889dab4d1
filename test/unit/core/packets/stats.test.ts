import { expect, test } from 'vitest';
import { HISTOGRAM_BINS } from '../../../../src/base/histogram.ts';
import { NONE } from '../../../../src/base/none.ts';
import {
  copyStats,
  createStats,
  regroupStats,
  type Stats,
  statsBytes,
  statsOver,
  TOTAL,
  withChildren,
} from '../../../../src/core/packets/stats.ts';

const CLASSES = 3;

/** Every column by name. */
function columnsOf(stats: Stats): [string, Float64Array][] {
  return Object.entries(stats).filter((entry): entry is [string, Float64Array] =>
    ArrayBuffer.isView(entry[1]),
  );
}

test('the columns lie one after another and fill the buffer', () => {
  const stats = createStats(CLASSES);
  const columns = columnsOf(stats).map(([, view]) => view);
  const spans = columns
    .map((view) => [view.byteOffset, view.byteOffset + view.byteLength])
    .sort((a, b) => a[0] - b[0]);
  expect(spans[0][0]).toBe(0);
  for (let i = 1; i < spans.length; i++) expect(spans[i][0]).toBe(spans[i - 1][1]);
  expect(spans.at(-1)?.[1]).toBe(statsBytes(CLASSES));
  expect(stats.buffer.byteLength).toBe(statsBytes(CLASSES));
});

test('every class has a row in every column, and a histogram', () => {
  const stats = createStats(CLASSES);
  for (const [name, view] of columnsOf(stats)) {
    if (name === 'totals') expect(view.length).toBe(Object.keys(TOTAL).length);
    else if (name === 'delay') expect(view.length).toBe(CLASSES * HISTOGRAM_BINS);
    else if (name === 'lateness') expect(view.length).toBe(HISTOGRAM_BINS);
    else expect(view.length, name).toBe(CLASSES);
  }
});

test('each total has a place of its own', () => {
  const places = Object.values(TOTAL);
  expect(new Set(places).size).toBe(places.length);
  expect([...places].sort((a, b) => a - b)).toEqual(places.map((_, i) => i));
});

test('a copy is equal in everything and then lives its own life, in shared memory too', () => {
  for (const buffer of [new ArrayBuffer(statsBytes(CLASSES)), new SharedArrayBuffer(statsBytes(CLASSES))]) {
    const live = createStats(CLASSES);
    for (const [n, [, view]] of columnsOf(live).entries()) view.fill(n + 1);
    const snapshot = statsOver(buffer, CLASSES);
    copyStats(live, snapshot);
    for (const [n, [, view]] of columnsOf(snapshot).entries())
      expect(new Set(view)).toEqual(new Set([n + 1]));
    live.sentPackets[1] = 99;
    expect(snapshot.sentPackets[1]).not.toBe(99);
  }
});

test('counters and histograms are exact far beyond 32 bits', () => {
  for (const [name, view] of columnsOf(createStats(1))) {
    view[0] = 2 ** 53 - 2;
    view[0] += 1;
    expect(view[0], name).toBe(Number.MAX_SAFE_INTEGER);
  }
});

test('a parent shows its own counts and those of all below it, in every column of classes that counts', () => {
  const stats = createStats(4);
  for (const [, view] of columnsOf(stats)) view.fill(1);
  const sums = withChildren(stats, [{ parent: NONE }, { parent: 0 }, { parent: 1 }, { parent: NONE }]);
  for (const [name, view] of columnsOf(sums)) {
    const isNoSum = [
      'totals',
      'lateness',
      'ceilBytesPerSec',
      'pacedConnections',
      'shareBytesPerSec',
    ].includes(name);
    if (isNoSum) expect(new Set(view), name).toEqual(new Set([1]));
    else for (const [c, want] of [3, 2, 1, 1].entries()) expect(view[(c * view.length) / 4], name).toBe(want);
  }
  expect(stats.sentPackets[0]).toBe(1);
});

test('no sum that a class shows goes back when classes come, go and move; a new class begins at 0', () => {
  // 0 root > 1 x > (2 b, 3 c);  0 root > 4 gone       becomes   0 root > (1 x > 2 c);  0 root > 3 new > 4 b
  const before = [NONE, 0, 1, 1, 0].map((parent) => ({ parent }));
  const classes = [NONE, 0, 1, 0, 3].map((parent) => ({ parent }));
  const stats = createStats(before.length);
  stats.sentPackets.set([0, 1, 20, 300, 4000]);
  stats.backlogPackets.set([0, 0, 5, 6, 7]);
  stats.delay.fill(2);
  const changed = { before, classes, oldRow: [0, 1, 3, NONE, 2], heir: [0, 1, 4, 2, 0] };
  regroupStats(stats, changed);
  const shown = withChildren(stats, classes);
  expect([...shown.sentPackets]).toEqual([4321, 321, 300, 0, 20]);
  // What waits is counted where it is now.
  expect([...shown.backlogPackets]).toEqual([18, 6, 6, 5, 5]);
  expect(classes.map((_, c) => shown.delay[c * HISTOGRAM_BINS])).toEqual([10, 6, 2, 0, 2]);
  // And 10 more of b are 10 more of each class around it.
  stats.sentPackets[4] += 10;
  expect([...withChildren(stats, classes).sentPackets]).toEqual([4331, 321, 300, 10, 30]);
});
