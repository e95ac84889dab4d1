/**
 * Quota time: the time of sliding windows, in nanoseconds since the first start. It goes on with the clock
 * since boot, which nobody sets, so a jump of the wall clock moves no total. Over a stop it goes on by the
 * same clock if the machine has not been started anew, else by the wall clock if that has not gone back.
 */
import type { StoredClock } from './stored.ts';

const NS_PER_MS = 1e6;

/** Clocks at one instant. */
export interface ClockReading {
  /** Of the clock since boot: CLOCK_MONOTONIC, or CLOCK_BOOTTIME, which goes on while a machine sleeps. */
  readonly bootMs: number;
  /** Which boot that is (/proc/sys/kernel/random/boot_id). */
  readonly bootId: string;
  readonly wallMs: number;
}

export class QuotaClock {
  /** Quota time minus the clock since boot. */
  readonly #offsetMs: number;

  /** Goes on where `stored` ended; null: begins at 0. */
  constructor(stored: StoredClock | null, at: ClockReading) {
    const quotaMs = stored === null ? 0 : stored.quotaMs + stoppedMs(stored, at);
    this.#offsetMs = quotaMs - at.bootMs;
  }

  /** Quota time at an instant of the clock since boot. */
  quotaNs(bootMs: number): number {
    return (bootMs + this.#offsetMs) * NS_PER_MS;
  }

  /** The wall clock at an instant of quota time, as far as it can be known now: for people. */
  wallMs(quotaNs: number, at: ClockReading): number {
    return at.wallMs + quotaNs / NS_PER_MS - (at.bootMs + this.#offsetMs);
  }

  /** Quota time at an instant of the wall clock: for history, which is kept by it. */
  quotaNsOfWall(wallMs: number, at: ClockReading): number {
    return (wallMs - at.wallMs + at.bootMs + this.#offsetMs) * NS_PER_MS;
  }

  /** What the store keeps. */
  stored(at: ClockReading): StoredClock {
    return {
      quotaMs: Math.round(at.bootMs + this.#offsetMs),
      wallMs: Math.round(at.wallMs),
      bootMs: Math.round(at.bootMs),
      bootId: at.bootId,
    };
  }
}

/** How long the program did not run. */
function stoppedMs(stored: StoredClock, at: ClockReading): number {
  const isSameBoot = stored.bootId === at.bootId && at.bootMs >= stored.bootMs;
  return isSameBoot ? at.bootMs - stored.bootMs : Math.max(0, at.wallMs - stored.wallMs);
}
