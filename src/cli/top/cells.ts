/**
 * Text in the cells of a terminal. Names come from others, so every character that is not shown as itself is
 * escaped, and wide characters take two cells.
 */
import { printable } from '../../base/printable.ts';

export type Style = 'plain' | 'dim' | 'bold' | 'inverse' | 'good' | 'busy' | 'full';

export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** From left to right. */
export type Line = readonly Span[];

export type Align = 'left' | 'right';

const NARROW = /^[\x20-\x7e]*$/;
const ZERO = /^[\p{Mn}\p{Me}]$/u;
/** Katakana of half the width, which the scripts below include. */
const HALF = /^[\uff61-\uffdc]$/u;
const WIDE =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u;

/** What cut text ends with. */
const CUT = '~';

export function span(text: string, style: Style = 'plain'): Span {
  return { text, style };
}

/** Cells of printable text, as most terminals show it. */
export function cellsOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  let cells = 0;
  for (const character of text) cells += cellsOfCharacter(character);
  return cells;
}

function cellsOfCharacter(character: string): number {
  if (NARROW.test(character)) return 1;
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) && !HALF.test(character) ? 2 : 1;
}

/** The beginning that fits into so many cells. */
function cut(text: string, cells: number): string {
  if (NARROW.test(text)) return text.slice(0, cells);
  let taken = '';
  let room = cells;
  for (const character of text) {
    room -= cellsOfCharacter(character);
    if (room < 0) break;
    taken += character;
  }
  return taken;
}

/** The text made safe and as wide as told: filled with spaces, or cut. */
export function fitted(text: string, cells: number, align: Align = 'left'): string {
  const safe = printable(text);
  const width = cellsOf(safe);
  if (width > cells) {
    const kept = cut(safe, Math.max(0, cells - 1));
    return cells < 1 ? '' : `${kept}${CUT}${' '.repeat(cells - 1 - cellsOf(kept))}`;
  }
  const filling = ' '.repeat(cells - width);
  return align === 'left' ? safe + filling : filling + safe;
}

/** The line made safe and not wider than told. */
export function clip(line: Line, cells: number): Line {
  const kept: Span[] = [];
  let room = cells;
  for (const { text, style } of line) {
    const safe = printable(text);
    const shown = cut(safe, room);
    room -= cellsOf(shown);
    if (shown !== '') kept.push({ text: shown, style });
    if (shown.length < safe.length) break;
  }
  return kept;
}

/** The line as wide as told, for one that has a background. */
export function fill(line: Line, cells: number, style: Style): Line {
  const clipped = clip(line, cells);
  const room = cells - lineCells(clipped);
  return room > 0 ? [...clipped, span(' '.repeat(room), style)] : clipped;
}

export function lineCells(line: Line): number {
  return line.reduce((sum, { text }) => sum + cellsOf(text), 0);
}

export function textOf(line: Line): string {
  return line.map(({ text }) => text).join('');
}

/** Words in lines that are not wider than told. A word that is wider stays on a line of its own, cut. */
export function wrap(text: string, cells: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of printable(text).split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (cellsOf(longer) <= cells) current = longer;
    else {
      if (current !== '') lines.push(current);
      current = cellsOf(word) > cells ? fitted(word, cells) : word;
    }
  }
  return [...lines, current];
}
