/**
 * Runs as root in a mount namespace of its own: a store on a small file system of its own that becomes full,
 * or read-only, and well again. Prints one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreState } from '../../../src/store/batch.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { flushOf, LEVELS, T0 } from './samples.ts';

const [trouble, folder, sentBefore] = process.argv.slice(2) as [
  'full' | 'full before' | 'read-only',
  string,
  string,
];
const file = join(folder, 'shaper.db');
const filler = join(folder, 'filler');
const mount = (...args: string[]): Buffer => execFileSync('mount', args);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const states: StoreState[] = [];
let sent = Number(sentBefore);
let slowestFlushMs = 0;

function flush(to: Store): void {
  const beganMs = performance.now();
  const bytes = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`host ${i}`, [1, 1] as const]));
  to.flush(flushOf(T0 + sent * 60_000, T0 + (sent + 1) * 60_000, bytes));
  sent++;
  slowestFlushMs = Math.max(slowestFlushMs, performance.now() - beganMs);
}

/** Flushes all the time until the store is in the state that is waited for. */
async function flushUntil(to: Store, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 600 && !isSo(); i++) {
    flush(to);
    await sleep(50);
  }
}

/** A file of its own fills the disk. */
function fillUp(): void {
  try {
    writeFileSync(filler, Buffer.alloc(1e8));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

if (trouble !== 'read-only') mount('-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder);
else {
  mount('--bind', folder, folder);
  mount('-o', 'remount,bind,ro', folder);
}
if (trouble === 'full before') {
  fillUp();
  // Room for a file, and none for what SQLite puts beside it.
  truncateSync(filler, statSync(filler).size - 16_384);
}
const store = openStore({
  file,
  levels: LEVELS,
  onState: (state) => states.push(state),
  onNotice: (message) => states.push({ ok: true, message, hint: '' }),
  onLate: () => states.push({ ok: true, message: 'late', hint: '' }),
});
const found = (await store.opened)?.hosts.length;
if (trouble === 'full') {
  await flushUntil(store, () => store.isIdle && sent > 3);
  fillUp();
}
await flushUntil(store, () => !store.state.ok);
const sentWhenFailed = sent;
await flushUntil(store, () => sent > sentWhenFailed + 20);
if (trouble !== 'read-only') rmSync(filler);
else mount('-o', 'remount,bind,rw', folder);
await flushUntil(store, () => store.state.ok);
await store.close();

const again = openStore({ file, levels: LEVELS, onState: () => {}, onNotice: () => {}, onLate: () => {} });
const stored = await again.opened;
await again.close();
const bytes = stored?.hosts.map(({ upBytes }) => upBytes) ?? [];
console.log(
  JSON.stringify({ found, states, sent, slowestFlushMs, hosts: bytes.length, bytes: [...new Set(bytes)] }),
);
