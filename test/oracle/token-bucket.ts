/**
 * Token bucket as the books define it: a number of tokens, exact, in units of 10^-9 byte, filled at every
 * look. Slow twin of src/algo/buckets/token-bucket.ts. Instants are whole nanoseconds.
 */
export const SCALE = 1_000_000_000n;

export class SlowTokenBucket {
  /** Bytes times SCALE; negative in debt. */
  scaledTokens: bigint;
  rateBytesPerSec: bigint;
  burstBytes: bigint;
  private lastNs = 0n;

  /** Starts full. */
  constructor(rateBytesPerSec: number, burstBytes: number) {
    this.rateBytesPerSec = BigInt(rateBytesPerSec);
    this.burstBytes = BigInt(burstBytes);
    this.scaledTokens = this.burstBytes * SCALE;
  }

  /** Lets time pass until `nowNs`; a clock that stands still or steps back fills nothing. */
  look(nowNs: number): void {
    const now = BigInt(nowNs);
    if (now <= this.lastNs) return;
    // A byte per second is SCALE / 10^9 = one unit per nanosecond.
    const filled = this.scaledTokens + this.rateBytesPerSec * (now - this.lastNs);
    this.lastNs = now;
    this.scaledTokens = smaller(filled, this.burstBytes * SCALE);
  }

  /** Tokens beyond `lengthBytes` at `nowNs`, in units; negative: they are missing. */
  scaledMargin(nowNs: number, lengthBytes: number): bigint {
    this.look(nowNs);
    return this.scaledTokens - BigInt(lengthBytes) * SCALE;
  }

  take(nowNs: number, lengthBytes: number): void {
    this.look(nowNs);
    this.scaledTokens -= BigInt(lengthBytes) * SCALE;
  }

  retune(nowNs: number, rateBytesPerSec: number, burstBytes: number): void {
    this.look(nowNs);
    this.rateBytesPerSec = BigInt(rateBytesPerSec);
    this.burstBytes = BigInt(burstBytes);
    this.scaledTokens = smaller(this.scaledTokens, this.burstBytes * SCALE);
  }

  /**
   * First whole nanosecond from `fromNs` on with the tokens there, or with a full bucket for a packet beyond
   * the burst.
   */
  conformNs(fromNs: number, lengthBytes: number): number {
    this.look(fromNs);
    const wanted = smaller(BigInt(lengthBytes), this.burstBytes) * SCALE;
    if (this.scaledTokens >= wanted) return fromNs;
    const missing = wanted - this.scaledTokens;
    return fromNs + Number((missing + this.rateBytesPerSec - 1n) / this.rateBytesPerSec);
  }
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

export interface Departure {
  readonly atNs: number;
  readonly lengthBytes: number;
}

/**
 * Bytes by which the worst of all intervals exceeds burst + rate * interval; at most 0 if the conformance law
 * holds. Looks at every pair of departures, in order of time.
 */
export function worstExcessBytes(
  departures: readonly Departure[],
  rateBytesPerSec: number,
  burstBytes: number,
): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (let first = 0; first < departures.length; first++) {
    let sumBytes = 0;
    for (let last = first; last < departures.length; last++) {
      sumBytes += departures[last].lengthBytes;
      const spanNs = departures[last].atNs - departures[first].atNs;
      worst = Math.max(worst, sumBytes - burstBytes - (rateBytesPerSec * spanNs) / 1e9);
    }
  }
  return worst;
}
