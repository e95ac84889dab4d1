/**
 * Token bucket, kept as one instant.
 *
 * Reference: Turner, "New directions in communications" (1986). As a time: the virtual scheduling form of the
 * generic cell rate algorithm (ITU-T I.371, annex A), and CAKE's next-packet time (net/sched/sch_cake.c).
 *
 * Model. A bucket holds at most B bytes and gains R bytes per second; it starts full. Instead of the tokens
 * we keep `fullNs`, the instant at which the bucket would be full if nothing more were taken:
 *
 *     tokens(t) = B - max(0, fullNs - t) * R          taking n bytes at t:   fullNs = max(fullNs, t) + n / R
 *     n tokens are there  <=>  tokens(t) >= n  <=>  t >= fullNs - (B - n) / R
 *
 * The two forms are equal: max() is the cap at B (time spent full earns nothing), and the refill between two
 * takings is the passing of t itself. So a refill costs nothing, a late look loses nothing, and a clock that
 * stands still mints nothing.
 *
 * | parameter        | unit          | range                                   |
 * |------------------|---------------|-----------------------------------------|
 * | rateBytesPerSec  | bytes/second  | > 0; Infinity: never waits              |
 * | burstBytes       | bytes         | > 0                                     |
 *
 * Worked example: R = 1000 B/s, B = 1600, packets of 1500 B at 0. The first leaves at 0 (fullNs = 1.5 s). The
 * second finds 100 B and leaves at 1.4 s; from then on one leaves every 1.5 s.
 *
 * Invariants (test/property/token-bucket):
 *  1. Bytes taken in any interval of length T are at most B + R * T, plus one oversize packet in debt mode.
 *  2. A rate change moves no tokens: tokens just before and just after are equal (less what the new B cuts
 *     off).
 *
 * Departures: a packet larger than B never passes a policer; the shaper lets it leave on a full bucket and
 * goes into debt (tokens below zero), so that a superpacket cannot block a queue for ever. An unlimited
 * bucket is always full, also if a taking was booked ahead of time and fullNs lies in the future. Cost: a few
 * float operations, no memory.
 */

const NS_PER_SEC = 1e9;
/**
 * Tokens that are there but for rounding count as there. Neighbouring float64 instants are closer than this
 * for two hours, and 1 ns apart after 52 days: from then on a packet may leave one such step late. Each
 * taking errs by half a step.
 */
const EPSILON_NS = 1e-3;

export interface TokenBuckets {
  /** Instant at which the bucket is full again. */
  readonly fullNs: Float64Array;
  /** 1e9 / rateBytesPerSec; 0 if the bucket is unlimited. */
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
export function fillBucket(
  buckets: TokenBuckets,
  i: number,
  rateBytesPerSec: number,
  burstBytes: number,
): void {
  buckets.fullNs[i] = 0;
  buckets.nsPerByte[i] = NS_PER_SEC / rateBytesPerSec;
  buckets.burstBytes[i] = burstBytes;
}

/**
 * First instant at or after `fromNs` at which `lengthBytes` tokens are there. A packet larger than the burst
 * conforms when the bucket is full.
 */
export function conformNs(buckets: TokenBuckets, i: number, lengthBytes: number, fromNs: number): number {
  return conformInstantNs(
    buckets.fullNs[i],
    buckets.nsPerByte[i],
    buckets.burstBytes[i],
    lengthBytes,
    fromNs,
  );
}

/**
 * Takes `lengthBytes` at `atNs`, the instant at which the packet conforms, not a later one at which a timer
 * fired.
 */
export function takeTokens(buckets: TokenBuckets, i: number, lengthBytes: number, atNs: number): void {
  buckets.fullNs[i] = fullAfterNs(buckets.fullNs[i], buckets.nsPerByte[i], lengthBytes, atNs);
}

/** The tokens of row `i` at `nowNs`, below 0 for a debt. */
export function tokensIn({ fullNs, nsPerByte, burstBytes }: TokenBuckets, i: number, nowNs: number): number {
  return tokensOf(fullNs[i], nsPerByte[i], burstBytes[i], nowNs);
}

/** tokensIn() of a bucket whose fields are kept elsewhere. An unlimited bucket is full. */
export function tokensOf(fullNs: number, nsPerByte: number, burstBytes: number, nowNs: number): number {
  const missingNs = fullNs - nowNs;
  return missingNs <= 0 || nsPerByte === 0 ? burstBytes : burstBytes - missingNs / nsPerByte;
}

/**
 * The fullNs after tokens that were taken at `takenNs` come back at `nowNs`, because nothing was sent for
 * them. What has grown again meanwhile stays away: had the tokens not been taken, the bucket might have been
 * full and gained nothing. So nothing is minted. A packet that waits for the bucket may go now, if it is no
 * longer than the one that went at `takenNs`.
 */
export function fullWithoutNs(
  fullNs: number,
  nsPerByte: number,
  lengthBytes: number,
  takenNs: number,
  nowNs: number,
): number {
  const backNs = lengthBytes * nsPerByte - Math.max(0, nowNs - takenNs);
  return backNs > 0 ? fullNs - backNs : fullNs;
}

/** The fullNs of a bucket after a packet was charged to it in any case: the debt is at most one burst. */
export function boundedFullNs(fullNs: number, nsPerByte: number, burstBytes: number, nowNs: number): number {
  return Math.min(fullNs, nowNs + 2 * burstBytes * nsPerByte);
}

/** Whether `lengthBytes` tokens are there, as a policer asks. False for a packet larger than the burst. */
export function conforms(buckets: TokenBuckets, i: number, lengthBytes: number, nowNs: number): boolean {
  return (
    lengthBytes <= buckets.burstBytes[i] &&
    conformInstantNs(buckets.fullNs[i], buckets.nsPerByte[i], buckets.burstBytes[i], lengthBytes, nowNs) <=
      nowNs
  );
}

/** conformNs() of a bucket whose fields are kept elsewhere. */
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

/** The fullNs after takeTokens(), of a bucket whose fields are kept elsewhere. */
export function fullAfterNs(fullNs: number, nsPerByte: number, lengthBytes: number, atNs: number): number {
  return (fullNs > atNs ? fullNs : atNs) + lengthBytes * nsPerByte;
}

/**
 * Gives row `i`, whose rate and burst are set, the tokens of row `j` of `from` at `nowNs`, cut to its burst.
 */
export function inheritBucket(
  buckets: TokenBuckets,
  i: number,
  from: TokenBuckets,
  j: number,
  nowNs: number,
): void {
  const { fullNs, nsPerByte, burstBytes } = from;
  buckets.fullNs[i] = fullAtOtherRateNs(
    fullNs[j],
    nsPerByte[j],
    burstBytes[j],
    buckets.nsPerByte[i],
    buckets.burstBytes[i],
    nowNs,
  );
}

/** Row `i` has another rate from `nowNs` on, and the tokens and debts that it has. */
export function changeRate(buckets: TokenBuckets, i: number, rateBytesPerSec: number, nowNs: number): void {
  const { fullNs, nsPerByte, burstBytes } = buckets;
  const newNsPerByte = NS_PER_SEC / rateBytesPerSec;
  const burst = burstBytes[i];
  fullNs[i] = fullAtOtherRateNs(fullNs[i], nsPerByte[i], burst, newNsPerByte, burst, nowNs);
  nsPerByte[i] = newNsPerByte;
}

/** The fullNs of a bucket that gets another rate and burst at `nowNs`; unchanged if both stay the same. */
export function fullAtOtherRateNs(
  fullNs: number,
  nsPerByte: number,
  burstBytes: number,
  newNsPerByte: number,
  newBurstBytes: number,
  nowNs: number,
): number {
  if (newNsPerByte === nsPerByte && newBurstBytes === burstBytes) return fullNs;
  const tokens = tokensOf(fullNs, nsPerByte, burstBytes, nowNs);
  return nowNs + (newBurstBytes - Math.min(tokens, newBurstBytes)) * newNsPerByte;
}
