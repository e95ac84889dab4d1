/**
 * A token bucket seen as its tokens, and a bucket whose rate changes in place.
 *
 * Reference: the model of src/algo/buckets/token-bucket.ts.
 *
 * Model. tokens(t) = B - max(0, fullNs - t) * R. A change of rate or burst is a bucket that takes over the
 * tokens of the one before, as after a change of classes.
 */
import {
  createTokenBuckets,
  fillBucket,
  inheritBucket,
  type TokenBuckets,
} from '../../src/algo/buckets/token-bucket.ts';

/** Tokens of row `i` at `nowNs`, in bytes; negative while in debt. */
export function tokensBytes(buckets: TokenBuckets, i: number, nowNs: number): number {
  const burstBytes = buckets.burstBytes[i] as number;
  const missingNs = (buckets.fullNs[i] as number) - nowNs;
  // An unlimited bucket is full, also if a taking was booked ahead of time.
  if (missingNs <= 0 || buckets.nsPerByte[i] === 0) return burstBytes;
  return burstBytes - missingNs / (buckets.nsPerByte[i] as number);
}

/** Gives row `i` another rate and burst at `nowNs`; its tokens stay, cut to the new burst. */
export function retuneBucket(
  buckets: TokenBuckets,
  i: number,
  rateBytesPerSec: number,
  burstBytes: number,
  nowNs: number,
): void {
  const before = createTokenBuckets(1);
  before.fullNs[0] = buckets.fullNs[i] as number;
  before.nsPerByte[0] = buckets.nsPerByte[i] as number;
  before.burstBytes[0] = buckets.burstBytes[i] as number;
  fillBucket(buckets, i, rateBytesPerSec, burstBytes);
  inheritBucket(buckets, i, before, 0, nowNs);
}
