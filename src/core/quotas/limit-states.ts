/** How hosts are limited, for people. */
import { UP } from '../hosts/host-layout.ts';
import { LIMIT_BLOCK, LIMIT_NONE, LIMIT_THROTTLE } from '../hosts/update.ts';
import type { HostBuckets } from './host-buckets.ts';
import { KIND_MASK, type LimitTable } from './limit-table.ts';

/** How a host is limited in one direction. */
export interface HostLimitState {
  readonly kind: 'throttle' | 'block' | 'page';
  readonly direction: 'up' | 'down';
  /** Only of `throttle`. */
  readonly rateBytesPerSec: number | null;
  readonly tokens: number | null;
  readonly waitingPackets: number;
}

/**
 * What limits host `i` in a direction; nothing if it is not limited there. `isRated` has 1 for each bucket
 * with a rate.
 */
export function limitStates(
  table: LimitTable,
  buckets: HostBuckets,
  isRated: Uint8Array,
  i: number,
  direction: number,
  nowNs: number,
): HostLimitState[] {
  const [kind, e] = [table.state[i] & KIND_MASK, 2 * i + direction];
  const isThrottled = kind === LIMIT_THROTTLE;
  if (kind === LIMIT_NONE || (isThrottled && isRated[e] === 0)) return [];
  return [
    {
      kind: isThrottled ? 'throttle' : kind === LIMIT_BLOCK ? 'block' : 'page',
      direction: direction === UP ? 'up' : 'down',
      rateBytesPerSec: isThrottled ? buckets.rateBytesPerSec(e) : null,
      tokens: isThrottled ? buckets.tokensAt(e, nowNs) : null,
      waitingPackets: buckets.waitingPackets(e),
    },
  ];
}
