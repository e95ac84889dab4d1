/** What the news of a book come to over a run: who was warned, who exceeded what, when and for how long. */
import type { QuotaNews } from '../../quotas/news.ts';
import type { QuotaDirection } from '../../quotas/stored.ts';

/** One limit of a quota. */
export interface TalliedLimit {
  readonly overNs: number;
  readonly direction: QuotaDirection;
}

export interface TalliedViolation {
  readonly fromNs: number;
  /** null: still under way at the end of the run. */
  readonly untilNs: number | null;
  /** The limits that were exceeded when it began. */
  readonly limits: readonly TalliedLimit[];
}

/** What a quota came to for one host. Hosts that it never warned of and never stopped have none. */
export interface Outcome {
  readonly host: string;
  readonly quota: string;
  /** How often the host began to be warned by a limit that it had been well below. */
  readonly warnings: number;
  readonly violations: readonly TalliedViolation[];
  /** All violations together, up to the end of the run. */
  readonly exceededNs: number;
}

/** A quota over all hosts. */
export interface QuotaTotals {
  readonly quota: string;
  readonly hostsWarned: number;
  readonly hostsExceeded: number;
  readonly violations: number;
  readonly exceededNs: number;
  /** Most hosts at one instant. */
  readonly hostsExceededMax: number;
}

interface Account {
  readonly host: string;
  readonly quota: string;
  warnings: number;
  readonly violations: TalliedViolation[];
}

export class QuotaTally {
  readonly #accounts = new Map<string, Account>();
  /** By quota: hosts in violation now, and the most so far. */
  readonly #current = new Map<string, number>();
  readonly #most = new Map<string, number>();

  add({ standings, violations }: QuotaNews): void {
    for (const { host, quota, from, to } of standings) {
      if (from === 'ok' && to === 'warned') this.#accountOf(host, quota).warnings++;
    }
    for (const { host, quota, hasBegun, beganNs, atNs } of violations) {
      const { violations: all } = this.#accountOf(host, quota);
      this.#countHosts(quota, hasBegun ? 1 : -1);
      if (hasBegun) {
        const limits = standings
          .filter((change) => change.host === host && change.quota === quota && change.to === 'exceeded')
          .map(({ overNs, direction }) => ({ overNs, direction }));
        all.push({ fromNs: beganNs, untilNs: null, limits });
      } else {
        const begun = all.pop();
        all.push({ fromNs: beganNs, untilNs: atNs, limits: begun?.limits ?? [] });
      }
    }
  }

  /** Those that were stopped longest come first. */
  outcomes(endNs: number): Outcome[] {
    const all = [...this.#accounts.values()].map((account) => ({
      ...account,
      exceededNs: account.violations.reduce(
        (sum, { fromNs, untilNs }) => sum + (untilNs ?? endNs) - fromNs,
        0,
      ),
    }));
    return all.sort((a, b) => b.exceededNs - a.exceededNs || b.warnings - a.warnings);
  }

  totals(quotas: readonly string[], endNs: number): QuotaTotals[] {
    const outcomes = this.outcomes(endNs);
    return quotas.map((quota) => {
      const own = outcomes.filter((outcome) => outcome.quota === quota);
      const exceeded = own.filter(({ violations }) => violations.length > 0);
      return {
        quota,
        // A host may pass the mark of the warning and the limit in one step.
        hostsWarned: own.length,
        hostsExceeded: exceeded.length,
        violations: exceeded.reduce((sum, { violations }) => sum + violations.length, 0),
        exceededNs: exceeded.reduce((sum, { exceededNs }) => sum + exceededNs, 0),
        hostsExceededMax: this.#most.get(quota) ?? 0,
      };
    });
  }

  #accountOf(host: string, quota: string): Account {
    const key = `${quota}\n${host}`;
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = { host, quota, warnings: 0, violations: [] };
      this.#accounts.set(key, account);
    }
    return account;
  }

  #countHosts(quota: string, more: number): void {
    const now = (this.#current.get(quota) ?? 0) + more;
    this.#current.set(quota, now);
    this.#most.set(quota, Math.max(now, this.#most.get(quota) ?? 0));
  }
}
