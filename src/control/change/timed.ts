/**
 * Changes that nobody asks for when they are due: leases that end, a reload that nobody has confirmed,
 * schedules. They are looked for at the earliest instant at which one may be due.
 */
import type { LogLine } from '../messages.ts';
import type { Clock } from './clock.ts';
import type { ChangeState } from './state.ts';

/** setTimeout() counts milliseconds in 31 bits, and fires at once beyond them. */
const SLEEP_MS_MAX = 3_600_000;
/** With schedules: somebody may set the time of day. */
const SCHEDULE_LOOK_MS = 1000;
/** After a change was refused that was due. */
const RETRY_MS = 5000;

export interface TimedOptions {
  readonly clock: Clock;
  readonly state: () => ChangeState;
  /** Whether schedules set other values now than when the state was made. */
  readonly isScheduleOld: (state: ChangeState) => boolean;
  readonly hasSchedules: () => boolean;
  /** Makes the changes that are due. Rejects if they are refused. */
  readonly change: () => Promise<unknown>;
  readonly log: (line: LogLine) => void;
}

export class TimedChanges {
  readonly #options: TimedOptions;
  #forget: () => void = () => undefined;
  #isChanging = false;
  #isStopped = false;

  constructor(options: TimedOptions) {
    this.#options = options;
  }

  /** Looks at once, and again when the next one may be due. Call it after every change of the state. */
  look(): void {
    this.#forget();
    if (this.#isStopped || this.#isChanging) return;
    if (this.#isDue()) void this.#change();
    else this.#sleep(this.#sleepMs());
  }

  stop(): void {
    this.#isStopped = true;
    this.#forget();
  }

  #sleep(ms: number | null): void {
    if (ms !== null) this.#forget = this.#options.clock.after(ms, () => this.look());
  }

  async #change(): Promise<void> {
    this.#isChanging = true;
    let ms: number | null = null;
    try {
      await this.#options.change();
    } catch (error) {
      ms = RETRY_MS;
      const { message } = error as Error;
      if (!this.#isStopped)
        this.#options.log({ level: 'error', message: `a change by time failed: ${message}`, fields: {} });
    }
    this.#isChanging = false;
    if (ms === null) this.look();
    else if (!this.#isStopped) this.#sleep(ms);
  }

  #isDue(): boolean {
    const { clock, isScheduleOld } = this.#options;
    const state = this.#options.state();
    return dueMs(state) <= clock.monotonicMs() || isScheduleOld(state);
  }

  /** null if nothing can become due. */
  #sleepMs(): number | null {
    const { clock, hasSchedules } = this.#options;
    const state = this.#options.state();
    const ms = Math.min(dueMs(state) - clock.monotonicMs(), hasSchedules() ? SCHEDULE_LOOK_MS : Infinity);
    return ms === Infinity ? null : Math.min(Math.max(0, Math.ceil(ms)), SLEEP_MS_MAX);
  }
}

function dueMs({ leases, unconfirmed }: ChangeState): number {
  return Math.min(...leases.map(({ endsMs }) => endsMs), unconfirmed?.deadlineMs ?? Infinity);
}
