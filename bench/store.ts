/**
 * npm run bench -- store: what history and quotas on disk cost: processor time of the store's thread, its
 * memory, and the file after a simulated week in which every host is busy all the time. `--quick` is for
 * tests: few hosts and a day, and one line of JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiledScript } from './compiled.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { run } from './lab/process.ts';
import type { StoreResult } from './store-run.ts';
import { millis, renderTable } from './table.ts';
import { readWords } from './words.ts';

const { quick } = readWords();
const HOSTS = quick ? [33] : [330, 10_000];
const DAYS = quick ? 1 : 7;
const FLUSHES = quick ? 5 : 60;
const FLUSH_SECONDS = 10;
const folder = mkdtempSync(join(tmpdir(), 'bench-store-'));
const TIMEOUT_MS = 3_600_000;

interface Case extends StoreResult {
  readonly hosts: number;
  readonly corePercent: number;
}

async function measure(hosts: number): Promise<Case> {
  const file = join(folder, `${hosts}.db`);
  await run(await compiledScript('store-run', 'fill', file, hosts, DAYS), { timeoutMs: TIMEOUT_MS });
  const command = await compiledScript('store-run', 'measure', file, hosts, DAYS, FLUSHES);
  const { stdout } = await run(command, { timeoutMs: TIMEOUT_MS });
  const result = JSON.parse(stdout) as StoreResult;
  return { ...result, hosts, corePercent: (result.cpuMsPerFlush / (FLUSH_SECONDS * 1000)) * 100 };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function print(cases: readonly Case[]): void {
  const head = ['hosts', 'processor', 'a flush', 'slowest', 'start', 'memory', 'file', 'rows of windows'];
  const rows = cases.map((one) => [
    ...[String(one.hosts), `${one.corePercent.toFixed(2)} %`, millis(one.cpuMsPerFlush)],
    ...[millis(one.wallMsPerFlushMax), millis(one.loadMs), megabytes(one.memoryBytesMax)],
    ...[megabytes(one.fileBytes), String(one.windowRows)],
  ]);
  console.log(`Every host busy, ${DAYS} days kept, a flush every ${FLUSH_SECONDS} s, three windows\n`);
  console.log(renderTable(head, rows, true));
}

try {
  const cases: Case[] = [];
  for (const hosts of HOSTS) cases.push(await measure(hosts));
  if (quick) console.log(JSON.stringify(cases));
  else {
    const [few, many] = cases as [Case, Case];
    const goals: Goal[] = [
      atMost('processor, 330 hosts, % of a core', few.corePercent, 1),
      atMost('processor, 10,000 hosts, % of a core', many.corePercent, 10),
      atMost('memory, 10,000 hosts, MB', many.memoryBytesMax / 1e6, 200),
    ];
    print(cases);
    printGoals(goals);
    writeResults('store', { cases, goals });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
