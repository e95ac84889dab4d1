/**
 * The book of quotas with its clock: what hosts have used, told by ids and instants as people know them.
 * While there are no quotas it keeps nothing.
 */
import { NONE } from '../../base/none.ts';
import { formatTime } from '../../base/units.ts';
import type { LimitedHost } from '../../core/hosts/limit-columns.ts';
import { QuotaBook } from '../../quotas/book.ts';
import type { DirectionRates, HostLimit, LimitKind } from '../../quotas/effects.ts';
import type { Grant } from '../../quotas/grants.ts';
import { quotaHolds } from '../../quotas/holds.ts';
import type { QuotaNews, StandingChange } from '../../quotas/news.ts';
import { type ClockReading, QuotaClock } from '../../quotas/quota-clock.ts';
import type { QuotaChanges, StoredQuotas } from '../../quotas/stored.ts';
import type { QuotaSpec } from '../../spec/hosts.ts';
import type { HostEntry } from './entry.ts';
import type { GrantReport, StandingReport } from './reports.ts';

export interface KeeperOptions {
  readonly quotas: readonly QuotaSpec[];
  readonly rates: DirectionRates;
  /** What the store has; null: nothing, or it cannot be read. */
  readonly stored: StoredQuotas | null;
  readonly entryOf: (id: string) => HostEntry | undefined;
  readonly read: () => ClockReading;
}

export interface HostKind {
  readonly entry: HostEntry;
  readonly kind: LimitKind;
}

export class QuotaKeeper {
  readonly #options: KeeperOptions;
  readonly #clock: QuotaClock;
  readonly #book: QuotaBook;
  #quotas: readonly QuotaSpec[];
  /** By row of the book. */
  readonly #entries: (HostEntry | undefined)[] = [];
  /** Hosts of which the packet thread is to be told. */
  readonly #dirty = new Set<HostEntry>();
  /** Hosts of which it was told a limit. */
  readonly #told = new Set<HostEntry>();
  /** What is done to hosts; a host to which nothing is done is not among them. */
  readonly #kinds = new Map<HostEntry, LimitKind>();
  #changedKinds: HostKind[] = [];

  constructor(options: KeeperOptions) {
    const { quotas, rates, stored, read } = options;
    this.#options = options;
    this.#quotas = quotas;
    this.#clock = new QuotaClock(stored?.clock ?? null, read());
    const holdsFor = (quota: QuotaSpec, id: string): boolean => {
      const entry = options.entryOf(id);
      return entry !== undefined && quotaHolds(quota, entry);
    };
    this.#book = new QuotaBook({ quotas, rates, holdsFor }, this.nowNs());
    if (stored !== null) this.#book.load(stored);
  }

  get quotas(): readonly QuotaSpec[] {
    return this.#quotas;
  }

  /** Quota time. */
  nowNs(): number {
    return this.#clock.quotaNs(this.#options.read().bootMs);
  }

  /** Other quotas and rates hold from the next `advance` on. */
  replace(quotas: readonly QuotaSpec[], rates: DirectionRates): void {
    this.#quotas = quotas;
    this.#book.rates = rates;
    this.#book.replace(quotas);
  }

  /** A host has come, or what it is known by has changed. */
  follow(entry: HostEntry): void {
    const row = this.#rowOf(entry);
    if (row !== NONE) this.#book.refresh(row);
  }

  /** The host has come into the memory, or into another row of it: the packet thread knows no limit of it. */
  bound(entry: HostEntry): void {
    this.#told.delete(entry);
    this.follow(entry);
    if (entry.bookRow !== NONE) this.#dirty.add(entry);
  }

  /** The host was followed by another keeper before. */
  adopt(entry: HostEntry): void {
    entry.bookRow = NONE;
    this.bound(entry);
  }

  count(entry: HostEntry, upBytes: number, downBytes: number, nowNs: number): void {
    const row = this.#rowOf(entry);
    if (row !== NONE) this.#book.count(row, upBytes, downBytes, nowNs);
  }

  merge(from: HostEntry, into: HostEntry): void {
    this.#dirty.delete(from);
    this.#told.delete(from);
    this.#kinds.delete(from);
    if (from.bookRow === NONE) return;
    this.#entries[from.bookRow] = undefined;
    const row = this.#rowOf(into);
    this.#book.merge(from.id, into.id);
    if (row !== NONE) this.#dirty.add(into);
  }

  /** Lets the windows slide. Returns the hosts of the memory whose limits are others than those told. */
  advance(nowNs: number): LimitedHost[] {
    if (!this.#isUsed) return [];
    this.#book.advance(nowNs);
    for (const row of this.#book.takeChangedLimits()) {
      const entry = this.#entries[row];
      if (entry === undefined) continue;
      this.#dirty.add(entry);
      this.#setKind(entry, this.#book.limitOf(row).kind);
    }
    const limited: LimitedHost[] = [];
    for (const entry of this.#dirty) {
      // One that comes into the memory later is bound then.
      if (entry.row === NONE) continue;
      const limit = this.#book.limitOf(entry.bookRow);
      const isNone = isNoLimit(limit);
      if (isNone && !this.#told.has(entry)) continue;
      if (isNone) this.#told.delete(entry);
      else this.#told.add(entry);
      const { row, generation, up, down } = entry;
      const taken = { takenUpBytes: up.takenBytes, takenDownBytes: down.takenBytes };
      limited.push({ row, generation, ...taken, limit });
    }
    this.#dirty.clear();
    return limited;
  }

  /** The packet thread is told of the limits of these hosts again. */
  tellAgain(entries: Iterable<HostEntry>): void {
    for (const entry of entries) this.#dirty.add(entry);
  }

  /** Hosts to which something else is done than at the last call. */
  takeChangedKinds(): readonly HostKind[] {
    const changed = this.#changedKinds;
    this.#changedKinds = [];
    return changed;
  }

  takeNews(): QuotaNews {
    return this.#book.takeNews();
  }

  takeChanges(): QuotaChanges {
    return this.#book.takeChanges(this.#clock.stored(this.#options.read()));
  }

  takeUnseeded(): readonly number[] {
    return this.#book.takeUnseeded();
  }

  /** What history knows of a host before a window began; instants of the wall clock. */
  seed(
    entry: HostEntry,
    overNs: number,
    fromMs: number,
    toMs: number,
    upBytes: number,
    downBytes: number,
  ): void {
    const row = this.#rowOf(entry);
    const now = this.#options.read();
    const [fromNs, toNs] = [fromMs, toMs].map((ms) => this.#clock.quotaNsOfWall(ms, now));
    if (row !== NONE) this.#book.seed(row, overNs, fromNs!, toNs!, upBytes, downBytes);
  }

  /** What is done to a host since the last `advance`. */
  kindOf(entry: HostEntry): LimitKind {
    return this.#kinds.get(entry) ?? 'none';
  }

  /** When the violation of a limit ends if the host has no more traffic; null: it has ended. */
  endsAt({ bookRow }: HostEntry, { quota, overNs, direction }: StandingChange): string | null {
    const standing = this.#book
      .standingsOf(bookRow)
      .find((one) => one.quota === quota && one.overNs === overNs && one.direction === direction);
    const endsAtNs = standing?.endsAtNs ?? null;
    return endsAtNs === null ? null : this.timeOf(endsAtNs);
  }

  standingsOf(entry: HostEntry): StandingReport[] {
    if (entry.bookRow === NONE) return [];
    return this.#book
      .standingsOf(entry.bookRow)
      .map(({ quota, overNs, direction, usedBytes, limitBytes, state, endsAtNs }) => ({
        ...{ quota, over: formatTime(overNs), direction, usedBytes, limitBytes, state },
        endsAt: endsAtNs === null ? null : this.timeOf(endsAtNs),
      }));
  }

  grantsOf(entry: HostEntry): GrantReport[] {
    return this.#book.grantsOf(entry.id).map((grant) => this.#grantReport(entry, grant));
  }

  /** From the next `advance` on. */
  grant(entry: HostEntry, bytes: number, quota: string | null, forNs: number | null): GrantReport {
    this.#rowOf(entry);
    const untilNs = forNs === null ? null : this.nowNs() + forNs;
    return this.#grantReport(entry, this.#book.grant(entry.id, bytes, quota, untilNs));
  }

  reset(entry: HostEntry): void {
    this.#book.reset(entry.id);
  }

  /** The host has made room for others: what it has used is forgotten. */
  forget(entry: HostEntry): void {
    this.#dirty.delete(entry);
    this.#told.delete(entry);
    if (entry.bookRow === NONE) return;
    this.#entries[entry.bookRow] = undefined;
    entry.bookRow = NONE;
    this.#book.forget(entry.id);
  }

  /** Forgets what hosts are that have used nothing in any window. They come again with their next packet. */
  forgetIdle(): void {
    for (const id of this.#book.forgetIdle()) {
      const entry = this.#options.entryOf(id);
      if (entry === undefined || entry.bookRow === NONE) continue;
      this.#entries[entry.bookRow] = undefined;
      entry.bookRow = NONE;
      this.#dirty.delete(entry);
    }
  }

  /** An instant of quota time, for people. */
  timeOf(quotaNs: number): string {
    return new Date(this.#clock.wallMs(quotaNs, this.#options.read())).toISOString();
  }

  get #isUsed(): boolean {
    return this.#quotas.length > 0 || this.#told.size > 0;
  }

  #rowOf(entry: HostEntry): number {
    if (entry.bookRow !== NONE || this.#quotas.length === 0) return entry.bookRow;
    entry.bookRow = this.#book.rowOf(entry.id);
    this.#entries[entry.bookRow] = entry;
    return entry.bookRow;
  }

  #setKind(entry: HostEntry, kind: LimitKind): void {
    if (kind === this.kindOf(entry)) return;
    if (kind === 'none') this.#kinds.delete(entry);
    else this.#kinds.set(entry, kind);
    this.#changedKinds.push({ entry, kind });
  }

  #grantReport({ id: host, name }: HostEntry, { id, quota, bytes, fromNs, untilNs }: Grant): GrantReport {
    const until = untilNs === null ? null : this.timeOf(untilNs);
    return { id, host, name, quota, bytes, since: this.timeOf(fromNs), until };
  }
}

/** Whether the packet thread need not be told of it at all. */
function isNoLimit({ kind, upBytesLeft, downBytesLeft, totalBytesLeft }: HostLimit): boolean {
  return kind === 'none' && Math.min(upBytesLeft, downBytesLeft, totalBytesLeft) === Number.POSITIVE_INFINITY;
}
