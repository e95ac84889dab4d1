/** The points of a history as numbers: NaN where nothing is known. */
import type { HistoryReport } from '../../control/hosts/reports.ts';

export interface Series {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly upBytes: Float64Array;
  readonly downBytes: Float64Array;
}

export function seriesOf({ points, stepSeconds }: HistoryReport): Series {
  const stepMs = 1000 * stepSeconds;
  const fromMs = points.length === 0 ? 0 : Date.parse(points[0]!.at);
  return {
    ...{ fromMs, toMs: fromMs + points.length * stepMs, stepMs },
    upBytes: Float64Array.from(points, ({ upBytes }) => upBytes ?? Number.NaN),
    downBytes: Float64Array.from(points, ({ downBytes }) => downBytes ?? Number.NaN),
  };
}

export function bitsPerSecond(bytes: Float64Array, stepMs: number): Float64Array {
  return bytes.map((value) => (8000 * value) / stepMs);
}

export interface Totals {
  readonly bytes: number;
  /** Of the known time; 0 if nothing is known. */
  readonly meanBitsPerSecond: number;
  /** Of the step with most. */
  readonly maxBitsPerSecond: number;
  /** From 0 to 1. */
  readonly unknownShare: number;
}

export function totalsOf(bytes: Float64Array, stepMs: number): Totals {
  const known = bytes.filter((value) => !Number.isNaN(value));
  const sum = known.reduce((total, value) => total + value, 0);
  return {
    bytes: sum,
    meanBitsPerSecond: known.length === 0 ? 0 : (8000 * sum) / known.length / stepMs,
    maxBitsPerSecond: (8000 * known.reduce((most, value) => Math.max(most, value), 0)) / stepMs,
    unknownShare: bytes.length === 0 ? 1 : 1 - known.length / bytes.length,
  };
}

/**
 * At the end of each step: the sum over the last `steps`. What is not known counts for nothing, as in quotas.
 */
export function slidingSums(bytes: Float64Array, steps: number): Float64Array {
  const sums = new Float64Array(bytes.length);
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) {
    sum += Number.isNaN(bytes[i]) ? 0 : bytes[i]!;
    if (i >= steps) sum -= Number.isNaN(bytes[i - steps]) ? 0 : bytes[i - steps]!;
    sums[i] = sum;
  }
  return sums;
}
