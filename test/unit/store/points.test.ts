import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bytesBetween, partsOf } from '../../../src/store/points.ts';
import { openDatabase } from '../../../src/store/sqlite.ts';
import { runs } from '../../effort.ts';
import { batchOf, countsOf, LEVELS, makeFolder, T0 } from './samples.ts';
import { TestThread } from './thread.ts';

let folder: ReturnType<typeof makeFolder>;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

test('an interval inside a step is one part', () => {
  const counts = countsOf({});
  expect(partsOf({ fromMs: T0, toMs: T0 + 10_000, counts }, 300)).toEqual([
    { step: T0 / 300_000, shareToEnd: 1 },
  ]);
  expect(partsOf({ fromMs: T0 + 290_000, toMs: T0 + 300_000, counts }, 300)).toHaveLength(1);
});

test('an interval without length is of the step that it ends', () => {
  const counts = countsOf({});
  expect(partsOf({ fromMs: T0, toMs: T0, counts }, 300)).toEqual([{ step: T0 / 300_000, shareToEnd: 1 }]);
});

test('an interval over an edge is divided by its seconds', () => {
  const counts = countsOf({});
  expect(partsOf({ fromMs: T0 + 297_000, toMs: T0 + 307_000, counts }, 300)).toEqual([
    { step: T0 / 300_000, shareToEnd: 0.3 },
    { step: T0 / 300_000 + 1, shareToEnd: 1 },
  ]);
});

test('parts have all bytes together, and each as many as its seconds ask for', () => {
  const counts = countsOf({});
  const interval = fc.record({
    fromMs: fc.integer({ min: T0, max: T0 + 1e7 }),
    lengthMs: fc.integer({ min: 1, max: 3e6 }),
    bytes: fc.integer({ min: 0, max: 1e13 }),
    stepSeconds: fc.integer({ min: 1, max: 4000 }),
  });
  fc.assert(
    fc.property(interval, ({ fromMs, lengthMs, bytes, stepSeconds }) => {
      const toMs = fromMs + lengthMs;
      let before = 0;
      let sum = 0;
      for (const { step, shareToEnd } of partsOf({ fromMs, toMs, counts }, stepSeconds)) {
        const part = bytesBetween(bytes, before, shareToEnd);
        const stepMs = stepSeconds * 1000;
        const ms = Math.min(toMs, (step + 1) * stepMs) - Math.max(fromMs, step * stepMs);
        expect(Math.abs(part - (bytes * ms) / lengthMs)).toBeLessThanOrEqual(1 + bytes * 1e-12);
        before = shareToEnd;
        sum += part;
      }
      expect(sum).toBe(bytes);
    }),
    { numRuns: runs(400) },
  );
});

test('each level gets all bytes, and the house the sum of its hosts', () => {
  const file = folder.path('a.db');
  const thread = new TestThread(file);
  for (let i = 0; i < 50; i++) {
    const fromMs = T0 + i * 77_000;
    thread.flush(batchOf(fromMs, fromMs + 77_000, { a: [101, 7], b: [13, 1_000_003] }));
  }
  thread.close();
  expect(thread.troubles).toEqual([]);
  const database = openDatabase(file);
  for (const { stepSeconds } of LEVELS) {
    const table = `FROM points_${stepSeconds} WHERE`;
    expect(database.query('sum(up), sum(down)', `${table} host = 1`).all()).toEqual([[5050, 350]]);
    expect(database.query('sum(up), sum(down)', `${table} host = 0`).all()).toEqual([[5700, 50_000_500]]);
  }
  database.close();
});

test('what is too old goes, a few steps with each flush, and its place is used again', () => {
  const file = folder.path('a.db');
  const levels = [{ stepSeconds: 60, keepSeconds: 600 }];
  const thread = new TestThread(file, { levels });
  const hosts = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`h${i}`, [1e9, 1e9] as const]));
  const pages: number[] = [];
  for (let i = 0; i < 60; i++) {
    thread.flush(batchOf(T0 + i * 60_000, T0 + (i + 1) * 60_000, hosts));
    const reader = openDatabase(file);
    pages.push(reader.query('page_count', 'FROM pragma_page_count').all()[0]![0] as number);
    if (i === 59) expect(reader.query('count(DISTINCT step)', 'FROM points_60').all()).toEqual([[10]]);
    reader.close();
  }
  expect(pages.at(-1)).toBeLessThanOrEqual(pages[14]! + 2);
  thread.close();
});

test('after a long stop no flush deletes more than a few steps', () => {
  const file = folder.path('a.db');
  const levels = [{ stepSeconds: 60, keepSeconds: 6000 }];
  const thread = new TestThread(file, { levels });
  for (let i = 0; i < 20; i++) thread.flush(batchOf(T0 + i * 60_000, T0 + (i + 1) * 60_000, { a: [1, 1] }));
  const stepsLeft = (): unknown => {
    const reader = openDatabase(file);
    const [[steps]] = reader.query('count(DISTINCT step)', 'FROM points_60').all() as [[number]];
    reader.close();
    return steps;
  };
  const muchLater = T0 + 1e9;
  thread.flush(batchOf(muchLater, muchLater + 10_000, { a: [1, 1] }));
  expect(stepsLeft()).toBe(19);
  for (let i = 1; i < 11; i++)
    thread.flush(batchOf(muchLater + i * 10_000, muchLater + (i + 1) * 10_000, { a: [1, 1] }));
  // Those of the last 110 s.
  expect(stepsLeft()).toBe(3);
  thread.close();
});
