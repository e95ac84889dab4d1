/**
 * The best of several paths, by the round trips of probes.
 *
 * Reference: "itmBench: generalized API for Internet traffic managers" (itmRoute: the fastest acknowledgment
 * decides, and is refreshed periodically); Andersen, Balakrishnan, Kaashoek, Morris, "Resilient overlay
 * networks" (2001), 5 (hysteresis against flapping); Karn, "exponential back-off" as in RFC 6298, 5.5.
 *
 * Model. A path is known while its last round trip is younger than the lifetime. Another path takes over if
 * it is better by the hysteresis, or if the present one is not known any more:
 *
 *     rtt(best) < rtt(now) * (1 - hysteresis)        or        age(now) > lifetime, or lost
 *
 * A path whose probes stay without answer is dead. It is asked again after 1, 2, 4, ... periods.
 *
 * | parameter       | unit | range   | default |
 * |-----------------|------|---------|---------|
 * | hysteresis      |      | 0 .. <1 | 0.1     |
 * | lifetimeNs      | ns   | > 0     | 5 s     |
 * | samples         |      | >= 1    | 3: the lowest of the last three is the round trip |
 * | deadAfter       |      | >= 1    | 4 probes without answer |
 * | backOffMax      |      | >= 0    | 6: at most 64 periods |
 *
 * Worked example: 50 ms by n1, then 47 ms by n2: n1 stays. 40 ms by n3 is below 45: n3 takes over.
 *
 * Invariants (test/unit/algo/overlay/choose, test/vectors):
 *  1. A path that is not known is never chosen; NONE if none is known.
 *  2. Between two choices of a path another one was better by the hysteresis, or the first was not known.
 *
 * Departures: the paper's table has no lifetime and no hysteresis. Cost: one pass over the paths per
 * question; callers ask when a probe is answered, and a few times a period, not per packet.
 */
import { NONE } from '../../base/none.ts';

export interface ChoiceParameters {
  readonly hysteresis: number;
  readonly lifetimeNs: number;
}

/** Paths are numbered from 0. */
export class PathChoice {
  private readonly rttNs: Float64Array;
  private readonly atNs: Float64Array;
  private readonly params: ChoiceParameters;
  private chosen = NONE;

  constructor(paths: number, params: ChoiceParameters) {
    this.params = params;
    this.rttNs = new Float64Array(paths);
    this.atNs = new Float64Array(paths).fill(Number.NEGATIVE_INFINITY);
  }

  /** A probe by `path` has come back. */
  told(path: number, rttNs: number, nowNs: number): void {
    this.rttNs[path] = rttNs;
    this.atNs[path] = nowNs;
  }

  /** Nothing comes back by `path`. */
  lost(path: number): void {
    this.atNs[path] = Number.NEGATIVE_INFINITY;
  }

  isKnown(path: number, nowNs: number): boolean {
    return nowNs - this.atNs[path] <= this.params.lifetimeNs;
  }

  rttOf(path: number): number {
    return this.rttNs[path];
  }

  /** The path to take now, or NONE. */
  now(nowNs: number): number {
    let best = NONE;
    for (let path = 0; path < this.atNs.length; path++) {
      if (this.isKnown(path, nowNs) && (best === NONE || this.rttNs[path] < this.rttNs[best])) best = path;
    }
    const { chosen } = this;
    const mayStay = chosen !== NONE && this.isKnown(chosen, nowNs);
    if (!mayStay || this.rttNs[best] < this.rttNs[chosen] * (1 - this.params.hysteresis)) this.chosen = best;
    return this.chosen;
  }
}

export const SAMPLES = 3;
const DEAD_AFTER = 4;
const BACK_OFF_MAX = 6;

/** The round trips of one path, and when it is asked next. */
export class PathProbes {
  private readonly lastNs = new Float64Array(SAMPLES).fill(Number.POSITIVE_INFINITY);
  private samples = 0;
  private unanswered = 0;
  private backOff = 0;
  private dueNs = 0;

  get isDead(): boolean {
    return this.unanswered >= DEAD_AFTER;
  }

  isDue(nowNs: number): boolean {
    return nowNs >= this.dueNs;
  }

  /** A probe leaves. While the path lives the next one follows after `spacingNs`, else after periods. */
  sent(spacingNs: number, periodNs: number, nowNs: number): void {
    this.unanswered = Math.min(this.unanswered + 1, DEAD_AFTER);
    const wait = this.isDead ? periodNs * 2 ** this.backOff : spacingNs;
    if (this.isDead) this.backOff = Math.min(this.backOff + 1, BACK_OFF_MAX);
    this.dueNs = nowNs + wait;
  }

  /** An answer has come. Returns the lowest round trip of the last few, in ns. */
  answered(rttNs: number, nowNs: number): number {
    if (this.isDead) {
      this.lastNs.fill(Number.POSITIVE_INFINITY);
      this.dueNs = nowNs;
    }
    this.unanswered = 0;
    this.backOff = 0;
    this.lastNs[this.samples++ % SAMPLES] = rttNs;
    return Math.min(...this.lastNs);
  }
}
