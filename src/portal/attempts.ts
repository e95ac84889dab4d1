/**
 * How often clients are answered: each client once a second, and all of them so many times a second. Who
 * asks too soon is told so a few times, and then nothing: no client can use up what there is for all.
 */

const APART_MS = 1000;
/** Of one client between two answers. A browser that reloads too soon sees why. */
const REFUSALS_MAX = 3;
/** All clients together. A thousand stopped hosts that look once a minute ask 17 times a second. */
const ALL_PER_SEC = 200;
/** Clients that are remembered. No more are answered within a second. */
const CLIENTS_MAX = 4096;

interface Answered {
  readonly atMs: number;
  refusals: number;
}

export class Attempts {
  /** When each client was answered at last; the oldest first. */
  private readonly answered = new Map<string, Answered>();
  private secondMs = Number.NEGATIVE_INFINITY;
  private inSecond = 0;

  /** Seconds that the client has to wait. 0: it is answered now. null: it is not even told that. */
  take(client: string, nowMs: number): number | null {
    const last = this.answered.get(client);
    const isTooSoon = last !== undefined && nowMs - last.atMs < APART_MS;
    if (isTooSoon && ++last.refusals > REFUSALS_MAX) return null;
    if (nowMs - this.secondMs >= APART_MS) {
      this.secondMs = nowMs;
      this.inSecond = 0;
    }
    if (++this.inSecond > ALL_PER_SEC) return null;
    if (isTooSoon) return 1;
    this.answered.delete(client);
    this.answered.set(client, { atMs: nowMs, refusals: 0 });
    if (this.answered.size > CLIENTS_MAX) this.forgetOldest();
    return 0;
  }

  private forgetOldest(): void {
    for (const client of this.answered.keys()) {
      this.answered.delete(client);
      return;
    }
  }
}
