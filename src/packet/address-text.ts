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

/**
 * The words of an address in text, as headers have them: one of IPv4, four of IPv6 (RFC 4291, 2.2). Returns
 * null for anything else, also for leading zeros: some read 010.1.1.1 as 8.1.1.1.
 */
export function addressWordsOf(text: string): number[] | null {
  if (!text.includes(':')) {
    const word = ipv4WordOf(text);
    return word === null ? null : [word];
  }
  const dotted = text.includes('.') ? ipv4WordOf(text.slice(text.lastIndexOf(':') + 1)) : 0;
  if (dotted === null) return null;
  // The last two groups may be an IPv4 address.
  const last = `${(dotted >>> 16).toString(16)}:${(dotted & 0xffff).toString(16)}`;
  const plain = text.includes('.') ? text.slice(0, text.lastIndexOf(':') + 1) + last : text;
  const halves = plain.split('::');
  const groupsOf = (half: string | undefined): string[] => (half ? half.split(':') : []);
  const [before, after] = [groupsOf(halves[0]), groupsOf(halves[1])];
  const missing = 8 - before.length - after.length;
  const isComplete = halves.length === 1 ? missing === 0 : halves.length === 2 && missing >= 1;
  if (!isComplete) return null;
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after];
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return null;
  const numbers = groups.map((group) => Number.parseInt(group, 16));
  return [0, 2, 4, 6].map((n) => ((numbers[n] << 16) | numbers[n + 1]) >>> 0);
}

function ipv4WordOf(text: string): number | null {
  if (!/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text)) return null;
  const bytes = text.split('.').map(Number);
  if (bytes.some((byte) => byte > 255)) return null;
  return ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
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
