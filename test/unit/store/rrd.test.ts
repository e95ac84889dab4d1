import { execFileSync, spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHistory } from '../../../src/store/history-file.ts';
import { createLine, exportRrd, questionsOf, safeName } from '../../../src/store/rrd.ts';
import { batchOf, LEVELS, makeFolder, T0 } from './samples.ts';
import { TestThread } from './thread.ts';

let folder: ReturnType<typeof makeFolder>;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const MINUTE = 60_000;

function openSample(): ReturnType<typeof openHistory> {
  const thread = new TestThread(folder.path('a.db'));
  // 1000 bytes a second up for 20 minutes; then 10 minutes are unknown; then 10 minutes of nothing.
  for (let i = 0; i < 20; i++)
    thread.flush(batchOf(T0 + i * MINUTE, T0 + (i + 1) * MINUTE, { '00:50:8d:68:50:75': [60_000, 120_000] }));
  for (let i = 30; i < 40; i++) thread.flush(batchOf(T0 + i * MINUTE, T0 + (i + 1) * MINUTE, {}));
  thread.close();
  return openHistory(folder.path('a.db'));
}

test('rrdtool reads bytes a second, and unknown where we know nothing', async (context) => {
  if (spawnSync('rrdtool', ['--version']).error !== undefined)
    context.skip('no rrdtool here (apt install rrdtool)');
  const file = openSample();
  const files = await exportRrd(file, folder.path('out'));
  expect(files).toEqual([folder.path('out/house.rrd'), folder.path('out/00-50-8d-68-50-75.rrd')]);
  const fetch = [
    'fetch',
    files[1]!,
    'AVERAGE',
    '--start',
    String(T0 / 1000),
    '--end',
    String(T0 / 1000 + 2400 - 1),
  ];
  const rows = execFileSync('rrdtool', fetch, { encoding: 'utf8' }).match(/^\d+: .*$/gm)!;
  const values = rows.map((row) =>
    row
      .split(' ')
      .slice(1)
      .map((text) => (/nan/.test(text) ? null : Number(text))),
  );
  expect(values).toEqual([
    ...Array(4).fill([1000, 2000]),
    ...Array(2).fill([null, null]),
    ...Array(2).fill([0, 0]),
  ]);
  await expect(exportRrd(file, folder.path('out'))).rejects.toThrow('house.rrd is there already');
  file.close();
});

test('without rrdtool people are told what to install', async () => {
  const file = openSample();
  const { PATH } = process.env;
  process.env.PATH = folder.path('');
  try {
    await expect(exportRrd(file, folder.path('out'))).rejects.toMatchObject({
      message: 'rrdtool is not installed',
      hint: 'install it: apt install rrdtool',
    });
  } finally {
    process.env.PATH = PATH;
    file.close();
  }
});

test('a folder that cannot be made ends the export at once', async () => {
  const kept = {
    span: () => ({ fromMs: 0, toMs: 1 }),
    levels: () => [{ stepSeconds: 1, keepSeconds: 60 }],
  };
  const exported = exportRrd(kept as unknown as Parameters<typeof exportRrd>[0], '/proc/no/such');
  await expect(exported).rejects.toThrow('/proc/no/such cannot be made');
});

test('archives are as long as history is kept', () => {
  expect(createLine('/tmp/a b.rrd', LEVELS, 1000)).toBe(
    'create "/tmp/a b.rrd" --step 300 --start 999 DS:up:GAUGE:172800:0:U DS:down:GAUGE:172800:0:U ' +
      'RRA:AVERAGE:0.5:1:577 RRA:AVERAGE:0.5:12:1441 RRA:AVERAGE:0.5:288:1826',
  );
});

test('each time is asked for once, in the steps in which it is kept', () => {
  const day = 86_400_000;
  const toMs = T0 + 100 * day;
  expect(questionsOf(LEVELS, { fromMs: T0, toMs })).toEqual([
    { fromMs: T0, toMs: toMs - 60 * day, stepSeconds: 86_400 },
    { fromMs: toMs - 60 * day, toMs: toMs - 2 * day, stepSeconds: 3600 },
    { fromMs: toMs - 2 * day, toMs, stepSeconds: 300 },
  ]);
  expect(questionsOf(LEVELS, { fromMs: toMs - 3_600_000, toMs })).toEqual([
    { fromMs: toMs - 3_600_000, toMs, stepSeconds: 300 },
  ]);
});

test('names of hosts become names of files', () => {
  expect(
    ['00:50:8d:68:50:75', 'fd00::5', '10.0.0.5', '../../etc/x', 'house', '..', 'a b'].map(safeName),
  ).toEqual([...['00-50-8d-68-50-75', 'fd00--5', '10.0.0.5', '.._2f.._2fetc_2fx', '_house', '_..', 'a_20b']]);
});
