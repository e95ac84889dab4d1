/** Leases and schedules as clients see them. */

import type { ConfigChange } from '../../config/edit/changes.ts';
import type { MergePatch } from '../../config/edit/document.ts';
import { type Documents, layered } from './derive.ts';
import type { ChangeState, Lease } from './state.ts';

export interface LeaseReport {
  readonly id: number;
  readonly path: string;
  readonly set: MergePatch;
  /** Instants as in ISO 8601. */
  readonly since: string;
  readonly until: string;
  /** By key: the value that the end of the lease brings; null if there is none then. */
  readonly back: Readonly<Record<string, string | null>>;
}

/** By an instant of the monotonic clock: the time of day. */
type TimeOf = (ms: number) => string;

export function leaseReports(state: ChangeState, documents: Documents, timeOf: TimeOf): LeaseReport[] {
  const allChanges = documents.changes(state.underLeasesConfig, state.config);
  return state.leases.map((lease) => {
    const isAlone = state.leases.every((other) => other === lease || other.path !== lease.path);
    const changes = isAlone ? allChanges : changesBy(state, lease, documents);
    return leaseReport(lease, changes, timeOf);
  });
}

/** What the lease changes beside the others. */
function changesBy(state: ChangeState, lease: Lease, documents: Documents): readonly ConfigChange[] {
  const leases = state.leases.filter((other) => other !== lease);
  const without = layered({ ...state, leases }, state.baseConfig, state.due);
  return documents.changes(without.state.config, state.config);
}

/** `changes` are those of the lease. */
export function leaseReport(
  { id, path, set, sinceMs, endsMs }: Lease,
  changes: readonly ConfigChange[],
  timeOf: TimeOf,
): LeaseReport {
  const since = new Date(sinceMs).toISOString();
  const own = changes.filter((change) => change.path === path);
  const back = Object.fromEntries(own.map(({ key, old }) => [key, old]));
  return { id, path, set, since, until: timeOf(endsMs), back };
}
