/**
 * PIE in the names and order of RFC 8033, appendices A (basic) and B (enhanced), in seconds, one call per
 * timer. Slow twin of src/algo/aqm/pie.ts. And the RFC's estimator of the delay for queues without time
 * stamps (section 5.3).
 */
export class SlowPie {
  dropProb = 0;
  burstAllowance: number;
  qdelayOld = 0;
  accuProb = 0;
  private readonly o: SlowPieOptions;

  constructor(options: SlowPieOptions) {
    this.o = options;
    this.burstAllowance = options.maxBurst;
  }

  calculateDropProb(qdelay: number): void {
    const { ref, alpha, beta, enhanced, tUpdate, maxBurst } = this.o;
    let p = alpha * (qdelay - ref) + beta * (qdelay - this.qdelayOld);
    if (this.dropProb < 0.000001) p /= 2048;
    else if (this.dropProb < 0.00001) p /= 512;
    else if (this.dropProb < 0.0001) p /= 128;
    else if (this.dropProb < 0.001) p /= 32;
    else if (this.dropProb < 0.01) p /= 8;
    else if (this.dropProb < 0.1) p /= 2;
    if (enhanced && this.dropProb >= 0.1 && p > 0.02) p = 0.02;
    this.dropProb += p;
    const low = qdelay < ref / 2 && this.qdelayOld < ref / 2;
    if (enhanced ? low : qdelay === 0 && this.qdelayOld === 0) this.dropProb *= 0.98;
    if (this.dropProb < 0) this.dropProb = 0;
    if (this.dropProb > 1) this.dropProb = 1;
    // Less than a nanosecond is what rounding leaves.
    const left = this.burstAllowance - tUpdate;
    this.burstAllowance = left < 1e-9 ? 0 : left;
    if (this.dropProb === 0 && low) this.burstAllowance = maxBurst;
    this.qdelayOld = qdelay;
  }

  /** Whether the packet is signalled. */
  enqueue(byteLength: number, random: number): boolean {
    const { ref, meanPktSize, enhanced } = this.o;
    if (this.burstAllowance > 0) return false;
    if (this.qdelayOld < ref / 2 && this.dropProb < 0.2) return false;
    if (byteLength <= 2 * meanPktSize) return false;
    if (!enhanced) return random < this.dropProb;
    if (this.dropProb === 0) this.accuProb = 0;
    this.accuProb += this.dropProb;
    if (this.accuProb < 0.85) return false;
    if (this.accuProb < 8.5 && random >= this.dropProb) return false;
    this.accuProb = 0;
    return true;
  }
}

export interface SlowPieOptions {
  readonly ref: number;
  readonly alpha: number;
  readonly beta: number;
  readonly tUpdate: number;
  readonly maxBurst: number;
  readonly meanPktSize: number;
  readonly enhanced: boolean;
}

/**
 * Time that `threshold` bytes take to leave, measured over cycles that begin with at least so many waiting.
 */
export class DepartureRate {
  /** 0: no cycle is complete yet. */
  avgDqTime = 0;
  lastCycle = 0;
  private start = Number.NaN;
  private count = 0;
  private readonly threshold: number;
  private readonly weight: number;

  constructor(threshold: number, weight: number) {
    this.threshold = threshold;
    this.weight = weight;
  }

  /**
   * A packet leaves at `now` seconds; bytes waiting just before, itself included, and after. True: a cycle is
   * complete.
   */
  departed(now: number, size: number, before: number, after: number): boolean {
    if (Number.isNaN(this.start) && before >= this.threshold) {
      this.start = now;
      this.count = 0;
    }
    if (Number.isNaN(this.start)) return false;
    this.count += size;
    if (this.count < this.threshold) return false;
    this.lastCycle = now - this.start;
    this.avgDqTime =
      this.avgDqTime === 0
        ? this.lastCycle
        : this.avgDqTime * (1 - this.weight) + this.lastCycle * this.weight;
    // The next cycle begins where this one ends, if enough waits.
    this.start = after >= this.threshold ? now : Number.NaN;
    this.count = 0;
    return true;
  }
}
