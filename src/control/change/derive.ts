/** From what a change decides to the whole state: base, schedules, leases. */

import { OperatingError } from '../../base/errors.ts';
import type { LoadedConfig } from '../../config/config.ts';
import type { ConfigChange } from '../../config/edit/changes.ts';
import type { ConfigDocument } from '../../config/edit/document.ts';
import type { ChangeState, Draft, Lease, MadeClass, Scheduled } from './state.ts';

/** How documents are read and compared: src/config/edit. */
export interface Documents {
  parse(text: string, file: string): ConfigDocument;
  /** Reads a file, and compares it with the devices of this machine in its warnings. Throws ConfigError. */
  loadHere(document: ConfigDocument): LoadedConfig;
  changes(before: LoadedConfig, after: LoadedConfig): readonly ConfigChange[];
  hasSchedules(config: LoadedConfig): boolean;
  /** What schedules set at this time of day, the stronger ones last. */
  scheduled(config: LoadedConfig, at: Date): readonly Scheduled[];
}

export interface Derived {
  readonly state: ChangeState;
  /** Leases that fit the configuration no more, with the reason. They are in no state any more. */
  readonly unfit: readonly UnfitLease[];
  /** The same of classes that were made for a command. */
  readonly unfitMade: readonly UnfitMade[];
  /** Schedules that do not fit, as sentences. */
  readonly notes: readonly string[];
}

export interface UnfitMade {
  readonly made: MadeClass;
  readonly error: Error;
}

export interface UnfitLease {
  readonly lease: Lease;
  readonly error: Error;
}

/**
 * `baseConfig` is what the base reads as. A schedule or lease that does not fit is left out, so that neither
 * of them ever stands in the way of a change of the base.
 */
export function derive(documents: Documents, draft: Draft, baseConfig: LoadedConfig, at: Date): Derived {
  return layered(draft, baseConfig, documents.scheduled(baseConfig, at));
}

/** The same by the schedules that are given. */
export function layered(draft: Draft, baseConfig: LoadedConfig, due: readonly Scheduled[]): Derived {
  const notes: string[] = [];
  const unfit: UnfitLease[] = [];
  const unfitMade: UnfitMade[] = [];
  let [document, config] = [draft.base, baseConfig];
  /** Returns why it does not fit. */
  const lay = (edit: (on: ConfigDocument) => ConfigDocument): Error | null => {
    try {
      const next = edit(document);
      config = next.load();
      document = next;
      return null;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      return error;
    }
  };
  const made = draft.made.filter((one) => {
    const error = lay((on) => on.addClass(one.path, one.values));
    if (error !== null) unfitMade.push({ made: one, error });
    return error === null;
  });
  const scheduled = due.filter((one) => {
    const error = lay((on) => on.patchClass(one.path, one.set));
    if (error !== null) notes.push(`the schedule ${one.when} of ${one.path} does not fit: ${error.message}`);
    return error === null;
  });
  const underLeasesConfig = config;
  const leases = draft.leases.filter((lease) => {
    const error = lay((on) => on.patchClass(lease.path, lease.set));
    if (error !== null) unfit.push({ lease, error });
    return error === null;
  });
  const state = { ...draft, made, leases, baseConfig, due, scheduled, underLeasesConfig, config };
  return { state, unfit, unfitMade, notes };
}
