/**
 * How often changes cross to the packet thread. A crossing costs packets a few milliseconds, so those of a
 * steady stream of changes may take COST_SHARE of the time, and a few that come after a quiet time cross as
 * soon as CROSSING_GAP_MS allows.
 */
import type { Clock } from './clock.ts';

/** Changes that come within it cross together. */
const CROSSING_GAP_MS = 20;
const COST_SHARE = 0.02;
/** What a quiet time saves up. */
const CREDIT_MS_MAX = 100;
/** One that takes longer has waited for rules, and packets passed meanwhile. */
const COST_MS_MAX = 5;
/** The packet thread reads the message before anybody can look at a clock. */
const MESSAGE_MS = 0.2;

export class CrossingPace {
  readonly #clock: Clock;
  #creditMs = CREDIT_MS_MAX;
  #crossedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long the next crossing has to wait. */
  waitMs(): number {
    const nowMs = this.#clock.monotonicMs();
    const debtMs = Math.max(0, -this.#credit(nowMs)) / COST_SHARE;
    return Math.max(0, this.#crossedMs + CROSSING_GAP_MS - nowMs, debtMs);
  }

  /** A crossing has ended, which took the packet thread `tookMs`. */
  crossed(tookMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#creditMs = this.#credit(nowMs) - Math.min(MESSAGE_MS + tookMs, COST_MS_MAX);
    this.#crossedMs = nowMs;
  }

  #credit(nowMs: number): number {
    const sinceMs = Math.min(nowMs - this.#crossedMs, CREDIT_MS_MAX / COST_SHARE);
    return Math.min(CREDIT_MS_MAX, this.#creditMs + sinceMs * COST_SHARE);
  }
}
