/**
 * Token bucket, kept as one instant.
 *
 * Reference: Turner, "New directions in communications" (1986); as a time: the virtual scheduling form of the generic
 * cell rate algorithm (ITU-T I.371, annex A), and CAKE's next-packet time (net/sched/sch_cake.c).
 *
 * Model. A bucket holds at most B bytes and gains R bytes per second; it starts full. Instead of the tokens we keep
 * `fullNs`, the instant at which the bucket would be full if nothing more were taken:
 *
 *     tokens(t) = B - max(0, fullNs - t) * R          taking n bytes at t:   fullNs = max(fullNs, t) + n / R
 *     n tokens are there  <=>  tokens(t) >= n  <=>  t >= fullNs - (B - n) / R
 *
 * The two forms are equal: max() is the cap at B (time spent full earns nothing), and the refill between two takings is
 * the passing of t itself. So refilling costs nothing, a late look loses nothing, a clock that stands still mints nothing.
 *
 * | parameter        | unit          | range                                   |
 * |------------------|---------------|-----------------------------------------|
 * | rateBytesPerSec  | bytes/second  | > 0; Infinity: never waits              |
 * | burstBytes       | bytes         | > 0                                     |
 *
 * Worked example: R = 1000 B/s, B = 1600, packets of 1500 B at 0: the first leaves at 0 (fullNs = 1.5 s); for the second
 * 100 B are there already, so at 1.4 s; from then on one every 1.5 s.
 *
 * Invariants (test/property/token-bucket):
 *  1. Bytes taken in any interval of length T are at most B + R * T, plus one oversize packet in debt mode.
 *  2. A rate change moves no tokens: tokens just before and just after are equal (less what the new B cuts off).
 *
 * A packet larger than B: the policer never lets it pass; the shaper lets it leave on a full bucket and goes into debt
 * (tokens below zero), so that a superpacket cannot block a queue for ever. Cost: a few float operations, no memory.
 */

const NS_PER_SEC = 1e9;
/**
 * Equality counts as "there" in spite of rounding. Neighbouring float64 instants are closer than this for two hours, 1 ns
 * apart after 52 days: from then on a packet may leave one such step late. What is taken errs by half a step each.
 */
const EPSILON_NS = 1e-3;

export interface TokenBuckets {
  /** Instant at which the bucket is full again. */
  readonly fullNs: Float64Array;
  /** 1e9 / rateBytesPerSec; 0: unlimited. */
  readonly nsPerByte: Float64Array;
  readonly burstBytes: Float64Array;
}

export function createTokenBuckets(rows: number): TokenBuckets {
  return {
    fullNs: new Float64Array(rows),
    nsPerByte: new Float64Array(rows),
    burstBytes: new Float64Array(rows),
  };
}

/** Makes row `i` a full bucket. */
export function fillBucket(b: TokenBuckets, i: number, rateBytesPerSec: number, burstBytes: number): void {
  b.fullNs[i] = 0;
  b.nsPerByte[i] = NS_PER_SEC / rateBytesPerSec;
  b.burstBytes[i] = burstBytes;
}

/** Tokens at `nowNs`, in bytes; negative while in debt. */
export function tokensBytes(b: TokenBuckets, i: number, nowNs: number): number {
  const missingNs = b.fullNs[i] - nowNs;
  // Unlimited: always full, even where a taking was booked ahead of time and fullNs lies in the future.
  if (missingNs <= 0 || b.nsPerByte[i] === 0) return b.burstBytes[i];
  return b.burstBytes[i] - missingNs / b.nsPerByte[i];
}

/**
 * First instant at or after `fromNs` at which `lengthBytes` tokens are there. A packet larger than the burst
 * conforms when the bucket is full.
 */
export function conformNs(b: TokenBuckets, i: number, lengthBytes: number, fromNs: number): number {
  return conformInstantNs(b.fullNs[i], b.nsPerByte[i], b.burstBytes[i], lengthBytes, fromNs);
}

/** Takes `lengthBytes` at `atNs`, the instant at which the packet conforms (not the later one at which a timer fired). */
export function takeTokens(b: TokenBuckets, i: number, lengthBytes: number, atNs: number): void {
  b.fullNs[i] = fullAfterNs(b.fullNs[i], b.nsPerByte[i], lengthBytes, atNs);
}

/** Instant at which a bucket is full that a packet with right of way was charged to: its debt is at most one burst. */
export function boundedFullNs(fullNs: number, nsPerByte: number, burstBytes: number, nowNs: number): number {
  return Math.min(fullNs, nowNs + 2 * burstBytes * nsPerByte);
}

/** Policer's question: are `lengthBytes` tokens there now? Never for a packet larger than the burst. */
export function conforms(b: TokenBuckets, i: number, lengthBytes: number, nowNs: number): boolean {
  return (
    lengthBytes <= b.burstBytes[i] &&
    conformInstantNs(b.fullNs[i], b.nsPerByte[i], b.burstBytes[i], lengthBytes, nowNs) <= nowNs
  );
}

/** conformNs() of a bucket whose parts are kept elsewhere. */
export function conformInstantNs(
  fullNs: number,
  nsPerByte: number,
  burstBytes: number,
  lengthBytes: number,
  fromNs: number,
): number {
  const spareBytes = burstBytes - lengthBytes;
  const atNs = spareBytes > 0 ? fullNs - spareBytes * nsPerByte : fullNs;
  return atNs - EPSILON_NS > fromNs ? atNs : fromNs;
}

/** The new fullNs after takeTokens(), of a bucket whose parts are kept elsewhere. */
export function fullAfterNs(fullNs: number, nsPerByte: number, lengthBytes: number, atNs: number): number {
  return (fullNs > atNs ? fullNs : atNs) + lengthBytes * nsPerByte;
}

/** Gives the bucket another rate and burst at `nowNs`; its tokens stay, cut to the new burst. */
export function retuneBucket(
  b: TokenBuckets,
  i: number,
  rateBytesPerSec: number,
  burstBytes: number,
  nowNs: number,
): void {
  const nsPerByte = NS_PER_SEC / rateBytesPerSec;
  b.fullNs[i] = fullAtOtherRateNs(b.fullNs[i], b.nsPerByte[i], b.burstBytes[i], nsPerByte, burstBytes, nowNs);
  b.nsPerByte[i] = nsPerByte;
  b.burstBytes[i] = burstBytes;
}

/** Row `i` of `b`, which has its rate and burst, takes over the tokens that row `j` of `from` has at `nowNs`. */
export function inheritBucket(
  b: TokenBuckets,
  i: number,
  from: TokenBuckets,
  j: number,
  nowNs: number,
): void {
  const { fullNs, nsPerByte, burstBytes } = from;
  b.fullNs[i] = fullAtOtherRateNs(
    fullNs[j],
    nsPerByte[j],
    burstBytes[j],
    b.nsPerByte[i],
    b.burstBytes[i],
    nowNs,
  );
}

/** The fullNs of a bucket after it got another rate and burst at `nowNs`; if both are the same, the very same instant. */
export function fullAtOtherRateNs(
  fullNs: number,
  nsPerByte: number,
  burstBytes: number,
  newNsPerByte: number,
  newBurstBytes: number,
  nowNs: number,
): number {
  if (newNsPerByte === nsPerByte && newBurstBytes === burstBytes) return fullNs;
  const missingNs = fullNs - nowNs;
  // Unlimited: full, see tokensBytes().
  const tokens = missingNs <= 0 || nsPerByte === 0 ? burstBytes : burstBytes - missingNs / nsPerByte;
  return nowNs + (newBurstBytes - Math.min(tokens, newBurstBytes)) * newNsPerByte;
}
