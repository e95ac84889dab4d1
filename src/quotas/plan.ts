/**
 * The quotas of the configuration as numbers: limits one by one, and the windows that they look at. A window
 * belongs to all limits of the same length, so a host has each sum once.
 */
import type { QuotaSpec, WindowSpec } from '../spec/hosts.ts';
import type { QuotaDirection } from './stored.ts';

/** One limit of one window. */
export interface Measure {
  /** Index into QuotaPlan.quotas. */
  readonly quota: number;
  /** Index into QuotaPlan.oversNs. */
  readonly window: number;
  readonly overNs: number;
  readonly direction: QuotaDirection;
  readonly limitBytes: number;
}

export interface QuotaPlan {
  readonly quotas: readonly QuotaSpec[];
  /** Lengths of windows, each once. */
  readonly oversNs: readonly number[];
  /** Windows and directions of one quota stand together. */
  readonly measures: readonly Measure[];
}

const DIRECTIONS: readonly (readonly [QuotaDirection, (window: WindowSpec) => number])[] = [
  ['up', (window) => window.upBytes],
  ['down', (window) => window.downBytes],
  ['total', (window) => window.totalBytes],
];

export function planOf(quotas: readonly QuotaSpec[]): QuotaPlan {
  const oversNs = [...new Set(quotas.flatMap(({ windows }) => windows.map(({ overNs }) => overNs)))];
  oversNs.sort((a, b) => a - b);
  const measures = quotas.flatMap(({ windows }, quota) =>
    windows.flatMap((window) => measuresOf(window, quota, oversNs.indexOf(window.overNs))),
  );
  return { quotas, oversNs, measures };
}

function measuresOf(spec: WindowSpec, quota: number, window: number): Measure[] {
  return DIRECTIONS.flatMap(([direction, limitOf]) => {
    const limitBytes = limitOf(spec);
    if (limitBytes === Number.POSITIVE_INFINITY) return [];
    return [{ quota, window, overNs: spec.overNs, direction, limitBytes }];
  });
}
