/**
 * The book of quotas: what inside hosts have used over sliding windows, how they stand, and what follows. It
 * is told the time (quota time, src/quotas/quota-clock.ts) and does nothing by itself.
 *
 *     count ... count, advance(now)  ->  takeNews() for events and actions, takeChangedLimits() for packets
 *     takeChanges()                  ->  the store; load() takes back what it has
 */
import { NONE } from '../base/none.ts';
import type { QuotaSpec } from '../spec/hosts.ts';
import { ChangeLog, grantOf } from './change-log.ts';
import { type DirectionRates, Effects, type HostLimit } from './effects.ts';
import { type Grant, Grants } from './grants.ts';
import { type Evidence, Judge, markBytes, STATES } from './judge.ts';
import { NewsDesk, type QuotaNews, violationId } from './news.ts';
import { type Measure, planOf } from './plan.ts';
import { grown, HostRows } from './rows.ts';
import type { QuotaChanges, QuotaDirection, QuotaState, StoredClock, StoredQuotas } from './stored.ts';
import { QuotaWindows } from './windows.ts';

const NS_PER_MS = 1e6;

/** How a host stands with one limit. */
export interface Standing {
  readonly quota: string;
  readonly overNs: number;
  readonly direction: QuotaDirection;
  readonly usedBytes: number;
  /** With what was granted. */
  readonly limitBytes: number;
  readonly state: QuotaState;
  /** When it is exceeded no more, if the host has nothing until then. null: it is not exceeded. */
  readonly endsAtNs: number | null;
}

export interface BookOptions {
  readonly quotas: readonly QuotaSpec[];
  readonly rates: DirectionRates;
  /** Whether the quota holds for the host of this id. Asked when a host comes, and by `refresh`. */
  readonly holdsFor: (quota: QuotaSpec, host: string) => boolean;
}

export class QuotaBook {
  readonly #rows = new HostRows();
  readonly #grants = new Grants();
  readonly #log = new ChangeLog();
  readonly #news: NewsDesk;
  readonly #judge: Judge;
  readonly #effects: Effects;
  readonly #holdsFor: BookOptions['holdsFor'];
  readonly #windows: QuotaWindows;
  /** By row: all bytes since the row came. */
  #countedUp = new Float64Array(0);
  #countedDown = new Float64Array(0);
  #hasGrants = new Uint8Array(0);
  #isTouched = new Uint8Array(0);
  #isAllTouched = true;
  readonly #evidence: Evidence;

  constructor(options: BookOptions, nowNs: number) {
    this.#holdsFor = options.holdsFor;
    this.#windows = new QuotaWindows(nowNs);
    this.#news = new NewsDesk({
      rows: this.#rows,
      log: this.#log,
      nowNs: () => this.#windows.nowNs,
      plan: () => this.#judge.plan,
      limitBytes: (row, measure) => this.#limitBytes(row, measure),
    });
    this.#judge = new Judge(this.#news);
    this.#effects = new Effects(this.#judge, options.rates);
    const book = this;
    this.#evidence = {
      get rows() {
        return book.#rows.length;
      },
      get hasGrants() {
        return book.#hasGrants;
      },
      get isTouched() {
        return book.#isTouched;
      },
      sumsOf: (measure) => this.#windows.sumsOf(measure),
      usedBytes: (row, measure) => this.#windows.usedBytes(row, measure),
      extraBytes: (row, measure) => this.#extraBytes(row, measure),
    };
    this.replace(options.quotas);
  }

  /** Takes other quotas. Windows of a length that was there before keep their sums. */
  replace(quotas: readonly QuotaSpec[]): void {
    const plan = planOf(quotas);
    this.#judge.replan(plan, this.#evidence, this.#windows.nowNs);
    this.#windows.replace(plan.oversNs);
    this.#isAllTouched = true;
    for (const [, row] of this.#rows.entries()) this.refresh(row);
  }

  set rates(rates: DirectionRates) {
    this.#effects.rates = rates;
    this.#isAllTouched = true;
  }

  /** Windows that have no past yet, since the last call: `seed` gives them one. */
  takeUnseeded(): readonly number[] {
    return this.#windows.takeUnseeded();
  }

  /** Gives a new window what history knows of a host in [fromNs, toNs). */
  seed(row: number, overNs: number, fromNs: number, toNs: number, upBytes: number, downBytes: number): void {
    const untilNs = Math.min(toNs, this.#windows.nowNs);
    this.#isTouched[row] = 1;
    this.#windows.find(overNs)?.spread(row, fromNs, untilNs, upBytes, downBytes);
  }

  /** The row of a host; it comes with the first call. */
  rowOf(host: string): number {
    const found = this.#rows.find(host);
    if (found !== NONE) return found;
    const row = this.#rows.add(host);
    this.#reserve(row + 1);
    this.refresh(row);
    return row;
  }

  find(host: string): number {
    return this.#rows.find(host);
  }

  hosts(): IterableIterator<[host: string, row: number]> {
    return this.#rows.entries();
  }

  /** Asks again which quotas hold for a host: its names or addresses have changed. */
  refresh(row: number): void {
    const host = this.#rows.idOf(row);
    if (host === null) return;
    this.#isTouched[row] = 1;
    this.#judge.plan.quotas.forEach((quota, q) => {
      this.#judge.holds[q][row] = this.#holdsFor(quota, host) ? 1 : 0;
    });
  }

  /** Bytes that have passed since the last call for this host. */
  count(row: number, upBytes: number, downBytes: number, nowNs: number): void {
    this.#windows.slideTo(nowNs);
    this.#countedUp[row] += upBytes;
    this.#countedDown[row] += downBytes;
    this.#windows.add(row, upBytes, downBytes);
  }

  /** Lets the windows slide, judges, and works out what follows. */
  advance(nowNs: number): void {
    this.judge(nowNs);
    const all = this.#windows.takeHasSlid() || this.#isAllTouched;
    this.#effects.update(this.#evidence, this.#countedUp, this.#countedDown, all);
    this.#isAllTouched = false;
  }

  /** The same without what follows, for those who only look on. */
  judge(nowNs: number): void {
    this.#windows.slideTo(nowNs);
    this.#endGrants();
    this.#judge.judge(this.#evidence, this.#windows.nowNs);
  }

  /** The limit of a host by the last `judge`. */
  limitNow(row: number): HostLimit {
    return this.#effects.limitNow(row, this.#evidence);
  }

  /** What `advance` has found since the last call. */
  takeNews(): QuotaNews {
    return this.#news.take();
  }

  /** Rows whose limit is another one than at the last call. */
  takeChangedLimits(): readonly number[] {
    return this.#effects.takeChanged();
  }

  limitOf(row: number): HostLimit {
    return this.#effects.at(row, this.#countedUp[row], this.#countedDown[row]);
  }

  standingsOf(row: number): Standing[] {
    const { plan, states, holds } = this.#judge;
    return plan.measures.flatMap((measure, m): Standing[] => {
      if (holds[measure.quota][row] === 0) return [];
      const { name, releaseShare } = plan.quotas[measure.quota];
      const { overNs, direction } = measure;
      const limitBytes = this.#limitBytes(row, measure);
      const usedBytes = this.#evidence.usedBytes(row, measure);
      const state = STATES[states[m][row]];
      const mark = markBytes(releaseShare, limitBytes);
      const endsAtNs = state === 'exceeded' ? this.#windows.fallsToNs(row, measure, mark) : null;
      return [{ quota: name, overNs, direction, usedBytes, limitBytes, state, endsAtNs }];
    });
  }

  /** The violations of a host that are under way. */
  violationsOf(row: number): { readonly id: string; readonly quota: string; readonly beganNs: number }[] {
    const host = this.#rows.idOf(row) ?? '';
    return this.#judge.plan.quotas.flatMap(({ name }, q) => {
      const beganNs = this.#judge.beganNs[q][row];
      return Number.isNaN(beganNs) ? [] : [{ id: violationId(host, name, beganNs), quota: name, beganNs }];
    });
  }

  /** Raises the limits of a host; see src/quotas/grants.ts. It holds from the next `advance` on. */
  grant(host: string, bytes: number, quota: string | null, untilNs: number | null): Grant {
    const row = this.rowOf(host);
    const grant = this.#grants.add({ host, quota, bytes, fromNs: this.#windows.nowNs, untilNs });
    this.#hasGrants[row] = 1;
    this.#isTouched[row] = 1;
    this.#log.grant(grant.id, grant);
    return grant;
  }

  grantsOf(host: string): readonly Grant[] {
    return this.#grants.of(host);
  }

  /** Forgets what a host has used. Its violations end with the next `advance`. */
  reset(host: string): void {
    const row = this.#rows.find(host);
    if (row === NONE) return;
    this.#windows.clear(row);
    this.#isTouched[row] = 1;
    this.#log.clear(host);
  }

  /** One host has turned out to be another one: what it has used and was granted belongs to that one. */
  merge(from: string, into: string): void {
    const old = this.#rows.find(from);
    if (old === NONE || from === into) return;
    const row = this.rowOf(into);
    this.#windows.merge(old, row);
    this.#isTouched[row] = 1;
    this.#judge.merge(old, row);
    for (const grant of this.#grants.move(from, into)) this.#log.grant(grant.id, grant);
    this.#hasGrants[row] |= this.#hasGrants[old];
    this.#countedUp[row] += this.#countedUp[old];
    this.#countedDown[row] += this.#countedDown[old];
    this.#forget(old, from);
    this.#news.logRow(row, this.#judge.states, this.#judge.beganNs);
  }

  /** Forgets what the host has used. Its row goes to another. */
  forget(host: string): void {
    const row = this.#rows.find(host);
    if (row !== NONE) this.#forget(row, host);
  }

  /**
   * Forgets hosts that have nothing in any window and no grant. Returns their ids; their rows go to others.
   * Call it after `advance`, which ends what they stood by.
   */
  forgetIdle(): string[] {
    const idle = [...this.#rows.entries()].filter(
      ([, row]) => this.#hasGrants[row] === 0 && this.#windows.isEmpty(row),
    );
    return idle.map(([host, row]) => {
      this.#forget(row, host);
      return host;
    });
  }

  /** What the store has to write to have all that the book has. */
  takeChanges(clock: StoredClock): QuotaChanges {
    const hosts: string[] = [];
    const places = new Map<number, number>();
    const indexOf = (row: number): number => {
      let place = places.get(row);
      if (place === undefined) {
        place = hosts.push(this.#rows.idOf(row) ?? '') - 1;
        places.set(row, place);
      }
      return place;
    };
    const windows = this.#windows.map((window) => window.takeChanges(indexOf));
    return { clock, hosts, windows, ...this.#log.take() };
  }

  /** Takes back what the store has, into a book that has counted nothing yet. */
  load(stored: StoredQuotas): void {
    const rowOf = stored.hosts.map((host) => this.rowOf(host));
    for (const old of stored.windows) {
      const overNs = old.overMs * NS_PER_MS;
      this.#windows.find(overNs)?.load(old, rowOf);
      this.#windows.hasPast(overNs);
    }
    const { plan, states, beganNs } = this.#judge;
    for (const { host, quota, overMs, direction, state } of stored.standings) {
      const m = plan.measures.findIndex(
        (measure) =>
          plan.quotas[measure.quota].name === quota &&
          measure.overNs === overMs * NS_PER_MS &&
          measure.direction === direction,
      );
      if (m !== NONE) states[m][this.rowOf(host)] = STATES.indexOf(state);
    }
    for (const { host, quota, beganQuotaMs } of stored.violations) {
      const q = plan.quotas.findIndex(({ name }) => name === quota);
      if (q !== NONE) beganNs[q][this.rowOf(host)] = beganQuotaMs * NS_PER_MS;
    }
    for (const grant of stored.grants) {
      this.#grants.restore(grantOf(grant));
      this.#hasGrants[this.rowOf(grant.host)] = 1;
    }
  }

  #reserve(rows: number): void {
    if (rows <= this.#hasGrants.length) return;
    this.#hasGrants = grown(this.#hasGrants, rows);
    const { length } = this.#hasGrants;
    this.#isTouched = grown(this.#isTouched, length);
    this.#countedUp = grown(this.#countedUp, length);
    this.#countedDown = grown(this.#countedDown, length);
    this.#windows.reserve(length);
    this.#judge.reserve(length);
    this.#effects.reserve(length);
  }

  #forget(row: number, host: string): void {
    this.#windows.clear(row);
    this.#judge.clearRow(row);
    this.#effects.clearRow(row);
    this.#countedUp[row] = 0;
    this.#countedDown[row] = 0;
    this.#hasGrants[row] = 0;
    this.#rows.remove(row);
    this.#log.clear(host);
  }

  #endGrants(): void {
    const ended = this.#grants.takeEnded((quota) => this.#longestNs(quota), this.#windows.nowNs);
    for (const { id, host } of ended) {
      this.#log.grant(id, null);
      const row = this.#rows.find(host);
      this.#hasGrants[row] = this.#grants.of(host).length > 0 ? 1 : 0;
      this.#isTouched[row] = 1;
    }
  }

  /** The longest window of a quota, of all with null. */
  #longestNs(quota: string | null): number {
    const { measures, quotas } = this.#judge.plan;
    return measures
      .filter((measure) => quota === null || quotas[measure.quota].name === quota)
      .reduce((longest, { overNs }) => Math.max(longest, overNs), 0);
  }

  #extraBytes(row: number, measure: Measure): number {
    const { name } = this.#judge.plan.quotas[measure.quota];
    return this.#grants.extraBytes(this.#rows.idOf(row) ?? '', measure, name, this.#windows.nowNs);
  }

  #limitBytes(row: number, measure: Measure): number {
    return measure.limitBytes + (this.#hasGrants[row] === 1 ? this.#extraBytes(row, measure) : 0);
  }
}
