/**
 * Log-linear histogram of non-negative integers: 8 bins per power of two, so a percentile is off by at most
 * one eighth of its value. Values 0..15 have a bin each. Counts live in a slice of a caller's array.
 *
 * Bin of v >= 16: e = floor(log2 v); bin = 8 * (e - 2) + the three bits below the leading one.
 */
const SUB_BITS = 3;
const SUB = 1 << SUB_BITS;
/** Covers values below 2^32 (microseconds: 71 minutes); larger ones fall into the last bin. */
export const HISTOGRAM_BINS = SUB * (32 - SUB_BITS + 1);

export function histogramBin(value: number): number {
  if (value < 2 * SUB) return value | 0;
  if (value >= 0x100000000) return HISTOGRAM_BINS - 1;
  const exponent = 31 - Math.clz32(value);
  return SUB * (exponent - SUB_BITS) + (value >>> (exponent - SUB_BITS));
}

/** Smallest value that falls into `bin`. */
export function histogramBinStart(bin: number): number {
  if (bin < 2 * SUB) return bin;
  const exponent = Math.floor(bin / SUB) + SUB_BITS - 1;
  return (SUB + (bin % SUB)) * 2 ** (exponent - SUB_BITS);
}

/**
 * The value at or below which `fraction` of the counts lie: the middle of its bin. Returns 0 without counts.
 * `offset` is where the slice of HISTOGRAM_BINS counts starts.
 */
export function histogramPercentile(counts: ArrayLike<number>, offset: number, fraction: number): number {
  let total = 0;
  for (let b = 0; b < HISTOGRAM_BINS; b++) total += counts[offset + b];
  if (total === 0) return 0;
  const rank = Math.max(1, Math.ceil(total * fraction));
  let seen = 0;
  for (let b = 0; b < HISTOGRAM_BINS; b++) {
    seen += counts[offset + b];
    if (seen >= rank) {
      const start = histogramBinStart(b);
      return b < 2 * SUB ? start : Math.floor((start + histogramBinStart(b + 1)) / 2);
    }
  }
  return histogramBinStart(HISTOGRAM_BINS - 1);
}
