import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../../src/store/sqlite.ts';
import { batchOf, DAY, makeFolder, T0 } from './samples.ts';
import { TestThread } from './thread.ts';

let folder: ReturnType<typeof makeFolder>;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A host that sends a byte a second without a stop, told in flushes of `lengthMs`. */
function busy(thread: TestThread, fromMs: number, toMs: number, lengthMs: number): void {
  for (let atMs = fromMs; atMs < toMs; atMs += lengthMs)
    thread.flush(batchOf(atMs, atMs + lengthMs, { a: [lengthMs / 1000, 0] }));
}

test('a time without the program is null, a time without traffic is zero', () => {
  const thread = new TestThread(folder.path('a.db'));
  busy(thread, T0, T0 + 10 * MINUTE, 10_000);
  for (let atMs = T0 + 10 * MINUTE; atMs < T0 + 20 * MINUTE; atMs += 10_000)
    thread.flush(batchOf(atMs, atMs + 10_000, {}));
  busy(thread, T0 + 30 * MINUTE, T0 + 35 * MINUTE, 10_000);
  expect(thread.up('a', T0 - 10 * MINUTE, T0 + 45 * MINUTE, 300)).toEqual([
    ...[null, null, 300, 300, 0, 0],
    ...[null, null, 300, null, null],
  ]);
  thread.close();
});

test('a step is known if half of it is', () => {
  const thread = new TestThread(folder.path('a.db'));
  // 150 of 300 s, then 149.
  thread.flush(batchOf(T0 + 150_000, T0 + 300_000, { a: [7, 0] }));
  thread.flush(batchOf(T0 + 300_000, T0 + 449_000, { a: [8, 0] }));
  thread.flush(batchOf(T0 + 600_000, T0 + 660_000, { a: [9, 0] }));
  expect(thread.up('a', T0, T0 + 600_000, 300)).toEqual([7, null]);
  thread.close();
});

test('of the step that has only begun, the time so far decides', () => {
  const thread = new TestThread(folder.path('a.db'));
  busy(thread, T0, T0 + 310_000, 10_000);
  expect(thread.up('a', T0, T0 + 900_000, 300)).toEqual([300, 10, null]);
  expect(thread.up('a', T0, T0 + DAY * 1000, DAY)).toEqual([310]);
  thread.close();
});

test('a longer step is the sum of shorter ones, and any step can be asked for', () => {
  const thread = new TestThread(folder.path('a.db'));
  busy(thread, T0, T0 + 4 * HOUR, MINUTE);
  expect(thread.up('a', T0, T0 + 4 * HOUR, 7200)).toEqual([7200, 7200]);
  const seven = Math.ceil(T0 / 420_000) * 420_000;
  expect(thread.up('a', seven, seven + 14 * MINUTE, 420)).toEqual([420, 420]);
  expect(thread.up('a', T0, T0 + 10 * MINUTE, 60)).toEqual(Array(10).fill(60));
  expect(thread.up(null, T0, T0 + HOUR, 3600)).toEqual([3600]);
  // The grid begins at a multiple of the step.
  expect(thread.history({ host: 'a', fromMs: T0 + 1, toMs: T0 + 2, stepSeconds: 300 })).toMatchObject([
    { at: T0 },
  ]);
  thread.close();
});

test('each part of the past comes from the finest level that still has it', () => {
  const levels = [
    { stepSeconds: 60, keepSeconds: 3600 },
    { stepSeconds: 600, keepSeconds: 6 * 3600 },
    { stepSeconds: 3600, keepSeconds: 10 * DAY },
  ];
  const file = folder.path('a.db');
  const thread = new TestThread(file, { levels });
  const hours = 10;
  const endMs = T0 + hours * HOUR + 25 * MINUTE;
  busy(thread, T0, endMs, MINUTE);
  expect(thread.up('a', T0, T0 + hours * HOUR, 3600)).toEqual(Array(hours).fill(3600));
  expect(thread.up('a', endMs - 8 * HOUR, endMs, 300)).toEqual(Array(96).fill(300));
  expect(thread.up('a', endMs - 90 * MINUTE, endMs, 60)).toEqual(Array(90).fill(60));
  thread.close();
  const reader = openDatabase(file);
  const kept = levels.map(({ stepSeconds }) => {
    const [[step]] = reader.query('min(step)', `FROM points_${stepSeconds}`).all() as unknown as [[number]];
    return Math.ceil((endMs / 1000 - step * stepSeconds) / stepSeconds);
  });
  expect(kept).toEqual([60, 37, 11]);
  reader.close();
});

test('a wall clock that is set back loses no byte', () => {
  const thread = new TestThread(folder.path('a.db'));
  busy(thread, T0, T0 + HOUR, 10_000);
  busy(thread, T0 + HOUR / 2, T0 + HOUR, 10_000);
  expect(thread.up('a', T0, T0 + HOUR, 1800)).toEqual([1800, 3600]);
  thread.close();
});

test('questions that cannot be answered say why', () => {
  const thread = new TestThread(folder.path('a.db'));
  busy(thread, T0, T0 + MINUTE, MINUTE);
  expect(() => thread.up('b', T0, T0 + 1, 300)).toThrow("there is no history of a host 'b'");
  expect(() => thread.up('a', T0, T0 + 1, 0.5)).toThrow('0.5 is not a step of whole seconds');
  expect(() => thread.up('a', 0, T0, 1)).toThrow('are more than the 100000 of one answer');
  expect(thread.up('a', T0, T0, 300)).toEqual([]);
  thread.close();
});

test('an empty file knows nothing', () => {
  const thread = new TestThread(folder.path('a.db')).open();
  expect(thread.up(null, T0, T0 + 600_000, 300)).toEqual([null, null]);
  thread.close();
});
