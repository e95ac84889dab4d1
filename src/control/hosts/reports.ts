/** Hosts with their quotas and their past, in the shape of the contract. Instants are as in ISO 8601. */
import type { QuotaDirection, QuotaState } from '../../quotas/stored.ts';

/** How a host stands with one limit of one quota. */
export interface StandingReport {
  readonly quota: string;
  /** The window, as in the file: 4h. */
  readonly over: string;
  readonly direction: QuotaDirection;
  readonly usedBytes: number;
  /** With what was granted. */
  readonly limitBytes: number;
  readonly state: QuotaState;
  /** When a violation ends if the host sends and receives nothing more; null without a violation. */
  readonly endsAt: string | null;
}

/** Bytes beyond the limits, until they end. */
export interface GrantReport {
  readonly id: number;
  readonly host: string;
  readonly name: string;
  /** null: all quotas. */
  readonly quota: string | null;
  readonly bytes: number;
  readonly since: string;
  /** null: in each window for as long as that window is. */
  readonly until: string | null;
}

export interface HostStanding {
  readonly id: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly quotas: readonly StandingReport[];
  readonly grants: readonly GrantReport[];
}

export interface QuotasReport {
  /** Those that are over first, then those that have used the largest share of a limit. */
  readonly hosts: readonly HostStanding[];
}

export interface HistoryPoint {
  /** The beginning of the step. */
  readonly at: string;
  /** null where nothing is known. */
  readonly upBytes: number | null;
  readonly downBytes: number | null;
}

export interface HistoryReport {
  /** The id of the host, or HOUSE. */
  readonly host: string;
  readonly name: string;
  readonly stepSeconds: number;
  readonly points: readonly HistoryPoint[];
}

/** All hosts together, in the place of a host. */
export const HOUSE = 'house';

/** Hosts by what is done to them, and who does it. A metric for each host would be too many. */
export interface HostCounts {
  readonly known: number;
  readonly slowed: number;
  readonly stopped: number;
  /** null: no history is kept. */
  readonly isStored: boolean | null;
  /** null: no page is configured. */
  readonly isPageServed: boolean | null;
}

/** What is behind a device, or a port of a bridge. */
export interface PortReport {
  /** Empty: nobody knows behind which. */
  readonly port: string;
  /** Of hosts, and the MACs by which they were seen last. */
  readonly addresses: number;
  readonly macs: number;
}
