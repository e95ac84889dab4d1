/** Prefixes of addresses as masks of words: the first bits count, the others do not. */

/** Bits of a whole IPv6 address. */
export const IPV6_BITS = 128;

/** The first `bits` bits of a 32-bit word, 0 .. 32; beyond is cut. */
export function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** The masks of the four words of an IPv6 prefix. */
export function prefixMasks(bits: number): number[] {
  return [0, 1, 2, 3].map((w) => wordMask(bits - 32 * w));
}
