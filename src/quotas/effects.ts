/**
 * What follows for a host from its standings: the strictest that its quotas ask for, now and as soon as the
 * next limit is exceeded. Columns by row.
 *
 * With `slope` the rate of a direction falls in a straight line: from the direction's own rate at that share
 * of a limit, to the rate of `throttle` at the limit.
 */
import { NONE } from '../base/none.ts';
import type { QuotaSpec } from '../spec/hosts.ts';
import { type Evidence, EXCEEDED, type Judge } from './judge.ts';
import type { Measure } from './plan.ts';
import { grown } from './rows.ts';

/** What is done to a host, the milder first. */
export type LimitKind = 'none' | 'throttle' | 'page' | 'block';
const KINDS: readonly LimitKind[] = ['none', 'throttle', 'page', 'block'];
const KIND_NONE = 0;
const KIND_THROTTLE = 1;
const KIND_PAGE = 2;
const KIND_BLOCK = 3;

/** What holds for a host. */
export interface Hold {
  readonly kind: LimitKind;
  /** Infinity: that direction is not throttled. */
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
  /** With kind `page`: the quota whose page is shown. */
  readonly pageOf: string | null;
}

export interface HostLimit extends Hold {
  /**
   * Bytes that the host may still have, from what the book has counted of it. More than this exceeds a limit
   * that makes `next` hold. Infinity: none.
   */
  readonly upBytesLeft: number;
  readonly downBytesLeft: number;
  readonly totalBytesLeft: number;
  readonly next: Hold;
}

/** Rates of the two directions, from which a slope begins; Infinity: nothing shapes it. */
export interface DirectionRates {
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
}

/** One hold by row. */
class HoldColumns {
  kind = new Uint8Array(0);
  upBytesPerSec = new Float64Array(0);
  downBytesPerSec = new Float64Array(0);
  /** Index of the quota; NONE: no page. */
  pageOf = new Int32Array(0);

  reserve(rows: number): void {
    const before = this.kind.length;
    this.kind = grown(this.kind, rows);
    this.upBytesPerSec = grown(this.upBytesPerSec, rows);
    this.downBytesPerSec = grown(this.downBytesPerSec, rows);
    this.pageOf = grown(this.pageOf, rows);
    this.upBytesPerSec.fill(Number.POSITIVE_INFINITY, before);
    this.downBytesPerSec.fill(Number.POSITIVE_INFINITY, before);
    this.pageOf.fill(NONE, before);
  }

  clear(row: number): void {
    this.kind[row] = KIND_NONE;
    this.upBytesPerSec[row] = Number.POSITIVE_INFINITY;
    this.downBytesPerSec[row] = Number.POSITIVE_INFINITY;
    this.pageOf[row] = NONE;
  }

  /** Writes `hold`; true if the row had something else. */
  put(row: number, hold: Holding): boolean {
    const isSame =
      this.kind[row] === hold.kind &&
      this.upBytesPerSec[row] === hold.up &&
      this.downBytesPerSec[row] === hold.down &&
      this.pageOf[row] === hold.page;
    if (isSame) return false;
    this.kind[row] = hold.kind;
    this.upBytesPerSec[row] = hold.up;
    this.downBytesPerSec[row] = hold.down;
    this.pageOf[row] = hold.page;
    return true;
  }

  at(row: number, quotas: readonly QuotaSpec[]): Hold {
    const upBytesPerSec = this.upBytesPerSec[row];
    const downBytesPerSec = this.downBytesPerSec[row];
    return {
      kind: KINDS[this.kind[row]] as LimitKind,
      upBytesPerSec,
      downBytesPerSec,
      pageOf: quotas[this.pageOf[row]]?.name ?? null,
    };
  }
}

/** A hold under computation. */
class Holding {
  kind = KIND_NONE;
  up = Number.POSITIVE_INFINITY;
  down = Number.POSITIVE_INFINITY;
  page = NONE;

  clear(): void {
    this.kind = KIND_NONE;
    this.up = Number.POSITIVE_INFINITY;
    this.down = Number.POSITIVE_INFINITY;
    this.page = NONE;
  }

  copy(other: Holding): void {
    this.kind = other.kind;
    this.up = other.up;
    this.down = other.down;
    this.page = other.page;
  }

  throttle(up: number, down: number): void {
    if (this.kind < KIND_THROTTLE) this.kind = KIND_THROTTLE;
    if (up < this.up) this.up = up;
    if (down < this.down) this.down = down;
  }

  /** All that a quota asks for while it is violated. */
  add(quota: QuotaSpec, index: number): void {
    const { throttle } = quota;
    if (throttle) this.throttle(throttle.upBytesPerSec, throttle.downBytesPerSec);
    const kind = strictestOf(quota);
    if (kind <= this.kind) return;
    this.kind = kind;
    this.page = kind === KIND_PAGE ? index : NONE;
  }
}

/** A page lets through what it allows, so a quota with both block and page stops by the page. */
function strictestOf({ throttle, isBlocking, page }: QuotaSpec): number {
  if (page) return KIND_PAGE;
  if (isBlocking) return KIND_BLOCK;
  return throttle ? KIND_THROTTLE : KIND_NONE;
}

export class Effects {
  rates: DirectionRates;
  readonly #judge: Judge;
  readonly #now = new HoldColumns();
  readonly #ahead = new HoldColumns();
  /** Counts of the book beyond which `next` holds. */
  #upBytesMax = new Float64Array(0);
  #downBytesMax = new Float64Array(0);
  #totalBytesMax = new Float64Array(0);
  readonly #holding = new Holding();
  readonly #next = new Holding();
  readonly #left = { up: 0, down: 0, total: 0 };
  #changed = new Set<number>();

  constructor(judge: Judge, rates: DirectionRates) {
    this.#judge = judge;
    this.rates = rates;
  }

  reserve(rows: number): void {
    const before = this.#upBytesMax.length;
    this.#now.reserve(rows);
    this.#ahead.reserve(rows);
    this.#upBytesMax = grown(this.#upBytesMax, rows).fill(Number.POSITIVE_INFINITY, before);
    this.#downBytesMax = grown(this.#downBytesMax, rows).fill(Number.POSITIVE_INFINITY, before);
    this.#totalBytesMax = grown(this.#totalBytesMax, rows).fill(Number.POSITIVE_INFINITY, before);
  }

  clearRow(row: number): void {
    this.#now.clear(row);
    this.#ahead.clear(row);
    this.#upBytesMax[row] = Number.POSITIVE_INFINITY;
    this.#downBytesMax[row] = Number.POSITIVE_INFINITY;
    this.#totalBytesMax[row] = Number.POSITIVE_INFINITY;
    this.#changed.delete(row);
  }

  /** Rows whose limit has changed since the last call. */
  takeChanged(): number[] {
    const rows = [...this.#changed];
    this.#changed.clear();
    return rows;
  }

  at(row: number, countedUp: number, countedDown: number): HostLimit {
    const { quotas } = this.#judge.plan;
    return {
      ...this.#now.at(row, quotas),
      upBytesLeft: this.#upBytesMax[row] - countedUp,
      downBytesLeft: this.#downBytesMax[row] - countedDown,
      totalBytesLeft: this.#totalBytesMax[row] - countedUp - countedDown,
      next: this.#ahead.at(row, quotas),
    };
  }

  /**
   * Works out what holds for the rows that were touched, or for `all`. Traffic alone changes nothing for the
   * others: what is left of a limit goes by the same bytes.
   */
  update(evidence: Evidence, countedUp: Float64Array, countedDown: Float64Array, all: boolean): void {
    const { isTouched } = evidence;
    for (let row = 0; row < evidence.rows; row++) {
      if (!all && isTouched[row] === 0) continue;
      isTouched[row] = 0;
      this.#holdNow(row, evidence);
      this.#lookAhead(row, evidence);
      const hasChangedNow = this.#now.put(row, this.#holding);
      const hasChangedAhead = this.#ahead.put(row, this.#next);
      const hasChanged =
        hasChangedNow ||
        hasChangedAhead ||
        this.#upBytesMax[row] !== countedUp[row] + this.#left.up ||
        this.#downBytesMax[row] !== countedDown[row] + this.#left.down ||
        this.#totalBytesMax[row] !== countedUp[row] + countedDown[row] + this.#left.total;
      if (!hasChanged) continue;
      this.#upBytesMax[row] = countedUp[row] + this.#left.up;
      this.#downBytesMax[row] = countedDown[row] + this.#left.down;
      this.#totalBytesMax[row] = countedUp[row] + countedDown[row] + this.#left.total;
      this.#changed.add(row);
    }
  }

  /** Works out the limit of a row, of which nobody else is told. */
  limitNow(row: number, evidence: Evidence): HostLimit {
    this.#holdNow(row, evidence);
    this.#lookAhead(row, evidence);
    const { quotas } = this.#judge.plan;
    const { kind, upBytesPerSec, downBytesPerSec, pageOf } = holdOf(this.#holding, quotas);
    return {
      kind,
      upBytesPerSec,
      downBytesPerSec,
      pageOf,
      upBytesLeft: this.#left.up,
      downBytesLeft: this.#left.down,
      totalBytesLeft: this.#left.total,
      next: holdOf(this.#next, quotas),
    };
  }

  /** Leaves in #holding what holds for the row. */
  #holdNow(row: number, evidence: Evidence): void {
    const { plan, holds, beganNs } = this.#judge;
    const holding = this.#holding;
    holding.clear();
    for (let q = 0; q < plan.quotas.length; q++) {
      // NaN: not violated.
      if (beganNs[q][row] >= 0) holding.add(plan.quotas[q], q);
    }
    for (let m = 0; m < plan.measures.length; m++) {
      const measure = plan.measures[m];
      const { slopeShare, throttle } = plan.quotas[measure.quota];
      if (slopeShare === null || throttle === null || holds[measure.quota][row] === 0) continue;
      const share = evidence.usedBytes(row, measure) / limitOf(evidence, row, measure);
      if (!(share > slopeShare)) continue;
      const steepness = Math.min(1, (share - slopeShare) / (1 - slopeShare));
      const { direction } = measure;
      holding.throttle(
        direction === 'down'
          ? holding.up
          : sloped(this.rates.upBytesPerSec, throttle.upBytesPerSec, steepness),
        direction === 'up'
          ? holding.down
          : sloped(this.rates.downBytesPerSec, throttle.downBytesPerSec, steepness),
      );
    }
  }

  /**
   * Leaves in #next what holds when the limit is exceeded that is the nearest of those that change anything,
   * and in #left how many bytes are left. Limits with milder consequences have no part in it: they are looked
   * at again as soon as one of them is the nearest.
   */
  #lookAhead(row: number, evidence: Evidence): void {
    const { plan, holds, states } = this.#judge;
    const left = this.#left;
    left.up = Number.POSITIVE_INFINITY;
    left.down = Number.POSITIVE_INFINITY;
    left.total = Number.POSITIVE_INFINITY;
    this.#next.copy(this.#holding);
    let nearest = NONE;
    let nearestBytes = Number.POSITIVE_INFINITY;
    for (let m = 0; m < plan.measures.length; m++) {
      const measure = plan.measures[m];
      if (holds[measure.quota][row] === 0 || states[m][row] === EXCEEDED) continue;
      if (!isStricter(plan.quotas[measure.quota], this.#holding)) continue;
      const bytes = limitOf(evidence, row, measure) - evidence.usedBytes(row, measure);
      if (bytes >= nearestBytes) continue;
      nearest = m;
      nearestBytes = bytes;
    }
    if (nearest === NONE) return;
    const quotaOfNearest = plan.measures[nearest].quota;
    this.#next.add(plan.quotas[quotaOfNearest], quotaOfNearest);
    const strictness = strictestOf(plan.quotas[quotaOfNearest]);
    for (let m = 0; m < plan.measures.length; m++) {
      const measure = plan.measures[m];
      if (holds[measure.quota][row] === 0 || states[m][row] === EXCEEDED) continue;
      if (strictestOf(plan.quotas[measure.quota]) < strictness) continue;
      if (!isStricter(plan.quotas[measure.quota], this.#holding)) continue;
      const bytes = limitOf(evidence, row, measure) - evidence.usedBytes(row, measure);
      if (bytes < left[measure.direction]) left[measure.direction] = bytes;
    }
  }
}

function holdOf({ kind, up, down, page }: Holding, quotas: readonly QuotaSpec[]): Hold {
  const pageOf = quotas[page]?.name ?? null;
  return { kind: KINDS[kind], upBytesPerSec: up, downBytesPerSec: down, pageOf };
}

const limitOf = (evidence: Evidence, row: number, measure: Measure): number =>
  evidence.hasGrants[row] === 1 ? measure.limitBytes + evidence.extraBytes(row, measure) : measure.limitBytes;

/** Whether a violation of the quota would change anything. */
function isStricter(quota: QuotaSpec, holding: Holding): boolean {
  if (strictestOf(quota) > holding.kind) return true;
  const { throttle } = quota;
  if (!throttle || holding.kind > KIND_THROTTLE) return false;
  return throttle.upBytesPerSec < holding.up || throttle.downBytesPerSec < holding.down;
}

/**
 * `steepness` is 0 where the slope begins and 1 at the limit. A direction without a rate has the throttle's:
 * no packet of it comes to us.
 */
function sloped(fullBytesPerSec: number, throttleBytesPerSec: number, steepness: number): number {
  if (throttleBytesPerSec >= fullBytesPerSec || fullBytesPerSec === Number.POSITIVE_INFINITY)
    return throttleBytesPerSec;
  return fullBytesPerSec - (fullBytesPerSec - throttleBytesPerSec) * steepness;
}
