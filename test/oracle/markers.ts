/**
 * The three markers as RFC 2697, 2698 and 4115 word them, in exact integers: tokens in units of 10^-9 byte,
 * whole nanoseconds. Slow twin of src/algo/buckets/markers.ts.
 */
import type { MarkerParameters } from '../../src/algo/buckets/markers.ts';

const SCALE = 1_000_000_000n;
type Colour = 'green' | 'yellow' | 'red';

export class SlowMarker {
  tc: bigint;
  te: bigint;
  private lastNs = 0n;
  private readonly p: MarkerParameters;

  constructor(p: MarkerParameters) {
    this.p = p;
    this.tc = BigInt(p.committedBytes) * SCALE;
    this.te = BigInt(p.excessBytes) * SCALE;
  }

  colour(nowNs: number, sizeBytes: number, pre: Colour): Colour {
    this.fill(BigInt(nowNs));
    const b = BigInt(sizeBytes) * SCALE;
    if (this.p.kind === 'two-rate') return this.twoRate(b, pre);
    // RFC 2697 and RFC 4115 differ in how E is filled only.
    if (pre === 'green' && this.tc >= b) {
      this.tc -= b;
      return 'green';
    }
    if (pre !== 'red' && this.te >= b) {
      this.te -= b;
      return 'yellow';
    }
    return 'red';
  }

  private twoRate(b: bigint, pre: Colour): Colour {
    if (pre === 'red' || this.te < b) return 'red';
    this.te -= b;
    if (pre === 'yellow' || this.tc < b) return 'yellow';
    this.tc -= b;
    return 'green';
  }

  private fill(now: bigint): void {
    const passed = now - this.lastNs;
    this.lastNs = now;
    const cbs = BigInt(this.p.committedBytes) * SCALE;
    const ebs = BigInt(this.p.excessBytes) * SCALE;
    const committed = this.tc + BigInt(this.p.committedBytesPerSec) * passed;
    this.tc = committed < cbs ? committed : cbs;
    // "Incremented by one CIR times per second: if Tc is less than CBS, Tc; else if Te is less than EBS, Te."
    const earned =
      this.p.kind === 'single-rate' ? committed - this.tc : BigInt(this.p.excessBytesPerSec) * passed;
    this.te = this.te + earned < ebs ? this.te + earned : ebs;
  }
}
