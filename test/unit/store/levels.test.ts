import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLevels } from '../../../src/store/levels.ts';
import { openDatabase } from '../../../src/store/sqlite.ts';
import { batchOf, DAY, makeFolder, T0 } from './samples.ts';
import { TestThread } from './thread.ts';

let folder: ReturnType<typeof makeFolder>;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const MINUTE = 60_000;
const FINE = { stepSeconds: 300, keepSeconds: DAY };
const HOURLY = { stepSeconds: 3600, keepSeconds: 60 * DAY };

function busy(thread: TestThread, fromMs: number, toMs: number): void {
  for (let atMs = fromMs; atMs < toMs; atMs += MINUTE)
    thread.flush(batchOf(atMs, atMs + MINUTE, { a: [60, 120] }));
}

test('a coarser step that is new is summed from what there is', () => {
  const nowMs = T0 + 150 * MINUTE;
  const thread = new TestThread(folder.path('a.db'), { levels: [FINE], nowMs });
  busy(thread, T0, nowMs);
  thread.setLevels([FINE, HOURLY]);
  busy(thread, nowMs, T0 + 180 * MINUTE);
  // Without the finer one, only the new one can answer.
  thread.setLevels([HOURLY]);
  expect(thread.up('a', T0, T0 + 180 * MINUTE, 3600)).toEqual([3600, 3600, 3600]);
  expect(thread.history({ host: null, fromMs: T0, toMs: T0 + 1, stepSeconds: 3600 })).toEqual([
    { at: T0, upBytes: 3600, downBytes: 7200 },
  ]);
  thread.close();
  expect(thread.troubles).toEqual([]);
});

test('a step that does not fit into the others begins now', () => {
  const nowMs = T0 + 60 * MINUTE;
  const thread = new TestThread(folder.path('a.db'), { levels: [HOURLY], nowMs });
  busy(thread, T0, nowMs);
  thread.setLevels([FINE, HOURLY]);
  busy(thread, nowMs, nowMs + 10 * MINUTE);
  expect(thread.up('a', T0, T0 + 70 * MINUTE, 300)).toEqual(Array(14).fill(300));
  // An hour later the whole hours come from the old level, and the rest from both.
  thread.setLevels([FINE]);
  expect(thread.up('a', T0, T0 + 70 * MINUTE, 300)).toEqual([...Array(12).fill(null), 300, 300]);
  thread.close();
});

test('a step that goes takes its points with it, a shorter time lets the old ones go', () => {
  const file = folder.path('a.db');
  const thread = new TestThread(file, { levels: [FINE, HOURLY] });
  busy(thread, T0, T0 + 60 * MINUTE);
  thread.setLevels([{ stepSeconds: 300, keepSeconds: 600 }]);
  busy(thread, T0 + 60 * MINUTE, T0 + 70 * MINUTE);
  thread.close();
  const reader = openDatabase(file);
  expect(readLevels(reader)).toEqual([{ stepSeconds: 300, keepSeconds: 600, sinceSeconds: 0 }]);
  expect(reader.query('count(*)', "FROM sqlite_master WHERE name LIKE 'points%'").all()).toEqual([[1]]);
  expect(reader.query('count(*)', 'FROM points_300 WHERE host = 1').all()).toEqual([[2]]);
  reader.close();
});

test('levels of the configuration hold from the start', () => {
  const file = folder.path('a.db');
  const first = new TestThread(file, { levels: [FINE] });
  busy(first, T0, T0 + 120 * MINUTE);
  first.close();
  const second = new TestThread(file, { levels: [FINE, HOURLY], nowMs: T0 + 120 * MINUTE }).open();
  expect(second.up('a', T0, T0 + 120 * MINUTE, 3600)).toEqual([3600, 3600]);
  second.close();
});
