/**
 * How each host stands with each limit: columns by measure and row. A sum above its limit is a violation of
 * the quota, which goes on until no limit of it is exceeded any more.
 */
import type { SlidingSums } from '../algo/quota/sliding-sum.ts';
import type { QuotaSpec } from '../spec/hosts.ts';
import { type Measure, planOf, type QuotaPlan } from './plan.ts';
import { grown } from './rows.ts';
import type { QuotaState } from './stored.ts';

export const OK = 0;
export const WARNED = 1;
export const EXCEEDED = 2;
export const STATES: readonly QuotaState[] = ['ok', 'warned', 'exceeded'];

/** Told of every change. */
export interface JudgeListener {
  stateChanged(row: number, measure: number, from: number, to: number, usedBytes: number): void;
  violationChanged(row: number, quota: number, beganNs: number, hasBegun: boolean): void;
}

/** What the judge looks at, by row. */
export interface Evidence {
  readonly rows: number;
  sumsOf(measure: Measure): SlidingSums;
  usedBytes(row: number, measure: Measure): number;
  /** 1: what follows for the host has to be worked out again. Whoever looks at it clears it. */
  readonly isTouched: Uint8Array;
  /** 1 where the host has grants. */
  readonly hasGrants: Uint8Array;
  /** What its grants add to a limit. */
  extraBytes(row: number, measure: Measure): number;
}

export class Judge {
  plan: QuotaPlan = planOf([]);
  /** By measure, then by row: OK, WARNED or EXCEEDED. */
  states: Uint8Array[] = [];
  /** By quota, then by row: 1 where the quota holds for the host. */
  holds: Uint8Array[] = [];
  /** By quota, then by row: when the violation under way began; NaN: there is none. */
  beganNs: Float64Array[] = [];
  #rows = 0;
  readonly #listener: JudgeListener;

  constructor(listener: JudgeListener) {
    this.#listener = listener;
  }

  /** Takes another plan. States of limits that stay are kept; `holds` has to be told again. */
  replan(plan: QuotaPlan, evidence: Evidence, nowNs: number): void {
    const before = this.plan;
    this.#endWhatGoes(plan, evidence, nowNs);
    const { states, beganNs } = this;
    this.plan = plan;
    this.states = plan.measures.map((measure) => {
      const same = before.measures.findIndex((other) => isSame(before, other, plan, measure));
      return states[same] ?? new Uint8Array(0);
    });
    this.beganNs = plan.quotas.map(({ name }) => {
      const same = before.quotas.findIndex((quota) => quota.name === name);
      return beganNs[same] ?? new Float64Array(0);
    });
    this.holds = plan.quotas.map(() => new Uint8Array(0));
    const rows = this.#rows;
    this.#rows = 0;
    this.reserve(rows);
  }

  reserve(rows: number): void {
    this.#rows = Math.max(this.#rows, rows);
    this.states = this.states.map((column) => grown(column, this.#rows));
    this.holds = this.holds.map((column) => grown(column, this.#rows));
    this.beganNs = this.beganNs.map((column) => {
      const longer = grown(column, this.#rows);
      return longer === column ? column : longer.fill(Number.NaN, column.length);
    });
  }

  /** Nobody has the row any more; nothing is told of it. */
  clearRow(row: number): void {
    for (const column of this.states) column[row] = OK;
    for (const column of this.holds) column[row] = 0;
    for (const column of this.beganNs) column[row] = Number.NaN;
  }

  /** `into` stands as the worse of both; what it stands by is looked at when it is judged next. */
  merge(from: number, into: number): void {
    for (const column of this.states) column[into] = Math.max(column[into], column[from]);
    for (const column of this.beganNs) {
      if (!(column[into] <= column[from]) && !Number.isNaN(column[from])) column[into] = column[from];
    }
  }

  judge(evidence: Evidence, nowNs: number): void {
    const { measures } = this.plan;
    const changed = new Set<number>();
    for (let m = 0; m < measures.length; m++) this.#judgeMeasure(m, evidence, changed);
    for (const row of changed) this.#judgeViolations(row, nowNs);
  }

  /** Limits that the other plan does not have are exceeded no more. */
  #endWhatGoes(plan: QuotaPlan, evidence: Evidence, nowNs: number): void {
    const changed = new Set<number>();
    this.plan.measures.forEach((measure, m) => {
      if (plan.measures.some((other) => isSame(this.plan, measure, plan, other))) return;
      const states = this.states[m];
      for (let row = 0; row < evidence.rows; row++) {
        const before = states[row];
        if (before === OK) continue;
        states[row] = OK;
        changed.add(row);
        this.#listener.stateChanged(row, m, before, OK, evidence.usedBytes(row, measure));
      }
    });
    for (const row of changed) this.#judgeViolations(row, nowNs);
  }

  #judgeMeasure(m: number, evidence: Evidence, changed: Set<number>): void {
    const measure = this.plan.measures[m];
    const quota = this.plan.quotas[measure.quota];
    const states = this.states[m];
    const holds = this.holds[measure.quota];
    const { hasGrants, isTouched, rows } = evidence;
    const { upBytes, downBytes } = evidence.sumsOf(measure);
    const { direction } = measure;
    const calm = calmBytes(quota, measure.limitBytes);
    for (let row = 0; row < rows; row++) {
      const up = direction === 'down' ? 0 : upBytes[row];
      const used = direction === 'up' ? up : up + downBytes[row];
      const before = states[row];
      // Most hosts are far from all marks.
      if (used < calm && before === OK && hasGrants[row] === 0) continue;
      if (holds[row] === 0 && before === OK) continue;
      isTouched[row] = 1;
      const limit = measure.limitBytes + (hasGrants[row] === 1 ? evidence.extraBytes(row, measure) : 0);
      const next = holds[row] === 0 ? OK : nextState(quota, before, used, limit);
      if (next === before) continue;
      states[row] = next;
      changed.add(row);
      this.#listener.stateChanged(row, m, before, next, used);
    }
  }

  #judgeViolations(row: number, nowNs: number): void {
    const { measures, quotas } = this.plan;
    for (let q = 0; q < quotas.length; q++) {
      const isExceeded = measures.some(({ quota }, m) => quota === q && this.states[m][row] === EXCEEDED);
      const began = this.beganNs[q][row];
      if (isExceeded !== Number.isNaN(began)) continue;
      this.beganNs[q][row] = isExceeded ? nowNs : Number.NaN;
      this.#listener.violationChanged(row, q, isExceeded ? nowNs : began, isExceeded);
    }
  }
}

/** Below so many bytes nothing follows from a limit that is not exceeded or warned of. */
function calmBytes({ warnShare, slopeShare }: QuotaSpec, limitBytes: number): number {
  const warned = markBytes(warnShare ?? 1, limitBytes);
  return Math.min(limitBytes, Math.max(1, warned), (slopeShare ?? 1) * limitBytes);
}

function nextState(quota: QuotaSpec, before: number, used: number, limit: number): number {
  if (used > limit) return EXCEEDED;
  if (before === EXCEEDED && used > markBytes(quota.releaseShare, limit)) return EXCEEDED;
  const { warnShare } = quota;
  return warnShare !== null && used > 0 && used >= markBytes(warnShare, limit) ? WARNED : OK;
}

/** A share of a limit, in whole bytes. */
export const markBytes = (share: number, limitBytes: number): number => Math.round(share * limitBytes);

function isSame(before: QuotaPlan, old: Measure, after: QuotaPlan, measure: Measure): boolean {
  return (
    before.quotas[old.quota].name === after.quotas[measure.quota].name &&
    old.overNs === measure.overNs &&
    old.direction === measure.direction
  );
}
