/** What changes in the standings of hosts, for events, for actions and for the store. */
import type { ChangeLog } from './change-log.ts';
import { type JudgeListener, OK, STATES } from './judge.ts';
import type { Measure, QuotaPlan } from './plan.ts';
import type { HostRows } from './rows.ts';
import type { QuotaDirection, QuotaState, StoredStanding } from './stored.ts';

const NS_PER_MS = 1e6;

/** A standing that has changed. */
export interface StandingChange {
  readonly host: string;
  readonly quota: string;
  readonly overNs: number;
  readonly direction: QuotaDirection;
  readonly from: QuotaState;
  readonly to: QuotaState;
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly atNs: number;
}

/** A violation of a quota by a host that has begun or ended. */
export interface ViolationChange {
  /** The same after a restart. Actions outside run once for each. */
  readonly id: string;
  readonly host: string;
  readonly quota: string;
  readonly hasBegun: boolean;
  readonly beganNs: number;
  readonly atNs: number;
}

export interface QuotaNews {
  readonly standings: readonly StandingChange[];
  readonly violations: readonly ViolationChange[];
}

/** What the news are made of. */
export interface NewsSource {
  readonly rows: HostRows;
  readonly log: ChangeLog;
  readonly nowNs: () => number;
  readonly plan: () => QuotaPlan;
  readonly limitBytes: (row: number, measure: Measure) => number;
}

export const violationId = (host: string, quota: string, beganNs: number): string =>
  `${quota}/${host}/${Math.round(beganNs / NS_PER_MS)}`;

export class NewsDesk implements JudgeListener {
  readonly #source: NewsSource;
  #standings: StandingChange[] = [];
  #violations: ViolationChange[] = [];

  constructor(source: NewsSource) {
    this.#source = source;
  }

  /** What has changed since the last call. */
  take(): QuotaNews {
    const news = { standings: this.#standings, violations: this.#violations };
    this.#standings = [];
    this.#violations = [];
    return news;
  }

  stateChanged(row: number, m: number, from: number, to: number, usedBytes: number): void {
    const { rows, plan, limitBytes, nowNs } = this.#source;
    const measure = plan().measures[m];
    const host = rows.idOf(row) ?? '';
    this.logStanding(host, measure, to);
    this.#standings.push({
      host,
      quota: plan().quotas[measure.quota].name,
      overNs: measure.overNs,
      direction: measure.direction,
      from: STATES[from],
      to: STATES[to],
      usedBytes,
      limitBytes: limitBytes(row, measure),
      atNs: nowNs(),
    });
  }

  violationChanged(row: number, q: number, beganNs: number, hasBegun: boolean): void {
    const { rows, plan, nowNs, log } = this.#source;
    const host = rows.idOf(row) ?? '';
    const quota = plan().quotas[q].name;
    log.violation(host, quota, hasBegun ? beganNs : null);
    const id = violationId(host, quota, beganNs);
    this.#violations.push({ id, host, quota, hasBegun, beganNs, atNs: nowNs() });
  }

  /** Tells the store all that is not `ok` of a row. */
  logRow(row: number, states: readonly Uint8Array[], beganNs: readonly Float64Array[]): void {
    const { rows, plan, log } = this.#source;
    const host = rows.idOf(row) ?? '';
    plan().measures.forEach((measure, m) => {
      if (states[m][row] !== OK) this.logStanding(host, measure, states[m][row]);
    });
    plan().quotas.forEach(({ name }, q) => {
      if (!Number.isNaN(beganNs[q][row])) log.violation(host, name, beganNs[q][row]);
    });
  }

  logStanding(host: string, measure: Measure, state: number): void {
    const { plan, log } = this.#source;
    const standing: StoredStanding = {
      host,
      quota: plan().quotas[measure.quota].name,
      overMs: measure.overNs / NS_PER_MS,
      direction: measure.direction,
      state: STATES[state],
    };
    log.standing(standing);
  }
}
