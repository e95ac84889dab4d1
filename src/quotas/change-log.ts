/** What the store has not been told yet: standings, violations, grants. The last word of each key counts. */
import type { Grant } from './grants.ts';
import type { QuotaChanges, StoredGrant, StoredStanding, StoredViolation } from './stored.ts';

const NS_PER_MS = 1e6;

const keyOf = (...parts: readonly (string | number)[]): string => parts.join('\n');

export class ChangeLog {
  readonly #cleared = new Set<string>();
  readonly #standings = new Map<string, StoredStanding>();
  /** null: the violation has ended. */
  readonly #violations = new Map<string, { host: string; quota: string; beganNs: number | null }>();
  /** null: the grant has ended. */
  readonly #grants = new Map<number, Grant | null>();

  /** All that is stored of the host goes. What comes later is stored again. */
  clear(host: string): void {
    this.#cleared.add(host);
    for (const [key, standing] of this.#standings) if (standing.host === host) this.#standings.delete(key);
    for (const [key, violation] of this.#violations)
      if (violation.host === host) this.#violations.delete(key);
  }

  standing(standing: StoredStanding): void {
    this.#standings.set(keyOf(standing.host, standing.quota, standing.overMs, standing.direction), standing);
  }

  violation(host: string, quota: string, beganNs: number | null): void {
    this.#violations.set(keyOf(host, quota), { host, quota, beganNs });
  }

  grant(id: number, grant: Grant | null): void {
    this.#grants.set(id, grant);
  }

  /** Takes all. */
  take(): Omit<QuotaChanges, 'clock' | 'hosts' | 'windows'> {
    const violations = [...this.#violations.values()];
    const grants = [...this.#grants];
    const changes = {
      cleared: [...this.#cleared],
      standings: [...this.#standings.values()],
      violations: violations.flatMap(({ host, quota, beganNs }): StoredViolation[] =>
        beganNs === null ? [] : [{ host, quota, beganQuotaMs: Math.round(beganNs / NS_PER_MS) }],
      ),
      endedViolations: violations
        .filter(({ beganNs }) => beganNs === null)
        .map(({ host, quota }) => ({ host, quota })),
      grants: grants.flatMap(([, grant]): StoredGrant[] => (grant ? [storedGrant(grant)] : [])),
      endedGrants: grants.flatMap(([id, grant]) => (grant ? [] : [id])),
    };
    this.#cleared.clear();
    this.#standings.clear();
    this.#violations.clear();
    this.#grants.clear();
    return changes;
  }
}

function storedGrant({ id, host, quota, bytes, fromNs, untilNs }: Grant): StoredGrant {
  const fromQuotaMs = Math.round(fromNs / NS_PER_MS);
  const untilQuotaMs = untilNs === null ? null : Math.round(untilNs / NS_PER_MS);
  return { id, host, quota, bytes, fromQuotaMs, untilQuotaMs };
}

export function grantOf({ fromQuotaMs, untilQuotaMs, ...grant }: StoredGrant): Grant {
  const untilNs = untilQuotaMs === null ? null : untilQuotaMs * NS_PER_MS;
  return { ...grant, fromNs: fromQuotaMs * NS_PER_MS, untilNs };
}
