/** From lines to what a terminal is told: only lines that have changed are written. */
import { cellsOf, type Line, type Style } from './cells.ts';

const ESC = '\x1b[';

const COLOURED: Readonly<Record<Style, string>> = {
  ...{ plain: '', dim: '2', bold: '1', inverse: '7' },
  ...{ good: '32', busy: '33', full: '1;31' },
};
/** no-color.org: no colours, but bold and inverse are none. */
const COLOURLESS: Readonly<Record<Style, string>> = { ...COLOURED, good: '', busy: '', full: '1' };

/**
 * A line as a terminal takes it, from its first column on. Terminals disagree on the width of some
 * characters, so after those the column is said again.
 */
export function encodeLine(line: Line, hasColor: boolean): string {
  const codes = hasColor ? COLOURED : COLOURLESS;
  let column = 1;
  let encoded = '';
  for (const { text, style } of line) {
    const code = codes[style];
    if (code !== '') encoded += `${ESC}${code}m`;
    for (const part of text.split(/([^\x20-\x7e]+)/)) {
      if (part === '') continue;
      column += cellsOf(part);
      encoded += /^[\x20-\x7e]/.test(part) ? part : `${part}${ESC}${column}G`;
    }
    if (code !== '') encoded += `${ESC}0m`;
  }
  return encoded;
}

/** What makes the screen show the lines, if it shows `before` now. null: nobody knows what it shows. */
export function paint(before: readonly string[] | null, lines: readonly string[]): string {
  const changed = lines.map((line, i) =>
    before === null || before[i] !== line ? `${ESC}${i + 1};1H${ESC}2K${line}` : '',
  );
  return (before === null ? `${ESC}0m${ESC}2J` : '') + changed.join('');
}
