/** Colours of a terminal, or none. Widths are counted before painting. */
export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly trouble: Paint;
  /** One per run: the first, the second. */
  readonly runs: readonly Paint[];
}

const plain: Paint = (text) => text;
const sgr =
  (code: number): Paint =>
  (text) =>
    text === '' ? '' : `\x1b[${code}m${text}\x1b[0m`;

export function styleOf(hasColor: boolean): Style {
  if (!hasColor) return { bold: plain, dim: plain, trouble: plain, runs: [plain, plain] };
  return { bold: sgr(1), dim: sgr(2), trouble: sgr(31), runs: [sgr(36), sgr(35)] };
}

export interface Cell {
  readonly text: string;
  readonly paint?: Paint;
  /** Default: right. */
  readonly align?: 'left' | 'right';
}

/** Columns are as wide as their widest cell; lines end where their last cell does. */
export function renderCells(rows: readonly (readonly Cell[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column].text.length)));
  const line = (row: readonly Cell[]): string => {
    const last = row.findLastIndex(({ text }) => text !== '');
    return row
      .slice(0, last + 1)
      .map(({ text, paint = plain, align }, column) => {
        const space = ' '.repeat(widths[column] - text.length);
        return align === 'left' ? paint(text) + (column < last ? space : '') : space + paint(text);
      })
      .join('  ');
  };
  return rows.map(line).join('\n');
}
