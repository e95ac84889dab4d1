/** Colours of a terminal, or none. Widths are counted before colours are added. */
import { joinColumns, padColumns } from '../../base/text-columns.ts';

export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly trouble: Paint;
  /** Colours of the first and of the second run. */
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
  /** The default is right. */
  readonly align?: 'left' | 'right';
}

/** Joins cells to lines. Columns are as wide as their widest cell; a line ends with its last cell. */
export function renderCells(rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((cells) => cells.map(({ text }) => text));
  const padded = padColumns(texts, (column, row) => rows[row][column].align === 'left');
  return joinColumns(
    rows.map((cells, row) =>
      // Only the text is replaced, so that no colour code is cut at the end of a line.
      cells.map(({ text, paint = plain }, column) => padded[row][column].replace(text, () => paint(text))),
    ),
  );
}
