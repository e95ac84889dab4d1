/** What the thread of the store does when its file is not as it should be. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileLock, openFile } from '../../../src/store/open-file.ts';
import { inTransaction, openDatabase } from '../../../src/store/sqlite.ts';
import { batchOf, makeFolder, quotasOf, T0, windowOf } from './samples.ts';
import { TestThread } from './thread.ts';

let folder: ReturnType<typeof makeFolder>;
let file: string;
beforeEach(() => {
  folder = makeFolder();
  file = folder.path('shaper.db');
});
afterEach(() => folder.remove());

const MINUTE = 60_000;
const minute = (i: number, bytes = 60): ReturnType<typeof batchOf> =>
  batchOf(T0 + i * MINUTE, T0 + (i + 1) * MINUTE, { a: [bytes, 2 * bytes] });

/** A file with a thousand flushes of 30 hosts, and quotas. */
function makeUsedFile(): void {
  const thread = new TestThread(file);
  const hosts = Array.from({ length: 30 }, (_, i) => `h${i}`);
  const bytes = Object.fromEntries(hosts.map((id) => [id, [1e6, 2e6] as const]));
  for (let i = 0; i < 60; i++) {
    const rows = hosts.map((_, h) => [h, i, 5, 6]);
    const quotas = quotasOf({ hosts, windows: [windowOf(14_400_000, -1, rows)] });
    thread.flush(batchOf(T0 + i * 5 * MINUTE, T0 + (i + 1) * 5 * MINUTE, bytes, { quotas }));
  }
  thread.close();
  expect(thread.troubles).toEqual([]);
}

const asideFiles = (): string[] =>
  readdirSync(folder.path('')).filter((name) => /^shaper\.db\.broken-[\dTZ-]+$/.test(name));

test('a batch that is sent again is counted once, also by a thread that knows nothing of it', () => {
  const first = new TestThread(file, { session: 'run' }).flush(minute(0), 1).flush(minute(0), 1);
  first.close();
  const second = new TestThread(file, { session: 'run' }).flush(minute(0), 1).flush(minute(1), 2);
  expect(second.written).toEqual([1, 2]);
  expect(second.up('a', T0, T0 + 5 * MINUTE, 300)).toEqual([120]);
  second.close();
  // Another run begins with 1 as well.
  const other = new TestThread(file, { session: 'next run' }).flush(minute(2), 1);
  expect(other.stored?.hosts).toMatchObject([{ id: 'a', upBytes: 120, downBytes: 240 }]);
  expect(other.up('a', T0, T0 + 5 * MINUTE, 300)).toEqual([180]);
  other.close();
});

test('the folder is made, for us alone, and the file is not readable for all', () => {
  file = folder.path('new/deep/shaper.db');
  new TestThread(file).flush(minute(0)).close();
  expect(statSync(folder.path('new/deep')).mode & 0o777).toBe(0o750);
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(statSync(`${file}.lock`).mode & 0o777).toBe(0o640);
});

test('a file in the place of the folder', () => {
  writeFileSync(folder.path('lib'), '');
  const thread = new TestThread(folder.path('lib/shaper.db')).open();
  expect(thread.troubles).toEqual([
    {
      message: `history in ${folder.path('lib/shaper.db')}: a file stands in the place of its folder`,
      hint: expect.stringContaining(
        'or name another file (history.file); counting goes on in memory',
      ) as string,
    },
  ]);
});

test('a second instance is refused and counts on when the first has ended', () => {
  const first = new TestThread(file, { session: 'one' }).flush(minute(0));
  const second = new TestThread(file, { session: 'two' }).open().flush(minute(1));
  expect(second.stored).toBeNull();
  expect(second.written).toEqual([]);
  expect(second.troubles[0]).toEqual({
    message: `history in ${file}: another instance uses it`,
    hint: expect.stringContaining('give each instance a file of its own') as string,
  });
  first.flush(minute(2)).close();
  expect(first.troubles).toEqual([]);
  second.flush(minute(1), 1);
  expect(second.stored?.hosts).toMatchObject([{ upBytes: 120 }]);
  expect(second.written).toEqual([1]);
  second.close();
});

test('a file of a newer version is not touched', () => {
  makeUsedFile();
  const newer = openDatabase(file);
  newer.exec('PRAGMA user_version = 7; PRAGMA wal_checkpoint(TRUNCATE)');
  newer.close();
  const before = readFileSync(file);
  const thread = new TestThread(file).open().flush(minute(0));
  expect(thread.stored).toBeNull();
  expect(thread.troubles[0]).toEqual({
    message: `history in ${file}: the file is of version 7, made by a newer shaper; this one writes version 1`,
    hint: expect.stringContaining('use the newer shaper, or name another file') as string,
  });
  thread.close();
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('files of others are not touched', () => {
  const other = openDatabase(file);
  other.exec('CREATE TABLE bookmarks (id INTEGER)');
  other.close();
  const text = folder.path('passwd');
  writeFileSync(text, 'root:x:0:0:root:/root:/bin/bash\n'.repeat(200));
  for (const [path, message] of [
    [file, 'the file belongs to another program'],
    [text, 'the file is no history of a shaper'],
  ] as const) {
    const before = readFileSync(path);
    const thread = new TestThread(path).open().flush(minute(0));
    expect(thread.troubles.map((trouble) => trouble.message)).toEqual(
      Array(2).fill(`history in ${path}: ${message}`),
    );
    thread.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  }
  expect(readdirSync(folder.path('')).filter((name) => name.includes('broken'))).toEqual([]);
});

/** Overwrites the first page of a table. */
function breakTable(table: string): void {
  const reader = openDatabase(file);
  const row = reader.query('rootpage', `FROM sqlite_master WHERE name = '${table}'`).all()[0] as unknown as [
    number,
  ];
  reader.close();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xa5, (row[0] - 1) * 4096, row[0] * 4096));
}

test('a page in the middle is broken: the file is set aside, and what can be read goes on', () => {
  makeUsedFile();
  const { size } = statSync(file);
  breakTable('points_300');
  const thread = new TestThread(file).open();
  expect(thread.troubles).toEqual([]);
  const [aside] = asideFiles();
  expect(thread.notices).toEqual([
    {
      message: `history in ${file} was broken: a new file has begun, without the past; hosts, totals and quotas could be read, and go on`,
      hint: expect.stringContaining(`the broken file is ${folder.path(aside!)}`) as string,
    },
  ]);
  expect(readFileSync(folder.path(aside!)).length).toBe(size);
  expect(thread.stored?.hosts).toHaveLength(30);
  expect(thread.stored?.quotas.windows[0]?.host).toHaveLength(60 * 30);
  expect(thread.flush(minute(0)).written).toEqual([1]);
  thread.close();
  // The next start has the same hosts, from the new file.
  const next = new TestThread(file).open();
  expect(next.notices).toEqual([]);
  expect(next.stored?.hosts.find(({ id }) => id === 'h7')).toMatchObject({ upBytes: 60e6, downBytes: 120e6 });
  expect(next.stored?.quotas.windows[0]?.host).toHaveLength(60 * 30);
  next.close();
});

test('the first page is lost', () => {
  makeUsedFile();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0, 0, 4096));
  const thread = new TestThread(file).open();
  expect(thread.notices[0]?.message).toContain('a part of hosts, totals and quotas could not be read either');
  expect(asideFiles()).toHaveLength(1);
  expect(thread.flush(minute(0)).written).toEqual([1]);
  thread.close();
});

test('a file of which a flush has met a broken page is set aside, whatever the check of a start says', () => {
  makeUsedFile();
  const notices: string[] = [];
  const hosts: unknown[] = [];
  const lock = new FileLock();
  const opened = openFile(file, lock, true, {
    read: (stored) => hosts.push(...stored.hosts),
    notice: ({ message }) => notices.push(message),
  });
  expect(hosts).toHaveLength(30);
  expect(asideFiles()).toHaveLength(1);
  expect(notices).toHaveLength(1);
  opened.close();
  lock.release();
  const next = new TestThread(file).open();
  expect(next.stored?.hosts).toEqual(hosts);
  next.close();
});

test('somebody removes the file while the program runs', () => {
  const thread = new TestThread(file).flush(minute(0));
  for (const name of readdirSync(folder.path(''))) rmSync(folder.path(name));
  thread.flush(minute(1), 2);
  expect(thread.troubles.map(({ message }) => message)).toEqual([
    `history in ${file}: somebody removed or replaced it`,
  ]);
  thread.flush(minute(1), 2);
  expect(thread.written).toEqual([1, 2]);
  expect(thread.up('a', T0, T0 + 5 * MINUTE, 300)).toEqual([60]);
  thread.close();
  expect(existsSync(file)).toBe(true);
});

test('a folder where nobody may write', (context) => {
  if (process.geteuid?.() === 0)
    context.skip('root may write everywhere; failures.slow.test.ts does it by a mount');
  makeUsedFile();
  chmodSync(file, 0o400);
  chmodSync(folder.path(''), 0o500);
  const thread = new TestThread(file).flush(minute(0));
  chmodSync(folder.path(''), 0o700);
  expect(thread.written).toEqual([]);
  expect(thread.troubles[0]?.message).toContain('permission denied');
  expect(thread.stored?.hosts).toHaveLength(30);
});

test('a program that locks the file is waited for, then told of', () => {
  const thread = new TestThread(file).flush(minute(0));
  const other = openDatabase(file);
  inTransaction(other, () => {
    thread.flush(minute(1), 2);
  });
  other.close();
  expect(thread.troubles[0]?.message).toContain('another program locks it');
  expect(thread.flush(minute(1), 2).written).toEqual([1, 2]);
  thread.close();
});

test('a folder in the place of the file', () => {
  mkdirSync(file);
  const thread = new TestThread(file).open();
  expect(thread.troubles).toHaveLength(1);
  expect(thread.troubles[0]?.hint).toContain('counting goes on in memory');
});

test('a host that turns out to be another one is of that one, once, also after a kill, with its past', () => {
  const first = new TestThread(file, { session: 'run' });
  const rows = [
    [0, 3, 70, 0],
    [1, 3, 5, 0],
  ];
  const quotas = quotasOf({ hosts: ['10.0.0.9', 'b'], windows: [windowOf(14_400_000, -1, rows)] });
  const counts = { '10.0.0.9': [60, 6], b: [1, 2] } as const;
  first.flush(batchOf(T0, T0 + 5 * MINUTE, counts, { quotas }), 1);
  first.flush(batchOf(T0 + 10 * MINUTE, T0 + 15 * MINUTE, { '10.0.0.9': [40, 4] }), 2);
  const merged = batchOf(
    T0 + 15 * MINUTE,
    T0 + 20 * MINUTE,
    { b: [1000, 0] },
    {
      merges: [
        { from: '10.0.0.9', into: 'b' },
        { from: 'never stored', into: 'b' },
      ],
      quotas: quotasOf({
        cleared: ['10.0.0.9'],
        hosts: ['b'],
        windows: [windowOf(14_400_000, -1, [[0, 3, 75, 0]])],
      }),
    },
  );
  first.flush(merged, 3);
  first.close();
  // The answer was lost with its program: the same batch comes again.
  const second = new TestThread(file, { session: 'run' }).flush(merged, 3);
  expect(second.stored?.hosts).toMatchObject([{ id: 'b', upBytes: 1101, downBytes: 12 }]);
  expect(second.stored?.quotas.windows).toMatchObject([{ upBytes: Float64Array.of(75) }]);
  expect(second.up('b', T0, T0 + 20 * MINUTE, 300)).toEqual([61, null, 40, 1000]);
  second.close();
  // An address may be a host of its own again: it begins anew.
  const third = new TestThread(file, { session: 'next' });
  third.flush(batchOf(T0 + 20 * MINUTE, T0 + 25 * MINUTE, { '10.0.0.9': [7, 0] }), 1);
  third.close();
  const last = new TestThread(file).open();
  expect(last.stored?.hosts.map(({ id, upBytes }) => [id, upBytes])).toEqual([
    ['b', 1101],
    ['10.0.0.9', 7],
  ]);
  expect(last.up(null, T0, T0 + 25 * MINUTE, 300).reduce((sum, up) => sum! + (up ?? 0), 0)).toBe(1108);
  last.close();
});
