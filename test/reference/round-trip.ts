/**
 * Round trips at a box between two hosts, by time stamps (RFC 7323, 3): a time stamp that passes in one
 * direction comes back as an echo in the other. The first sight of a stamp counts, and so does its first
 * echo. The last sample of each half is kept, and the round trip is the sum of both.
 *
 * The core measures without a list of stamps (src/core/flows/tcp-watch.ts).
 */
export class RoundTrip {
  /** From the box to the end of direction 0 and back, then of direction 1; null before a sample. */
  readonly halvesUs: [number | null, number | null] = [null, null];
  private readonly echoed: [number, number] = [-1, -1];
  /** Stamps that no echo has answered, and when they were seen. */
  private readonly seen: [Map<number, number>, Map<number, number>] = [new Map(), new Map()];

  /** A segment of `direction` passes with TSval `stamp` and TSecr `echo`, if it has one. */
  pass(nowUs: number, direction: 0 | 1, stamp: number, echo: number | null): void {
    if (stamp > this.echoed[direction] && !this.seen[direction].has(stamp))
      this.seen[direction].set(stamp, nowUs);
    const other = direction === 0 ? 1 : 0;
    const sinceUs = echo === null ? undefined : this.seen[other].get(echo);
    if (echo === null || sinceUs === undefined) return;
    this.halvesUs[other] = nowUs - sinceUs;
    // Its next echoes say how long the sender was silent, and echoes of older stamps come too late.
    this.echoed[other] = echo;
    for (const seen of this.seen[other].keys()) if (seen <= echo) this.seen[other].delete(seen);
  }

  get totalUs(): number | null {
    const [right, left] = this.halvesUs;
    return right === null || left === null ? null : right + left;
  }
}
