/**
 * Replays recorded history against quotas, without packets: what would have been exceeded, by whom and when.
 * The bytes of a point are spread evenly over its time. Either all of them count as recorded, or hosts are
 * held: a stopped host has nothing of what was recorded, a throttled one no more than its rate. What is kept
 * back is lost, and does not come later.
 */
import { bucketWidthNs } from '../../algo/quota/sliding-sum.ts';
import { QuotaBook } from '../../quotas/book.ts';
import type { DirectionRates, Hold } from '../../quotas/effects.ts';
import type { QuotaSpec } from '../../spec/hosts.ts';
import { type Outcome, QuotaTally, type QuotaTotals } from './tally.ts';

const NS_PER_MS = 1e6;
const MS_PER_SEC = 1000;
/** A replay looks so often at most. */
const TICKS_MAX = 200_000;
/** Within a point nothing is known but its sum: more looks at it tell no more. */
const TICKS_A_POINT = 12;
const TICK_MS_MIN = 1000;

/** What was recorded of one host, in columns, in order of time. */
export interface RecordedHost {
  readonly id: string;
  /** Instants of the wall clock: the point is of [fromMs, toMs). */
  readonly fromMs: Float64Array;
  readonly toMs: Float64Array;
  /** NaN: unknown. It counts as nothing. */
  readonly upBytes: Float64Array;
  readonly downBytes: Float64Array;
}

export interface ReplayOptions {
  readonly quotas: readonly QuotaSpec[];
  readonly hosts: readonly RecordedHost[];
  readonly holdsFor: (quota: QuotaSpec, host: string) => boolean;
  /** The rates of the line, from which a slope begins. */
  readonly rates: DirectionRates;
  /** Whether hosts are held to what follows from quotas. */
  readonly isHeld: boolean;
}

export interface ReplayResult {
  /** The first and the last instant of which anything is recorded. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Hosts looked at this often: what is told of instants is exact to this. */
  readonly tickMs: number;
  readonly hosts: number;
  /** What hosts had; with what was kept back it is what was recorded. */
  readonly upBytes: number;
  readonly downBytes: number;
  readonly keptBackBytes: number;
  /** Share of the time of all hosts together of which nothing is known. */
  readonly unknownShare: number;
  readonly totals: readonly QuotaTotals[];
  /** Instants are nanoseconds since `fromMs`. */
  readonly outcomes: readonly Outcome[];
}

/** Where the replay is in the points of a host. */
interface Cursor {
  readonly host: RecordedHost;
  readonly row: number;
  point: number;
}

export class Replay {
  readonly #options: ReplayOptions;
  readonly #book: QuotaBook;
  readonly #tally = new QuotaTally();
  readonly #cursors: Cursor[];
  readonly #fromMs: number;
  readonly #toMs: number;
  readonly #tickMs: number;
  #atMs: number;
  #upBytes = 0;
  #downBytes = 0;
  #keptBackBytes = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
    const { quotas, hosts, holdsFor, rates } = options;
    this.#book = new QuotaBook({ quotas, rates, holdsFor }, 0);
    this.#cursors = hosts.map((host) => ({ host, row: this.#book.rowOf(host.id), point: 0 }));
    this.#fromMs = hosts.reduce((first, { fromMs }) => Math.min(first, fromMs[0] ?? first), Infinity);
    this.#toMs = hosts.reduce((last, { toMs }) => Math.max(last, toMs.at(-1) ?? last), -Infinity);
    this.#tickMs = tickMsOf(quotas, this.#toMs - this.#fromMs, shortestPointMs(hosts));
    this.#atMs = this.#fromMs;
  }

  /** Done so far: from 0 to 1. */
  get progress(): number {
    return this.#toMs > this.#fromMs ? (this.#atMs - this.#fromMs) / (this.#toMs - this.#fromMs) : 1;
  }

  /** Replays some time more. Returns false at the end. */
  step(ticks: number): boolean {
    for (let n = 0; n < ticks && this.#atMs < this.#toMs; n++) this.#tick();
    return this.#atMs < this.#toMs;
  }

  result(): ReplayResult {
    const { quotas, hosts } = this.#options;
    const spanMs = Math.max(0, this.#toMs - this.#fromMs);
    const endNs = spanMs * NS_PER_MS;
    const unknownMs = hosts.reduce((sum, host) => sum + unknownMsOf(host), 0);
    return {
      fromMs: this.#fromMs,
      toMs: this.#toMs,
      tickMs: this.#tickMs,
      hosts: hosts.length,
      upBytes: this.#upBytes,
      downBytes: this.#downBytes,
      keptBackBytes: this.#keptBackBytes,
      unknownShare: spanMs === 0 ? 0 : unknownMs / (spanMs * hosts.length),
      totals: this.#tally.totals(
        quotas.map(({ name }) => name),
        endNs,
      ),
      outcomes: this.#tally.outcomes(endNs),
    };
  }

  /** Counts what came in [now, now + tick), and judges. */
  #tick(): void {
    const untilMs = Math.min(this.#atMs + this.#tickMs, this.#toMs);
    const nowNs = (this.#atMs - this.#fromMs) * NS_PER_MS;
    // Who is held in this tick is known at its begin.
    if (this.#options.isHeld) this.#book.judge(nowNs);
    for (const cursor of this.#cursors) this.#countHost(cursor, untilMs, nowNs);
    this.#book.judge(nowNs);
    this.#tally.add(this.#book.takeNews());
    this.#atMs = untilMs;
  }

  #countHost(cursor: Cursor, untilMs: number, nowNs: number): void {
    const { host, row } = cursor;
    let up = 0;
    let down = 0;
    while (cursor.point < host.fromMs.length && host.fromMs[cursor.point] < untilMs) {
      const i = cursor.point;
      const [beginMs, endMs] = [host.fromMs[i], host.toMs[i]];
      if (!Number.isNaN(host.upBytes[i])) {
        const before = shareAt(this.#atMs, beginMs, endMs);
        const after = shareAt(untilMs, beginMs, endMs);
        up += Math.round(host.upBytes[i] * after) - Math.round(host.upBytes[i] * before);
        down += Math.round(host.downBytes[i] * after) - Math.round(host.downBytes[i] * before);
      }
      if (endMs > untilMs) break;
      cursor.point++;
    }
    if (up === 0 && down === 0) return;
    if (!this.#options.isHeld) this.#pass(row, up, down, nowNs);
    else this.#passHeld(row, up, down, untilMs - this.#atMs, nowNs);
  }

  /** The bytes of a tick come evenly. When they exceed a limit, the rest of the tick is held as that says. */
  #passHeld(row: number, up: number, down: number, tickMs: number, nowNs: number): void {
    const limit = this.#book.limitNow(row);
    const [upFree, downFree] = [allowed(limit, 'up', up, tickMs), allowed(limit, 'down', down, tickMs)];
    const share = Math.min(
      1,
      limit.upBytesLeft / upFree,
      limit.downBytesLeft / downFree,
      limit.totalBytesLeft / (upFree + downFree),
    );
    let [upHad, downHad] = [upFree, downFree];
    if (share < 1) {
      // A byte more, so that the limit is exceeded.
      upHad = Math.min(upFree, Math.ceil(upFree * share) + 1);
      downHad = Math.min(downFree, Math.ceil(downFree * share) + 1);
      const restMs = tickMs * (1 - share);
      upHad += allowed(limit.next, 'up', upFree - upHad, restMs);
      downHad += allowed(limit.next, 'down', downFree - downHad, restMs);
    }
    this.#keptBackBytes += up - upHad + (down - downHad);
    if (upHad + downHad > 0) this.#pass(row, upHad, downHad, nowNs);
  }

  #pass(row: number, up: number, down: number, nowNs: number): void {
    this.#upBytes += up;
    this.#downBytes += down;
    this.#book.count(row, up, down, nowNs);
  }
}

/** Of bytes that want to pass in this time. */
function allowed(hold: Hold, direction: 'up' | 'down', bytes: number, ms: number): number {
  if (hold.kind === 'page' || hold.kind === 'block') return 0;
  const bytesPerSec = direction === 'up' ? hold.upBytesPerSec : hold.downBytesPerSec;
  return Math.min(bytes, Math.round((bytesPerSec * ms) / MS_PER_SEC));
}

/** The share of a point's time that is before `atMs`. */
function shareAt(atMs: number, beginMs: number, endMs: number): number {
  if (atMs <= beginMs) return 0;
  return atMs >= endMs ? 1 : (atMs - beginMs) / (endMs - beginMs);
}

/** The width of a bucket of the shortest window, below which nothing is told apart, or more. */
function tickMsOf(quotas: readonly QuotaSpec[], spanMs: number, pointMs: number): number {
  const oversNs = quotas.flatMap(({ windows }) => windows.map(({ overNs }) => overNs));
  const width =
    oversNs.reduce((least, overNs) => Math.min(least, bucketWidthNs(overNs)), Infinity) / NS_PER_MS;
  const wanted = Number.isFinite(width) ? Math.floor(width) : TICK_MS_MIN;
  return Math.max(TICK_MS_MIN, wanted, Math.floor(pointMs / TICKS_A_POINT), Math.ceil(spanMs / TICKS_MAX));
}

function shortestPointMs(hosts: readonly RecordedHost[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { fromMs, toMs } of hosts) {
    for (let i = 0; i < fromMs.length; i++) shortest = Math.min(shortest, toMs[i] - fromMs[i]);
  }
  return Number.isFinite(shortest) ? shortest : 0;
}

/** Between points a host had nothing, and that is known. */
function unknownMsOf({ fromMs, toMs, upBytes }: RecordedHost): number {
  let sum = 0;
  for (let i = 0; i < fromMs.length; i++) if (Number.isNaN(upBytes[i])) sum += toMs[i] - fromMs[i];
  return sum;
}
