/** Flushes and folders for tests of the store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuotaChanges } from '../../../src/quotas/stored.ts';
import type { Batch, Flush, HostCounts, Level } from '../../../src/store/batch.ts';

export const DAY = 86_400;
export const LEVELS: readonly Level[] = [
  { stepSeconds: 300, keepSeconds: 2 * DAY },
  { stepSeconds: 3600, keepSeconds: 60 * DAY },
  { stepSeconds: DAY, keepSeconds: 5 * 365 * DAY },
];
/** A midnight, in milliseconds. */
export const T0 = 20_000 * DAY * 1000;

export function countsOf(bytes: Readonly<Record<string, readonly [up: number, down: number]>>): HostCounts {
  return {
    hosts: Object.keys(bytes),
    upBytes: Float64Array.from(Object.values(bytes), ([up]) => up),
    downBytes: Float64Array.from(Object.values(bytes), ([, down]) => down),
  };
}

type Bytes = Parameters<typeof countsOf>[0];

export function flushOf(fromMs: number, toMs: number, bytes: Bytes, rest: Partial<Flush> = {}): Flush {
  return { fromMs, toMs, counts: countsOf(bytes), merges: [], hosts: [], memos: [], quotas: null, ...rest };
}

export function batchOf(fromMs: number, toMs: number, bytes: Bytes, rest: Partial<Batch> = {}): Batch {
  const intervals = [{ fromMs, toMs, counts: countsOf(bytes) }];
  return { intervals, merges: [], hosts: [], memos: [], quotas: null, nowMs: toMs, ...rest };
}

export function quotasOf(rest: Partial<QuotaChanges>): QuotaChanges {
  return {
    clock: { quotaMs: 1, wallMs: T0, bootMs: 2, bootId: 'boot' },
    ...{ cleared: [], hosts: [], windows: [], standings: [], violations: [] },
    ...{ endedViolations: [], grants: [], endedGrants: [] },
    ...rest,
  };
}

export function windowOf(overMs: number, goneBucket: number, rows: readonly (readonly number[])[]) {
  const column = (i: number): number[] => rows.map((row) => row[i]!);
  return {
    ...{ overMs, widthMs: overMs / 240, goneBucket },
    host: Int32Array.from(column(0)),
    bucket: Float64Array.from(column(1)),
    upBytes: Float64Array.from(column(2)),
    downBytes: Float64Array.from(column(3)),
  };
}

export function makeFolder(): { readonly path: (name: string) => string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'store-'));
  return {
    path: (name) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
