/**
 * One run of the store in a process of its own, for bench/store.ts: `fill FILE HOSTS DAYS` writes simulated
 * days in long steps, `measure FILE HOSTS DAYS FLUSHES` opens that file and flushes every 10 s of simulated
 * time. Prints JSON. The thread of the store is called here directly: what it costs is what this process
 * costs.
 */
import { statSync } from 'node:fs';
import type { QuotaChanges, StoredWindow } from '../src/quotas/stored.ts';
import type { Batch, HostCounts, Level } from '../src/store/batch.ts';
import type { FromStoreThread } from '../src/store/messages.ts';
import { StoreThread } from '../src/store/store-thread.ts';

export interface StoreResult {
  readonly cpuMsPerFlush: number;
  readonly wallMsPerFlushMax: number;
  readonly loadMs: number;
  /** Beyond what the process had before it opened the file. */
  readonly memoryBytesMax: number;
  readonly fileBytes: number;
  readonly windowRows: number;
}

const DAY_MS = 86_400_000;
const START_MS = 20_000 * DAY_MS;
const FLUSH_MS = 10_000;
/** The default of history.keep. */
const LEVELS: readonly Level[] = [
  { stepSeconds: 300, keepSeconds: 2 * 86_400 },
  { stepSeconds: 3600, keepSeconds: 60 * 86_400 },
  { stepSeconds: 86_400, keepSeconds: 5 * 365 * 86_400 },
];
const WINDOWS_MS = [4 / 24, 7, 30].map((length) => length * DAY_MS);

const [mode, file, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [hostCount, days, flushes] = numbers.map(Number) as [number, number, number];

const hosts = Array.from({ length: hostCount }, (_, i) => `00:50:8d:00:${i >> 8}:${i & 0xff}`);
const counts: HostCounts = {
  hosts,
  upBytes: Float64Array.from(hosts, (_, i) => 1_000_000 + 1000 * i),
  downBytes: Float64Array.from(hosts, (_, i) => 10_000_000 + 1000 * i),
};
const host = Int32Array.from(hosts, (_, i) => i);

/** Every host had bytes in every interval. */
function batchOf(fromMs: number, toMs: number): Batch {
  const windows = WINDOWS_MS.map((overMs): StoredWindow => {
    const widthMs = overMs / 240;
    const now = Math.floor(toMs / widthMs);
    return {
      ...{ overMs, widthMs, goneBucket: now - 241, host },
      bucket: Float64Array.from(hosts, () => now),
      upBytes: Float64Array.from(counts.upBytes, (bytes) => bytes * 60),
      downBytes: Float64Array.from(counts.downBytes, (bytes) => bytes * 60),
    };
  });
  const nothing = { standings: [], violations: [], endedViolations: [], grants: [], endedGrants: [] };
  const clock = { quotaMs: toMs, wallMs: toMs, bootMs: toMs, bootId: 'bench' };
  const quotas: QuotaChanges = { clock, cleared: [], hosts, windows, ...nothing };
  return { intervals: [{ fromMs, toMs, counts }], merges: [], hosts: [], memos: [], quotas, nowMs: toMs };
}

let windowRows = 0;
let nowMs = START_MS;
let seq = 0;
const thread = new StoreThread(
  { file, levels: LEVELS, session: `bench ${mode} ${process.pid}`, wantsStored: true, isKnownBroken: false },
  {
    nowMs: () => nowMs,
    tell: (message: FromStoreThread) => {
      if (message.type === 'failed') throw new Error(message.trouble.message);
      if (message.type === 'stored')
        for (const window of message.stored.quotas.windows) windowRows += window.host.length;
    },
  },
);

function flush(lengthMs: number): void {
  const batch = batchOf(nowMs, nowMs + lengthMs);
  nowMs += lengthMs;
  thread.told({ type: 'flush', seq: ++seq, batch });
}

/**
 * Hours at first, the steps of the finest level while that is kept, and each bucket of the shortest window.
 */
function fill(): void {
  const endMs = START_MS + days * DAY_MS;
  while (nowMs < endMs) {
    const leftMs = endMs - nowMs;
    flush(leftMs <= WINDOWS_MS[0]! ? 60_000 : leftMs <= 2 * DAY_MS ? 300_000 : 3_600_000);
  }
  thread.told({ type: 'close' });
}

function measure(): StoreResult {
  nowMs = START_MS + days * DAY_MS;
  const before = process.memoryUsage().rss;
  const beganMs = performance.now();
  thread.told({ type: 'open' });
  const loadMs = performance.now() - beganMs;
  let memoryBytesMax = process.memoryUsage().rss - before;
  let wallMsPerFlushMax = 0;
  flush(FLUSH_MS);
  const cpu = process.cpuUsage();
  for (let i = 0; i < flushes; i++) {
    const flushMs = performance.now();
    flush(FLUSH_MS);
    wallMsPerFlushMax = Math.max(wallMsPerFlushMax, performance.now() - flushMs);
    memoryBytesMax = Math.max(memoryBytesMax, process.memoryUsage().rss - before);
  }
  const used = process.cpuUsage(cpu);
  thread.told({ type: 'close' });
  const cpuMsPerFlush = (used.user + used.system) / 1000 / flushes;
  return {
    cpuMsPerFlush,
    wallMsPerFlushMax,
    loadMs,
    memoryBytesMax,
    fileBytes: statSync(file).size,
    windowRows,
  };
}

if (mode === 'fill') fill();
else console.log(JSON.stringify(measure()));
