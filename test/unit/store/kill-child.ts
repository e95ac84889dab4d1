/**
 * Flushes as fast as it can until it is killed. Says on stdout what it found in the file, and each flush
 * before it is sent and after it is acknowledged.
 */
import { writeSync } from 'node:fs';
import type { Stored } from '../../../src/store/batch.ts';
import { StoreThread } from '../../../src/store/store-thread.ts';
import { batchOf, LEVELS, quotasOf, windowOf } from './samples.ts';

const HOSTS = 40;
const [file, session, fromMs] = process.argv.slice(2) as [string, string, string];
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

const thread = new StoreThread(
  { file, levels: LEVELS, session, wantsStored: true, isKnownBroken: false },
  {
    nowMs: () => Number(fromMs),
    tell: (message) => {
      if (message.type === 'stored') say({ found: summaryOf(message.stored) });
      else if (message.type === 'written') say({ acknowledged: message.seq });
      else if (message.type !== 'opened') say({ trouble: message });
    },
  },
);
thread.told({ type: 'open' });

function summaryOf({ hosts, quotas }: Stored): object {
  return {
    up: hosts.reduce((sum, { upBytes }) => sum + upBytes, 0),
    down: hosts.reduce((sum, { downBytes }) => sum + downBytes, 0),
    bucket: quotas.windows[0]?.upBytes.at(-1) ?? 0,
    clock: quotas.clock?.quotaMs ?? 0,
  };
}

/** Each flush is of a minute, so that all levels get new steps often. */
for (let seq = 1; ; seq++) {
  const atMs = Number(fromMs) + seq * 60_000;
  const bytes = Object.fromEntries(Array.from({ length: HOSTS }, (_, i) => [`h${i}`, [1, 2] as const]));
  const rows = Array.from({ length: HOSTS }, (_, i) => [i, 7, seq, seq]);
  const quotas = quotasOf({
    hosts: Object.keys(bytes),
    windows: [windowOf(14_400_000, 0, rows)],
    clock: { quotaMs: seq, wallMs: atMs, bootMs: 0, bootId: session },
  });
  say({ sent: seq });
  thread.told({ type: 'flush', seq, batch: batchOf(atMs - 60_000, atMs, bytes, { quotas }) });
}
