/** The client with its real thread and a real file. */
import { statSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { Stored, StoreState } from '../../../src/store/batch.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { flushOf, LEVELS, makeFolder, quotasOf, T0, windowOf } from './samples.ts';

const folders: (() => void)[] = [];
afterEach(() => {
  for (const remove of folders.splice(0)) remove();
});

interface Told {
  readonly states: StoreState[];
  readonly notices: string[];
  readonly late: Stored[];
}

function open(file: string, levels = LEVELS): { store: Store; told: Told } {
  const told: Told = { states: [], notices: [], late: [] };
  const store = openStore({
    file,
    levels,
    onState: (state) => told.states.push(state),
    onNotice: (message, hint) => told.notices.push(`${message} (${hint})`),
    onLate: (stored) => told.late.push(stored),
  });
  return { store, told };
}

function newFile(): string {
  const folder = makeFolder();
  folders.push(folder.remove);
  return folder.path('lib/shaper.db');
}

test('what one run has flushed the next one is given', async () => {
  const file = newFile();
  const first = open(file);
  expect(await first.store.opened).toMatchObject({ hosts: [], memos: [], quotas: { clock: null } });
  expect(statSync(file).mode & 0o777).toBe(0o640);
  const hosts = [
    {
      id: 'a',
      name: 'nas',
      macs: ['00:50:8d:68:50:75'],
      addresses: ['10.0.0.5', 'fd00::5'],
      lastSeenMs: T0 + 5000,
    },
  ];
  const memos = [{ key: 'done a', value: 'mail' }];
  const quotas = quotasOf({ hosts: ['a'], windows: [windowOf(14_400_000, 3, [[0, 5, 100, 200]])] });
  first.store.flush(
    flushOf(T0, T0 + 10_000, { a: [100, 200], b: [1, 2] }, { hosts, memos, quotas: () => quotas }),
  );
  first.store.flush(flushOf(T0 + 10_000, T0 + 20_000, { a: [10, 20] }));
  await first.store.close();
  expect(first.told.states).toEqual([]);

  const second = open(file);
  const stored = await second.store.opened;
  expect(stored?.hosts).toMatchObject([
    { ...hosts[0], firstSeenMs: T0 + 10_000, lastSeenMs: T0 + 20_000, upBytes: 110, downBytes: 220 },
    { id: 'b', name: null, macs: [], addresses: [], lastSeenMs: T0 + 10_000, upBytes: 1, downBytes: 2 },
  ]);
  expect(stored?.memos).toEqual(memos);
  expect(stored?.quotas.windows).toEqual(quotas.windows);
  const question = { fromMs: T0, toMs: T0 + 600_000, stepSeconds: 300 };
  expect(await second.store.history({ ...question, host: 'a' })).toEqual([
    { at: T0, upBytes: 110, downBytes: 220 },
    { at: T0 + 300_000, upBytes: null, downBytes: null },
  ]);
  expect(await second.store.history({ ...question, host: null })).toMatchObject([{ upBytes: 111 }, {}]);
  await expect(second.store.history({ ...question, host: 'c' })).rejects.toThrow("no history of a host 'c'");
  await second.store.close();
});
