/**
 * What the store keeps of quotas, and gives back after a start. Instants are whole milliseconds, because
 * nanoseconds since 1970 are beyond 2^53; those with `quota` in their name are quota time
 * (src/quotas/quota-clock.ts).
 */

export type QuotaDirection = 'up' | 'down' | 'total';
export type QuotaState = 'ok' | 'warned' | 'exceeded';

/** Clocks as they stood at one instant. */
export interface StoredClock {
  readonly quotaMs: number;
  readonly wallMs: number;
  /** The clock since boot, and which boot that was. */
  readonly bootMs: number;
  readonly bootId: string;
}

/** Buckets of one window, in columns. */
export interface StoredWindow {
  readonly overMs: number;
  /** Bucket k is of quota time [k * widthMs, (k + 1) * widthMs). It need not be whole. */
  readonly widthMs: number;
  /** Buckets up to this number count no more. The store may delete them. */
  readonly goneBucket: number;
  /** Indices into `hosts` of the whole. */
  readonly host: Int32Array;
  readonly bucket: Float64Array;
  /** All bytes of the host in that bucket, not what was added. */
  readonly upBytes: Float64Array;
  readonly downBytes: Float64Array;
}

/** How a host stands with one limit. Key: host, quota, overMs, direction. */
export interface StoredStanding {
  readonly host: string;
  readonly quota: string;
  readonly overMs: number;
  readonly direction: QuotaDirection;
  readonly state: QuotaState;
}

/** A violation under way. Key: host, quota. */
export interface StoredViolation {
  readonly host: string;
  readonly quota: string;
  readonly beganQuotaMs: number;
}

/** Bytes that were granted to a host beyond its limits. Key: id. */
export interface StoredGrant {
  readonly id: number;
  readonly host: string;
  /** null: all quotas. */
  readonly quota: string | null;
  readonly bytes: number;
  readonly fromQuotaMs: number;
  /** null: in each window for as long as that window is. */
  readonly untilQuotaMs: number | null;
}

/** What has changed since it was asked for last. Written as one transaction. */
export interface QuotaChanges {
  readonly clock: StoredClock;
  /** Of these hosts all buckets, standings and violations go first. Then comes the rest. */
  readonly cleared: readonly string[];
  readonly hosts: readonly string[];
  /** All windows that are configured, also those without a change. What is stored of others goes. */
  readonly windows: readonly StoredWindow[];
  /** Rows take the place of those before. A row that is `ok` goes. */
  readonly standings: readonly StoredStanding[];
  readonly violations: readonly StoredViolation[];
  readonly endedViolations: readonly { readonly host: string; readonly quota: string }[];
  readonly grants: readonly StoredGrant[];
  readonly endedGrants: readonly number[];
}

/** What the store gives back. */
export interface StoredQuotas {
  readonly clock: StoredClock | null;
  readonly hosts: readonly string[];
  /** Also those without a bucket: a window that is not here is new, and gets its past from history. */
  readonly windows: readonly StoredWindow[];
  readonly standings: readonly StoredStanding[];
  readonly violations: readonly StoredViolation[];
  readonly grants: readonly StoredGrant[];
}
