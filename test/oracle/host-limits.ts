/**
 * Limits of hosts, slow and obvious: token buckets as tokens, what waits as plain lists. It is told in which
 * order packets left, and says what may not have been.
 */

const BURST_BYTES_MIN = 3028;
const BURST_SEC = 1e-3;
/** Instants are whole nanoseconds, and tokens are sums of floats. */
const ROUNDING_SEC = 2e-9;
const ROUNDING_BYTES = 1e-3;

export type Kind = 'none' | 'throttle' | 'block';

export interface Waiting {
  readonly id: number;
  readonly flow: number;
  readonly bytes: number;
}

/** One direction of one host. */
export class HostTwin {
  kind: Kind = 'none';
  waiting: Waiting[] = [];
  private tokens = 0;
  /** Bytes per second; Infinity: not throttled. The bucket keeps the last finite one. */
  private rate = Number.POSITIVE_INFINITY;
  private bucketRate = 0;
  private atNs = 0;

  private burst(): number {
    return Math.max(BURST_BYTES_MIN, this.bucketRate * BURST_SEC);
  }

  private refill(nowNs: number): void {
    const earned = ((nowNs - this.atNs) / 1e9) * this.bucketRate;
    this.tokens = Math.min(this.burst(), this.tokens + earned);
    this.atNs = nowNs;
  }

  get isThrottled(): boolean {
    return this.kind === 'throttle' && this.rate < Number.POSITIVE_INFINITY;
  }

  limit(kind: Kind, rate: number, nowNs: number): void {
    const isFirst = this.bucketRate === 0;
    this.refill(nowNs);
    this.kind = kind;
    this.rate = kind === 'throttle' ? rate : Number.POSITIVE_INFINITY;
    if (this.rate === Number.POSITIVE_INFINITY) return;
    this.bucketRate = this.rate;
    this.tokens = isFirst ? this.burst() : Math.min(this.tokens, this.burst());
  }

  /** What is wrong with a packet that passed at `nowNs`; empty if nothing is. */
  passed(packet: Waiting, nowNs: number): string {
    const at = this.waiting.findIndex(({ id }) => id === packet.id);
    const isLate = at >= 0 && this.waiting.slice(0, at).some(({ flow }) => flow === packet.flow);
    if (at >= 0) this.waiting.splice(at, 1);
    if (isLate) return `packet ${packet.id} overtook one of its flow`;
    if (this.kind === 'block') return `packet ${packet.id} of a blocked host passed`;
    if (!this.isThrottled) return '';
    this.refill(nowNs);
    const needed = Math.min(packet.bytes, this.burst()) - ROUNDING_BYTES - this.rate * ROUNDING_SEC;
    const { tokens } = this;
    this.tokens -= packet.bytes;
    return tokens >= needed ? '' : `packet ${packet.id} of ${packet.bytes} B passed with ${tokens} tokens`;
  }

  dropped({ id }: Waiting): void {
    this.waiting = this.waiting.filter((one) => one.id !== id);
  }

  /** What is wrong with what waits still at `nowNs`, when all that is due has left. */
  settled(nowNs: number): string {
    if (this.waiting.length === 0) return '';
    if (!this.isThrottled) return `${this.waiting.length} packets wait without a rate`;
    this.refill(nowNs);
    const longest = Math.max(...this.waiting.map(({ bytes }) => bytes));
    const enough = Math.min(longest, this.burst()) + ROUNDING_BYTES;
    return this.tokens < enough ? '' : `${this.tokens} tokens are enough for every packet that waits`;
  }
}
