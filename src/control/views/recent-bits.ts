/** Mean rates of late, as reports show them. */
import { type Rates, rateSince } from './history.ts';

/** In bit/s. */
export interface RecentBits {
  readonly over1s: number;
  readonly over10s: number;
  readonly over60s: number;
}

/** What row `row` has counted, if it counts `bytes` now. */
export function bitsPerSecond(rates: Rates, row: number, bytes: number): RecentBits {
  return {
    over1s: Math.round(8 * rateSince(rates.over1s, row, bytes)),
    over10s: Math.round(8 * rateSince(rates.over10s, row, bytes)),
    over60s: Math.round(8 * rateSince(rates.over60s, row, bytes)),
  };
}
