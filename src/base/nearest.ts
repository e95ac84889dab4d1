/** Of a longer word, the beginning is compared. */
const COMPARED_CHARS = 64;

/** A shorter beginning is that of too many words. */
const PREFIX_CHARS_MIN = 3;

/**
 * The candidate with the fewest edits, and whether it is near enough to be meant: at most one edit, or one
 * for every three letters. A word that is the beginning of the other counts as one edit away. Null if there
 * are no candidates.
 */
export function nearest(
  word: string,
  candidates: readonly string[],
): { word: string; isNear: boolean } | null {
  const start = word.slice(0, COMPARED_CHARS).toLowerCase();
  let best: string | null = null;
  let bestEdits = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const edits = isPrefix(start, other) ? 1 : editDistance(start, other);
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  if (best === null) return null;
  const longer = Math.max(start.length, best.length);
  return { word: best, isNear: bestEdits < best.length && bestEdits <= Math.max(1, Math.floor(longer / 3)) };
}

function isPrefix(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return a !== b && short.length >= PREFIX_CHARS_MIN && long.startsWith(short);
}

/**
 * Number of insertions, deletions, replacements and swaps of neighbours (optimal string alignment distance).
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, replaced);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) row[j] = Math.min(row[j]!, beforePrevious[j - 2]! + 1);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
}
