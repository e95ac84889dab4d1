/**
 * COBALT line by line as net/sched/sch_cake.c has it, in real numbers. Slow twin of test/reference/cobalt.ts.
 */
import type { CobaltParameters } from '../reference/cobalt.ts';

export class SlowCobalt {
  count = 0;
  dropping = false;
  pDrop = 0;
  private dropNext = 0;
  private blueTimer = 0;
  private readonly p: CobaltParameters;

  constructor(p: CobaltParameters) {
    this.p = p;
  }

  private control(t: number): number {
    return t + this.p.intervalNs / Math.sqrt(this.count === 0 ? 1 : this.count);
  }

  /** cobalt_should_drop(). */
  shouldDrop(nowNs: number, sojourn: number, bulkFlows: number, ect: boolean, random: number) {
    let schedule = nowNs - this.dropNext;
    const { targetNs, mtuNs, ecn } = this.p;
    const overTarget = sojourn > targetNs && sojourn > mtuNs * bulkFlows * 2 && sojourn > mtuNs * 4;
    let nextDue = this.count > 0 && schedule >= 0;
    let marked = false;
    let drop = false;
    if (overTarget) {
      if (!this.dropping) {
        this.dropping = true;
        this.dropNext = this.control(nowNs);
      }
      if (this.count === 0) this.count = 1;
    } else if (this.dropping) this.dropping = false;
    if (nextDue && this.dropping) {
      marked = ecn && ect;
      drop = !marked;
      this.count++;
      this.dropNext = this.control(this.dropNext);
      schedule = nowNs - this.dropNext;
    } else {
      while (nextDue) {
        this.count--;
        this.dropNext = this.control(this.dropNext);
        schedule = nowNs - this.dropNext;
        nextDue = this.count > 0 && schedule >= 0;
      }
    }
    if (this.pDrop > 0 && random < this.pDrop) drop = true;
    if (this.count === 0) this.dropNext = nowNs + this.p.intervalNs;
    else if (schedule > 0 && !drop) this.dropNext = nowNs;
    return { drop, marked };
  }

  /** cobalt_queue_full(). */
  queueFull(nowNs: number): void {
    if (nowNs - this.blueTimer > this.p.targetNs) {
      this.pDrop = Math.min(1, this.pDrop + 2 ** -8);
      this.blueTimer = nowNs;
    }
    this.dropping = true;
    this.dropNext = nowNs;
    if (this.count === 0) this.count = 1;
  }

  /** cobalt_queue_empty(). */
  queueEmpty(nowNs: number): void {
    if (this.pDrop > 0 && nowNs - this.blueTimer > this.p.targetNs) {
      this.pDrop = Math.max(0, this.pDrop - 2 ** -12);
      this.blueTimer = nowNs;
    }
    this.dropping = false;
    if (this.count > 0 && nowNs >= this.dropNext) {
      this.count--;
      this.dropNext = this.control(this.dropNext);
    }
  }
}
