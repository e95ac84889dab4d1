/** SIGKILL at a random moment, a hundred times: nothing acknowledged is lost, nothing is counted twice. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { compileInto } from '../../../bench/compiled.ts';
import { openDatabase } from '../../../src/store/sqlite.ts';
import { makeFolder, T0 } from './samples.ts';

const KILLS = 100;
/** At the same time, because most of it is the start of a program. */
const FILES = 2;
const HOSTS = 40;
/** Of simulated time between two runs, so that old steps are deleted as well. */
const RUN_MS = 86_400_000;

interface Found {
  readonly up: number;
  readonly down: number;
  readonly bucket: number;
  readonly clock: number;
}
interface Run {
  found: Found | null;
  sent: number;
  acknowledged: number;
  readonly troubles: unknown[];
}

/** Kills the child some time after its first flush. */
async function runAndKill(command: readonly string[], afterMs: number): Promise<Run> {
  const run: Run = { found: null, sent: 0, acknowledged: 0, troubles: [] };
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(child.stdout)) {
    const told = JSON.parse(line) as { [key: string]: unknown };
    if ('found' in told) run.found = told.found as Found;
    else if ('sent' in told) run.sent = told.sent as number;
    else if ('acknowledged' in told) run.acknowledged = told.acknowledged as number;
    else run.troubles.push(told);
    if (run.acknowledged === 1 && 'acknowledged' in told) setTimeout(() => child.kill('SIGKILL'), afterMs);
  }
  expect(child.exitCode).toBeNull();
  return run;
}

/** Kills the program again and again while it writes the same file. */
async function killOften(child: string, file: string): Promise<void> {
  let flushes = 0;
  let cutShort = 0;
  let last: Run | null = null;
  for (let i = 0; i < KILLS / FILES; i++) {
    const args = [child, file, `run ${i}`, String(T0 + i * RUN_MS)];
    const run = await runAndKill(args, 3 + 37 * Math.random());
    expect(run.troubles).toEqual([]);
    const found = run.found!;
    if (last !== null) {
      const counted: number = found.up / HOSTS - flushes;
      expect(counted).toBeGreaterThanOrEqual(last.acknowledged);
      expect(counted).toBeLessThanOrEqual(last.sent);
      if (counted > last.acknowledged) cutShort++;
      // All of a flush is there, or nothing of it.
      expect(found).toEqual({ up: found.up, down: 2 * found.up, bucket: counted, clock: counted });
      flushes += counted;
    }
    last = run;
  }
  const database = openDatabase(file);
  expect(database.query('integrity_check', 'FROM pragma_integrity_check').all()).toEqual([['ok']]);
  // Days are kept for years: they have all that the hosts have, and so has the house.
  const ofHosts = database.query('sum(up), sum(down)', 'FROM hosts').all();
  for (const which of ['host = 0', 'host > 0'])
    expect(database.query('sum(up), sum(down)', `FROM points_86400 WHERE ${which}`).all()).toEqual(ofHosts);
  database.close();
  expect(flushes).toBeGreaterThan(KILLS / FILES);
  // Some kills came between the commit and the word of it.
  expect(cutShort).toBeGreaterThan(0);
}

test(`${KILLS} kills under load`, async () => {
  const folder = makeFolder();
  try {
    await compileInto(folder.path(''), [fileURLToPath(new URL('kill-child.ts', import.meta.url))]);
    const child = folder.path('test/unit/store/kill-child.js');
    const files = Array.from({ length: FILES }, (_, i) => folder.path(`shaper-${i}.db`));
    await Promise.all(files.map((file) => killOften(child, file)));
  } finally {
    folder.remove();
  }
});
