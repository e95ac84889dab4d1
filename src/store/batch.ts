/**
 * What the store is told, and what it gives back. Instants are milliseconds of the wall clock since 1970,
 * except those of quotas (src/quotas/stored.ts).
 */
import type { QuotaChanges, StoredQuotas } from '../quotas/stored.ts';
import type { KeepSpec } from '../spec/hosts.ts';

/** A host that is new, or of which something else than its counts has changed. */
export interface HostNews {
  /** Text of the MAC, of the address, or of the port: the key of all that is stored. */
  readonly id: string;
  readonly name: string | null;
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
  readonly lastSeenMs: number;
}

/** Bytes that hosts have had since the flush before, in columns. A host that is not known yet becomes one. */
export interface HostCounts {
  readonly hosts: readonly string[];
  readonly upBytes: Float64Array;
  readonly downBytes: Float64Array;
}

/** The host `from` has turned out to be `into`: all that is kept of it is of that one, and it is gone. */
export interface HostMerge {
  readonly from: string;
  readonly into: string;
}

/** A short text that outlives the program, by a key of its writer: which outside actions are done, say. */
export interface Memo {
  readonly key: string;
  /** null: it goes. */
  readonly value: string | null;
}

/** What has happened between two instants in which the program counted all the time. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
  readonly counts: HostCounts;
}

export interface Flush extends Interval {
  /** In their order. They hold for what was flushed before; the counts of this flush follow them. */
  readonly merges: readonly HostMerge[];
  readonly hosts: readonly HostNews[];
  readonly memos: readonly Memo[];
  /**
   * Is called when the flush is sent, at once or later. So changes of quotas wait where they are kept anyway
   * while the store is behind. null: there are no quotas.
   */
  readonly quotas: (() => QuotaChanges) | null;
}

/** A flush on its way, or several that became one while the store was behind. */
export interface Batch {
  /** Of what is in the file. The intervals name hosts as they are called after these. */
  readonly merges: readonly HostMerge[];
  readonly intervals: readonly Interval[];
  readonly hosts: readonly HostNews[];
  readonly memos: readonly Memo[];
  readonly quotas: QuotaChanges | null;
  /** For the deletion of what is too old. */
  readonly nowMs: number;
}

export interface StoredHost extends HostNews {
  readonly firstSeenMs: number;
  /** Since it was seen first, over all runs of the program. */
  readonly upBytes: number;
  readonly downBytes: number;
}

/** All that outlives the program, but history. */
export interface Stored {
  readonly hosts: readonly StoredHost[];
  readonly quotas: StoredQuotas;
  readonly memos: readonly { readonly key: string; readonly value: string }[];
}

/** How it stands with the file. `message` and `hint` are empty while all is well. */
export interface StoreState {
  readonly ok: boolean;
  readonly message: string;
  readonly hint: string;
}

export interface HistoryQuestion {
  /** null: all hosts together. */
  readonly host: string | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepSeconds: number;
}

/** Bytes of the step that begins at `at`; null if more than half of the step is unknown. */
export interface HistoryPoint {
  readonly at: number;
  readonly upBytes: number | null;
  readonly downBytes: number | null;
}

/** How one step of history is kept: in whole seconds. */
export interface Level {
  readonly stepSeconds: number;
  readonly keepSeconds: number;
}

export function levelsOf(keep: readonly KeepSpec[]): Level[] {
  return keep.map(({ stepNs, forNs }) => ({
    stepSeconds: Math.max(1, Math.round(stepNs / 1e9)),
    keepSeconds: Math.ceil(forNs / 1e9),
  }));
}
