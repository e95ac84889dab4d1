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
/** An answer that comes later has waited for batches or rules, which would have taken their time anyway. */
const COST_MS_MAX = 5;

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

  /** A crossing that began at `beganMs` has ended. */
  crossed(beganMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#creditMs = this.#credit(nowMs) - Math.min(nowMs - beganMs, COST_MS_MAX);
    this.#crossedMs = nowMs;
  }

  #credit(nowMs: number): number {
    const sinceMs = Math.min(nowMs - this.#crossedMs, CREDIT_MS_MAX / COST_SHARE);
    return Math.min(CREDIT_MS_MAX, this.#creditMs + sinceMs * COST_SHARE);
  }
}
