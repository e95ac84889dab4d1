/**
 * What others tell the core of hosts, as data that crosses to the packet thread in one message and holds from
 * the next batch on.
 */
import type { MacSpec, NamedHostSpec } from '../../spec/hosts.ts';
import type { PrefixSpec } from '../../spec/spec.ts';

/** An address and the MAC of its device, as the kernel's neighbour table, a lease or the store has it. */
export interface KnownAddress {
  readonly family: number;
  /** Four words; IPv4 uses the first. */
  readonly words: readonly number[];
  /** null: the address has no known MAC any more. */
  readonly mac: MacSpec | null;
  /** Interface index of the device behind which it is; 0: not known. */
  readonly ifIndex: number;
}

export interface HostsUpdate {
  readonly known?: readonly KnownAddress[];
  /**
   * All names that classes may match, of the configuration and of leases. They take the place of those
   * before.
   */
  readonly names?: readonly NamedHostSpec[];
  /** Addresses of this machine: its own traffic is shown and never stopped. All of them. */
  readonly own?: readonly PrefixSpec[];
  /**
   * Prefixes whose addresses are neighbours of ours, so that the MAC of a packet is that of its device.
   * Behind an inner router it is the MAC of the router. null: every inside address is a neighbour.
   */
  readonly onLink?: readonly PrefixSpec[] | null;
  readonly limits?: HostLimits;
}

/** What may be done to a host. The strictest of its quotas is told. */
export const LIMIT_NONE = 0;
export const LIMIT_THROTTLE = 1;
/** Everything is dropped. */
export const LIMIT_BLOCK = 2;
/** Everything is dropped but DNS, DHCP and the addresses that the page allows. */
export const LIMIT_PAGE = 3;

/**
 * Columns of limits, one row for each host. A host whose generation is another one has gone: skip the row.
 */
export interface HostLimits {
  /** Rows of HostTable, as HostReader shows them. */
  readonly host: Int32Array;
  readonly generation: Int32Array;
  /** LIMIT_*, from now on. */
  readonly kind: Uint8Array;
  /** Of a throttled host; Infinity: that direction is not throttled. */
  readonly upBytesPerSec: Float64Array;
  readonly downBytesPerSec: Float64Array;
  /**
   * Counts of the host (upBytes, downBytes, their sum) beyond which a limit is exceeded although the windows
   * do not slide. The core then acts at once, by the columns `then…`, until the next update. Infinity: none.
   */
  readonly upBytesMax: Float64Array;
  readonly downBytesMax: Float64Array;
  readonly totalBytesMax: Float64Array;
  readonly thenKind: Uint8Array;
  readonly thenUpBytesPerSec: Float64Array;
  readonly thenDownBytesPerSec: Float64Array;
  /** With LIMIT_PAGE: which list of `HostLimits.allow` holds. */
  readonly allowList: Uint8Array;
  readonly allow: readonly (readonly PrefixSpec[])[];
}
