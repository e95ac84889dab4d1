/** How often clients are answered: each address once a second, and all of them so many times a second. */

const APART_MS = 1000;
/** All clients together. A thousand stopped hosts that look once a minute ask 17 times a second. */
const ALL_PER_SEC = 200;
/** Addresses of the last second that are remembered: no more can have been answered. */
const ADDRESSES_MAX = 4096;

export class Attempts {
  /** When each address was answered at last; the oldest first. */
  private readonly answeredMs = new Map<string, number>();
  private secondMs = Number.NEGATIVE_INFINITY;
  private inSecond = 0;

  /**
   * Seconds that the client has to wait. 0: it is answered now. null: it is not told anything, because there
   * is too much to tell.
   */
  take(address: string, nowMs: number): number | null {
    if (nowMs - this.secondMs >= APART_MS) {
      this.secondMs = nowMs;
      this.inSecond = 0;
    }
    if (++this.inSecond > ALL_PER_SEC) return null;
    const lastMs = this.answeredMs.get(address);
    if (lastMs !== undefined && nowMs - lastMs < APART_MS) return 1;
    this.answeredMs.delete(address);
    this.answeredMs.set(address, nowMs);
    if (this.answeredMs.size > ADDRESSES_MAX) this.forgetOldest();
    return 0;
  }

  private forgetOldest(): void {
    for (const address of this.answeredMs.keys()) {
      this.answeredMs.delete(address);
      return;
    }
  }
}
