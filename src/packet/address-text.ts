/** Addresses as text, from the words of a header. */

/** `10.0.0.1` or `fd00::1`. `family` is 4 or 6; IPv4 uses the first word only. */
export function addressText(family: number, words: ArrayLike<number>): string {
  const [w0, w1, w2, w3] = [words[0], words[1], words[2], words[3]];
  if (family !== 6) return `${w0 >>> 24}.${(w0 >>> 16) & 255}.${(w0 >>> 8) & 255}.${w0 & 255}`;
  return shortened([w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]));
}

/** `10.0.0.0/16`, and `10.0.0.1` for a single address. */
export function prefixText(family: number, words: ArrayLike<number>, bits: number): string {
  const address = addressText(family, words);
  return bits === (family === 6 ? 128 : 32) ? address : `${address}/${bits}`;
}

/** RFC 5952, 4.2: the longest run of zero groups, the first of several, becomes two colons. */
function shortened(groups: readonly number[]): string {
  let from = 0;
  let length = 1;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > length) {
      from = i;
      length = end - i;
    }
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return length === 1 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}
