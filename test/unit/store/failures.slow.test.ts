/** A full disk and a read-only one, as they really are: root mounts one in a namespace of its own. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../../../bench/lab/process.ts';
import type { StoreState } from '../../../src/store/batch.ts';
import { batchOf, makeFolder, T0 } from './samples.ts';
import { TestThread } from './thread.ts';

interface Told {
  /** Hosts that the start was given. */
  readonly found: number;
  readonly states: readonly StoreState[];
  readonly sent: number;
  readonly slowestFlushMs: number;
  readonly hosts: number;
  readonly bytes: readonly number[];
}

const TROUBLES = [
  { trouble: 'full', message: 'no space is left on the disk', hint: 'make room on the file system' },
  // SQLite says nothing of room here.
  {
    trouble: 'full before',
    message: 'no space is left on the disk (disk I/O error)',
    hint: 'make room on the file system',
  },
  { trouble: 'read-only', message: 'the file system is read-only', hint: 'remount,rw' },
];

test.for(TROUBLES)('a disk that is $trouble, and well again: nothing is lost', async (one, context) => {
  if (process.geteuid?.() !== 0) context.skip('only root may mount');
  const { trouble, message, hint } = one;
  const sentBefore = trouble === 'read-only' ? '2' : '0';
  const folder = makeFolder();
  try {
    mkdirSync(folder.path('disk'));
    const before = new TestThread(folder.path('disk/shaper.db'));
    const bytes = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`host ${i}`, [2, 2] as const]));
    if (trouble === 'read-only') before.flush(batchOf(T0, T0 + 120_000, bytes)).close();
    const script = fileURLToPath(new URL('failures-child.ts', import.meta.url));
    const command = [
      'unshare',
      '-m',
      process.execPath,
      '--import',
      'tsx',
      script,
      trouble,
      folder.path('disk'),
      sentBefore,
    ];
    const { stdout } = await run(command, { timeoutMs: 120_000 });
    const told = JSON.parse(stdout) as Told;
    expect(told.states).toEqual([
      {
        ok: false,
        message: expect.stringContaining(message) as string,
        hint: expect.stringContaining(hint) as string,
      },
      // What was stored before the disk was full comes when it can be read.
      ...(trouble === 'full before' ? [{ ok: true, message: 'late', hint: '' }] : []),
      { ok: true, message: '', hint: '' },
    ]);
    const found = { full: 0, 'read-only': 200 }[trouble];
    expect(told.found).toBe(found);
    expect(told).toMatchObject({ hosts: 200, bytes: [told.sent] });
    // Who counts never waits for the disk.
    expect(told.slowestFlushMs).toBeLessThan(500);
  } finally {
    folder.remove();
  }
});
