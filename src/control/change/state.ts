/**
 * The configuration of a running instance, as one value that each change replaces.
 *
 *     base       what file, `set` and `class` say; `save` and `diff` are about it
 *     + classes that were made for a command and end with it
 *     + schedules of the base that hold now
 *     + leases, in the order of their making
 *     = config   by which the instance runs
 */
import type { LoadedConfig } from '../../config/config.ts';
import type { ConfigDocument, MergePatch } from '../../config/edit/document.ts';

/** A change with an end. */
export interface Lease {
  /** Grows; an id is never given again. */
  readonly id: number;
  readonly path: string;
  readonly set: MergePatch;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** By the monotonic clock, so that a time of day which is set neither lengthens nor shortens it. */
  readonly endsMs: number;
}

/** A reload that goes back by itself unless it is confirmed. */
export interface Unconfirmed {
  /** The last confirmed configuration. */
  readonly back: ConfigDocument;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
}

/** A class that ends with the command for which it was made. No file has it. */
export interface MadeClass {
  readonly path: string;
  readonly values: MergePatch;
}

/** What a change decides. All else follows from it. */
export interface Draft {
  readonly base: ConfigDocument;
  readonly made: readonly MadeClass[];
  readonly leases: readonly Lease[];
  readonly unconfirmed: Unconfirmed | null;
  /** The configuration from before the last reload; null if there was none, or if it was taken back. */
  readonly beforeReload: ConfigDocument | null;
}

/** What a schedule sets now. */
export interface Scheduled {
  readonly path: string;
  readonly when: string;
  readonly set: MergePatch;
}

export interface ChangeState extends Draft {
  readonly baseConfig: LoadedConfig;
  /** What schedules were to set when the state was made. */
  readonly due: readonly Scheduled[];
  /** What of it fits. */
  readonly scheduled: readonly Scheduled[];
  /** Of base and schedules, without leases. */
  readonly underLeasesConfig: LoadedConfig;
  readonly config: LoadedConfig;
}
