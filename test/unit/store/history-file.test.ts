import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHistory } from '../../../src/store/history-file.ts';
import { batchOf, makeFolder, T0 } from './samples.ts';
import { TestThread } from './thread.ts';

let folder: ReturnType<typeof makeFolder>;
let file: string;
beforeEach(() => {
  folder = makeFolder();
  file = folder.path('shaper.db');
});
afterEach(() => folder.remove());

const MINUTE = 60_000;
const LEVELS = [
  { stepSeconds: 60, keepSeconds: 600 },
  { stepSeconds: 300, keepSeconds: 86_400 },
];

/** 20 minutes, of which the third and half of the fourth are unknown; `b` has a byte in the last minute. */
function write(): TestThread {
  const thread = new TestThread(file, { levels: LEVELS });
  const counted = [...Array(20).keys()].filter((i) => i !== 2);
  for (const i of counted) {
    const fromMs = T0 + i * MINUTE + (i === 3 ? MINUTE / 2 : 0);
    thread.flush(batchOf(fromMs, T0 + (i + 1) * MINUTE, { a: [60, 10], ...(i === 19 ? { b: [1, 0] } : {}) }));
  }
  expect(thread.troubles).toEqual([]);
  return thread;
}

test('a file is read while an instance has it', () => {
  const thread = write();
  const history = openHistory(file);
  expect(history.hosts().map(({ id, upBytes }) => [id, upBytes])).toEqual([
    ['a', 19 * 60],
    ['b', 1],
  ]);
  expect(history.levels()).toMatchObject(LEVELS);
  expect(history.span()).toEqual({ fromMs: T0, toMs: T0 + 20 * MINUTE });
  expect(history.points({ host: 'a', fromMs: T0, toMs: T0 + 10 * MINUTE, stepSeconds: 300 })).toEqual([
    { at: T0, upBytes: 240, downBytes: 40 },
    { at: T0 + 5 * MINUTE, upBytes: 300, downBytes: 50 },
  ]);
  // The instance goes on meanwhile.
  thread.flush(batchOf(T0 + 20 * MINUTE, T0 + 21 * MINUTE, { a: [60, 10] }));
  expect(thread.troubles).toEqual([]);
  expect(history.span()?.toMs).toBe(T0 + 21 * MINUTE);
  history.close();
  thread.close();
});

test('steps of all hosts, the oldest first, as fine as they are kept', () => {
  write().close();
  const history = openHistory(file);
  const steps = [...history.steps()];
  expect(steps.map(({ fromMs, toMs }) => [(fromMs - T0) / MINUTE, (toMs - T0) / MINUTE])).toEqual([
    ...[
      [0, 5],
      [5, 10],
    ],
    ...Array.from({ length: 10 }, (_, i) => [10 + i, 11 + i]),
  ]);
  expect(steps.every(({ isKnown }) => isKnown)).toBe(true);
  expect(steps[0]?.counts).toEqual({
    hosts: ['a'],
    upBytes: Float64Array.of(240),
    downBytes: Float64Array.of(40),
  });
  expect(steps.at(-1)?.counts).toMatchObject({ hosts: ['a', 'b'], upBytes: Float64Array.of(60, 1) });
  history.close();
});

test('a step that is mostly unknown says so', () => {
  const thread = new TestThread(file, { levels: LEVELS });
  thread.flush(batchOf(T0, T0 + MINUTE, { a: [60, 10] }));
  thread.flush(batchOf(T0 + 2 * MINUTE, T0 + 3 * MINUTE, { a: [60, 10] }));
  thread.close();
  const history = openHistory(file);
  expect([...history.steps()].map(({ isKnown }) => isKnown)).toEqual([true, false, true]);
  history.close();
});

test('a copy in a folder where nothing may be written', () => {
  write().close();
  mkdirSync(folder.path('copy'));
  copyFileSync(file, folder.path('copy/a #1?.db'));
  chmodSync(folder.path('copy'), 0o500);
  const history = openHistory(folder.path('copy/a #1?.db'));
  expect(history.hosts()).toHaveLength(2);
  history.close();
  chmodSync(folder.path('copy'), 0o700);
});

test('what is no history says so, and stays as it is', () => {
  expect(() => openHistory(folder.path('none.db'))).toThrow('it cannot be opened');
  const text = folder.path('text.db');
  writeFileSync(text, 'text '.repeat(2000));
  expect(() => openHistory(text)).toThrow('it is broken (file is not a database)');
  expect(readFileSync(text, 'utf8')).toBe('text '.repeat(2000));
});

test('a wrong question is the fault of who asks', () => {
  write().close();
  const history = openHistory(file);
  const ask = () => history.points({ host: 'c', fromMs: T0, toMs: T0 + 1, stepSeconds: 60 });
  expect(ask).toThrow(expect.objectContaining({ message: "there is no history of a host 'c'", exitCode: 2 }));
  history.close();
});
