/** Quotas for tests: what is not said is not asked for. */
import type { QuotaSpec, WindowSpec } from '../../src/spec/hosts.ts';

export const HOUR_NS = 3600e9;
export const DAY_NS = 24 * HOUR_NS;
export const GB = 1e9;

export function windowSpec(overNs: number, limits: Partial<WindowSpec>): WindowSpec {
  const none = Number.POSITIVE_INFINITY;
  return { overNs, upBytes: none, downBytes: none, totalBytes: none, ...limits };
}

export function quotaSpec(
  name: string,
  windows: readonly WindowSpec[],
  rest?: Partial<QuotaSpec>,
): QuotaSpec {
  return {
    name,
    hosts: { names: null, match: null },
    windows,
    warnShare: null,
    slopeShare: null,
    releaseShare: 1,
    throttle: null,
    isBlocking: false,
    page: null,
    outside: [],
    modules: [],
    ...rest,
  };
}

/** The rules of the document: four hours 5 GB up and 10 GB down, seven days 30 and 60. */
export const FLATS: QuotaSpec = quotaSpec(
  'fair-use',
  [
    windowSpec(4 * HOUR_NS, { upBytes: 5 * GB, downBytes: 10 * GB }),
    windowSpec(7 * DAY_NS, { upBytes: 30 * GB, downBytes: 60 * GB }),
  ],
  { warnShare: 0.8, throttle: { upBytesPerSec: 125_000, downBytesPerSec: 250_000 } },
);

export const PAGE = {
  allow: [],
  certFile: null,
  keyFile: null,
  textFile: null,
  styleFile: null,
} as const;

export const NO_RATES = {
  upBytesPerSec: Number.POSITIVE_INFINITY,
  downBytesPerSec: Number.POSITIVE_INFINITY,
} as const;
