/** Synchronisation: do the windows of TCP flows halve and grow together? */
import type { Series } from '../../sim/report/series.ts';

/** The first part of a run does not count, because flows open their windows there. */
const WARM_UP_SHARE = 1 / 6;

export interface Synchronisation {
  readonly flows: number;
  /** Mean correlation over all pairs of flows, -1 to 1. Near 1 they halve together. */
  readonly correlation: number;
}

export function afterWarmUp(samples: Float64Array): Float64Array {
  return samples.subarray(Math.ceil(samples.length * WARM_UP_SHARE));
}

/**
 * Mean pairwise correlation (Pearson) of congestion windows, without the warm-up, over flows that live
 * through the whole run. Returns null if there are fewer than two such flows.
 */
export function synchronisation(series: Series): Synchronisation | null {
  const columns = series.flows
    .map((flow) => centred(afterWarmUp(flow.cwnd)))
    .filter((column) => column !== null);
  if (columns.length < 2) return null;
  let sum = 0;
  let pairs = 0;
  for (const [i, a] of columns.entries()) {
    for (const b of columns.slice(i + 1)) {
      sum += a.reduce((product, value, t) => product + value * b[t], 0);
      pairs++;
    }
  }
  return { flows: columns.length, correlation: sum / pairs };
}

/**
 * Subtracts the mean and scales to length 1. Returns null if the window was 0 at some time or never changed.
 */
function centred(values: Float64Array): Float64Array | null {
  if (values.length === 0 || values.some((value) => value === 0)) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const length = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  return length === 0 ? null : values.map((value) => (value - mean) / length);
}
