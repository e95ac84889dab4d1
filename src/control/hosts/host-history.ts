/**
 * History of hosts: what is stored of them, and what was stored earlier. While there is no file, or the store
 * fails, nothing is lost but the past: counting goes on.
 */
import { OperatingError } from '../../base/errors.ts';
import type { QuotaChanges } from '../../quotas/stored.ts';
import type { HistorySpec } from '../../spec/hosts.ts';
import {
  type Flush,
  type HistoryPoint,
  type HistoryQuestion,
  type HostMerge,
  levelsOf,
  type Stored,
  type StoreState,
} from '../../store/batch.ts';
import type { StoreOptions } from '../../store/store.ts';
import { ApiError } from '../api-error.ts';
import type { Clock } from '../change/clock.ts';
import type { LogLine } from '../messages.ts';
import type { HostEntry } from './entry.ts';

/** What is used of store/store.ts. */
export interface HostStore {
  readonly opened: Promise<Stored | null>;
  readonly state: StoreState;
  readonly isIdle: boolean;
  flush(flush: Flush): void;
  setLevels(levels: StoreOptions['levels']): void;
  history(question: HistoryQuestion): Promise<readonly HistoryPoint[]>;
  close(): Promise<void>;
}

export interface HostHistoryOptions {
  readonly spec: HistorySpec;
  readonly openStore: (options: StoreOptions) => HostStore;
  readonly onLate: (stored: Stored) => void;
  readonly clock: Clock;
  readonly log: (line: LogLine) => void;
}

/** Clocks that differ by less go together: their difference is the pace of one against the other. */
const DRIFT_MS_MAX = 1000;

export class HostHistory {
  readonly #clock: Clock;
  #spec: HistorySpec;
  readonly #store: HostStore | null;
  #merges: HostMerge[] = [];
  #flushedMs: number;
  #flushedWallMs: number;

  constructor({ spec, openStore, onLate, clock, log }: HostHistoryOptions) {
    this.#spec = spec;
    this.#clock = clock;
    this.#flushedMs = clock.monotonicMs();
    this.#flushedWallMs = clock.wallMs();
    const { file, keep } = spec;
    const tell = (level: LogLine['level'], message: string, hint: string): void =>
      log({ level, message, fields: hint === '' ? {} : { hint } });
    this.#store =
      file === null
        ? null
        : openStore({
            ...{ file, levels: levelsOf(keep), onLate },
            onState: ({ ok, message, hint }) =>
              ok
                ? tell('info', 'history is stored again', '')
                : tell('error', `history is not stored: ${message}`, hint),
            onNotice: (message, hint) => tell('warn', message, hint),
          });
  }

  /** What was stored before this run; null if nothing was, or if it cannot be read. */
  get opened(): Promise<Stored | null> {
    return this.#store?.opened ?? Promise.resolve(null);
  }

  /** What goes wrong now, as sentences. */
  get warnings(): readonly string[] {
    if (this.#store === null || this.#store.state.ok) return [];
    const { message, hint } = this.#store.state;
    return [`history is not stored: ${message}${hint === '' ? '' : ` (${hint})`}`];
  }

  /** null: nothing is to be stored. */
  get isWell(): boolean | null {
    return this.#store?.state.ok ?? null;
  }

  /** All that was flushed is in the file, or cannot get there. */
  get isSettled(): boolean {
    return this.#store === null || this.#store.isIdle || !this.#store.state.ok;
  }

  get isDue(): boolean {
    return this.#clock.monotonicMs() - this.#flushedMs >= this.#spec.flushNs / 1e6;
  }

  follow(spec: HistorySpec): void {
    this.#spec = spec;
    this.#store?.setLevels(levelsOf(spec.keep));
  }

  /** The host `from` has become part of `into`, with what is stored of it, from the next flush on. */
  merged(from: string, into: string): void {
    this.#merges.push({ from, into });
  }

  /** Stores what was counted since the last flush, and what else has changed of hosts. */
  flush(entries: Iterable<HostEntry>, quotas: (() => QuotaChanges) | null): void {
    const interval = this.#nextInterval();
    const all = [...entries];
    const hasCounted = ({ up, down }: HostEntry): boolean => up.unstoredBytes > 0 || down.unstoredBytes > 0;
    const counted = all.filter(hasCounted);
    // The last instant of a host is told with its bytes.
    const news = all.filter((entry) => entry.isNews || hasCounted(entry));
    if (this.#store !== null)
      this.#store.flush({
        ...{ ...interval, merges: this.#merges, memos: [], quotas },
        counts: {
          hosts: counted.map(({ id }) => id),
          upBytes: Float64Array.from(counted, ({ up }) => up.unstoredBytes),
          downBytes: Float64Array.from(counted, ({ down }) => down.unstoredBytes),
        },
        hosts: news.map((entry) => ({
          ...{ id: entry.id, name: entry.name === '' ? null : entry.name, macs: entry.macTexts },
          ...{ addresses: entry.addressTexts, lastSeenMs: entry.lastSeenMs },
        })),
      });
    this.#merges = [];
    for (const entry of news) entry.isNews = false;
    for (const { up, down } of counted) {
      up.unstoredBytes = 0;
      down.unstoredBytes = 0;
    }
  }

  /** Points from `lastNs` ago on. Throws ApiError. */
  async ask(host: string | null, lastNs: number, stepNs: number | null): Promise<readonly HistoryPoint[]> {
    if (this.#store === null) {
      const hint = 'write history: { file: PATH } into the configuration';
      throw new ApiError(
        409,
        'no-history',
        'no history is kept: no file is configured',
        'history.file',
        hint,
      );
    }
    const toMs = this.#clock.wallMs();
    const stepSeconds = Math.max(1, Math.round((stepNs ?? this.stepNsOf(lastNs)) / 1e9));
    try {
      return await this.#store.history({ host, fromMs: toMs - lastNs / 1e6, toMs, stepSeconds });
    } catch (error) {
      if (error instanceof OperatingError)
        throw new ApiError(503, 'history', error.message, 'history', error.hint);
      throw error;
    }
  }

  /** The finest step that is kept for so long, or the last. */
  stepNsOf(lastNs: number): number {
    const { keep } = this.#spec;
    return (keep.find(({ forNs }) => forNs >= lastNs) ?? keep.at(-1))?.stepNs ?? 300e9;
  }

  close(): Promise<void> {
    return this.#store?.close() ?? Promise.resolve();
  }

  /**
   * From the last flush to now, by the wall clock. If somebody has set it meanwhile, the interval is as long
   * as it was by the clock that nobody sets.
   */
  #nextInterval(): { fromMs: number; toMs: number } {
    const [nowMs, toMs] = [this.#clock.monotonicMs(), this.#clock.wallMs()];
    const beganMs = toMs - (nowMs - this.#flushedMs);
    const isSteady = Math.abs(beganMs - this.#flushedWallMs) < DRIFT_MS_MAX;
    const fromMs = isSteady ? Math.min(this.#flushedWallMs, toMs) : beganMs;
    this.#flushedMs = nowMs;
    this.#flushedWallMs = toMs;
    return { fromMs: Math.round(fromMs), toMs: Math.round(toMs) };
  }
}
