/**
 * HalfSipHash-1-3: a keyed 32-bit hash (as a signed number) of 32-bit words, so that nobody outside can aim
 * flows at one slot. Reference: Aumasson, Bernstein, "SipHash: a fast short-input PRF" (2012); the 32-bit
 * variant and its 1-3 rounds as in Linux lib/siphash.c (hsiphash). Cost: n + 4 rounds of ten operations,
 * about 30 ns for four words.
 */
export function hashWords(key0: number, key1: number, words: Int32Array, count: number): number {
  let v0 = key0 | 0;
  let v1 = key1 | 0;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  // Words, then one block with the length, then three finalising rounds: one loop, so one copy of the round.
  const rounds = count + 4;
  for (let i = 0; i < rounds; i++) {
    const m = i < count ? words[i] : i === count ? (count << 26) | 0 : 0;
    if (i === count + 1) v2 ^= 0xff;
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  return v1 ^ v3;
}

/** Two secret words for a hash table. */
export type HashKeys = readonly [key0: number, key1: number];

/** The keys of table `name`: the same for the same seed, whatever other tables there are. */
export function hashKeys(seed: number, name: string): HashKeys {
  const words = Int32Array.from(name, (letter) => letter.charCodeAt(0));
  const [low, high] = [seed | 0, Math.floor(seed / 0x100000000) | 0];
  return [hashWords(low, high, words, words.length), hashWords(~low, ~high, words, words.length)];
}
