/**
 * RED as figure 2 of Floyd and Jacobson (1993) prints it, with the names used there, for one queue. Slow twin
 * of src/algo/aqm/red.ts: the decay of an idle queue multiplies once for every small packet the link would
 * have sent.
 */
import type { RedParameters } from '../../src/algo/aqm/red.ts';

export class SlowRed {
  avg = 0;
  count = -1;
  private qTimeNs = 0;
  private readonly p: RedParameters;

  constructor(p: RedParameters) {
    this.p = p;
  }

  becameIdle(nowNs: number): void {
    this.qTimeNs = nowNs;
  }

  /** Whether the arriving packet is signalled; `random` stands for R of the figure. */
  arrive(nowNs: number, q: number, lengthBytes: number, nsPerByte: number, random: number): boolean {
    this.updateAverage(nowNs, q, nsPerByte);
    const pb = this.pb(lengthBytes);
    if (pb === null) {
      this.count = -1;
      return false;
    }
    this.count++;
    const left = 1 - this.count * pb;
    const pa = pb >= 1 || left <= 0 ? 1 : pb / left;
    if (random >= pa) return false;
    this.count = 0;
    return true;
  }

  private updateAverage(nowNs: number, q: number, nsPerByte: number): void {
    const { weight, meanPacketBytes } = this.p;
    if (q > 0) {
      this.avg = (1 - weight) * this.avg + weight * q;
      return;
    }
    let m = (nowNs - this.qTimeNs) / (meanPacketBytes * nsPerByte);
    for (; m >= 1; m--) this.avg *= 1 - weight;
    this.avg *= (1 - weight) ** m;
    this.qTimeNs = nowNs;
  }

  /** null: no signal and no counting; 1: forced. */
  private pb(lengthBytes: number): number | null {
    const { minBytes, maxBytes, probability, gentle, byteMode, meanPacketBytes } = this.p;
    const { avg } = this;
    if (avg < minBytes) return null;
    let pb: number;
    if (avg < maxBytes) pb = probability * ((avg - minBytes) / (maxBytes - minBytes));
    else if (gentle && avg < 2 * maxBytes) pb = probability + (1 - probability) * (avg / maxBytes - 1);
    else return 1;
    return byteMode ? (pb * lengthBytes) / meanPacketBytes : pb;
  }
}
