/** From what a book of quotas asks for to the columns of HostLimits. */
import type { PrefixSpec } from '../../spec/match.ts';
import { type HostLimits, LIMIT_BLOCK, LIMIT_NONE, LIMIT_PAGE, LIMIT_THROTTLE } from './update.ts';

const KINDS = {
  none: LIMIT_NONE,
  throttle: LIMIT_THROTTLE,
  page: LIMIT_PAGE,
  block: LIMIT_BLOCK,
} as const;

interface WantedHold {
  readonly kind: keyof typeof KINDS;
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
}

/** A host and what it is to be held to. */
export interface LimitedHost {
  readonly row: number;
  readonly generation: number;
  /** Counts of the memory of hosts that the book has taken: what is left adds to them. */
  readonly takenUpBytes: number;
  readonly takenDownBytes: number;
  readonly limit: WantedHold & {
    readonly upBytesLeft: number;
    readonly downBytesLeft: number;
    readonly totalBytesLeft: number;
    readonly next: WantedHold;
  };
}

/** `allow`: what every page lets through. */
export function limitColumns(hosts: readonly LimitedHost[], allow: readonly PrefixSpec[]): HostLimits {
  const floats = (value: (host: LimitedHost) => number): Float64Array => Float64Array.from(hosts, value);
  return {
    host: Int32Array.from(hosts, ({ row }) => row),
    generation: Int32Array.from(hosts, ({ generation }) => generation),
    kind: Uint8Array.from(hosts, ({ limit }) => KINDS[limit.kind]),
    upBytesPerSec: floats(({ limit }) => limit.upBytesPerSec),
    downBytesPerSec: floats(({ limit }) => limit.downBytesPerSec),
    upBytesMax: floats(({ takenUpBytes, limit }) => takenUpBytes + limit.upBytesLeft),
    downBytesMax: floats(({ takenDownBytes, limit }) => takenDownBytes + limit.downBytesLeft),
    totalBytesMax: floats(
      ({ takenUpBytes, takenDownBytes, limit }) => takenUpBytes + takenDownBytes + limit.totalBytesLeft,
    ),
    thenKind: Uint8Array.from(hosts, ({ limit }) => KINDS[limit.next.kind]),
    thenUpBytesPerSec: floats(({ limit }) => limit.next.upBytesPerSec),
    thenDownBytesPerSec: floats(({ limit }) => limit.next.downBytesPerSec),
    allowList: new Uint8Array(hosts.length),
    allow: [allow],
  };
}
