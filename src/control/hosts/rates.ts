/** The rates of the line, from which a slope begins. */
import type { DirectionRates } from '../../quotas/effects.ts';
import type { LinkSpec } from '../../spec/spec.ts';

/** Of the fastest link: a host may use any of them. */
export function ratesOf(links: readonly LinkSpec[]): DirectionRates {
  const fastest = (side: 'up' | 'down'): number =>
    links.reduce((most, link) => Math.max(most, link[side]?.ceilBytesPerSec ?? 0), 0) ||
    Number.POSITIVE_INFINITY;
  return { upBytesPerSec: fastest('up'), downBytesPerSec: fastest('down') };
}
