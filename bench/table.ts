/** Plain text tables and numbers for people. */
import { joinColumns, padColumns } from '../src/base/text-columns.ts';
import { median, quantile } from './statistics.ts';

/** Columns as wide as their widest cell; the first column is left-aligned, the others by `right`. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right = false,
): string {
  const dashes = head.map((title, i) =>
    '-'.repeat(Math.max(title.length, ...rows.map((row) => row[i]!.length))),
  );
  return joinColumns(padColumns([head, dashes, ...rows], (column) => !right || column === 0));
}

export function rate(bitsPerSec: number): string {
  if (bitsPerSec >= 1e9) return `${(bitsPerSec / 1e9).toFixed(2)} Gbit/s`;
  if (bitsPerSec >= 1e6) return `${(bitsPerSec / 1e6).toFixed(2)} Mbit/s`;
  return `${(bitsPerSec / 1e3).toFixed(1)} kbit/s`;
}

export function millis(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}

export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** NaN when empty. */
export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: quantile(values, 0), max: quantile(values, 1) };
}
