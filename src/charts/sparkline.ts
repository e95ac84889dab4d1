/** Sparklines: a curve in one line of text. */
const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** The value that a column shows for the samples that fall into it. */
export type Fold = 'mean' | 'max';

/**
 * Draws `width` columns. A full block means `top`, a blank means 0, the lowest block any small value above 0.
 */
export function sparkline(values: Float64Array, width: number, top: number, fold: Fold): string {
  return columnsOf(values, width, fold)
    .map((value) => {
      if (value <= 0 || top <= 0) return ' ';
      return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor((value / top) * BLOCKS.length))];
    })
    .join('');
}

/** The highest column value that sparkline() would draw. */
export function sparklineTop(values: Float64Array, width: number, fold: Fold): number {
  return Math.max(0, ...columnsOf(values, width, fold));
}

function columnsOf(values: Float64Array, width: number, fold: Fold): number[] {
  const columns = Math.min(width, values.length);
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns);
    const span = values.subarray(from, Math.floor(((column + 1) * values.length) / columns));
    if (fold === 'max') return span.reduce((highest, value) => Math.max(highest, value), 0);
    return span.reduce((sum, value) => sum + value, 0) / span.length;
  });
}
