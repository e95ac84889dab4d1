/** Tables that fit: columns that find no room are left out, the least important ones first. */
import { printable } from '../../base/printable.ts';
import { type Align, cellsOf, fitted, type Line, type Span, type Style, span } from './cells.ts';

export interface Column<Row> {
  readonly heading: string;
  /** Cells that it needs, and those that it can use. */
  readonly cells: number;
  readonly cellsMax?: number;
  /** Columns of a lower rank stay longer. */
  readonly rank: number;
  readonly align: Align;
  /** The text, or spans that are exactly `cells` wide. */
  readonly cell: (row: Row, cells: number) => string | Line;
  /** The sort that this column shows, so that its heading is marked. */
  readonly sort?: string;
}

export interface Placed<Row> {
  readonly column: Column<Row>;
  readonly cells: number;
}

const GAP = 1;

/** The columns that have room, with the cells of each. */
export function place<Row>(columns: readonly Column<Row>[], cells: number): Placed<Row>[] {
  const byRank = columns.toSorted((a, b) => a.rank - b.rank);
  const kept: Column<Row>[] = [];
  let room = cells + GAP;
  for (const column of byRank) {
    const needed = column.cells + GAP;
    if (needed > room && kept.length > 0) break;
    kept.push(column);
    room -= needed;
  }
  const extra = new Map<Column<Row>, number>();
  for (const column of kept) {
    const more = Math.max(0, Math.min(room, (column.cellsMax ?? column.cells) - column.cells));
    extra.set(column, more);
    room -= more;
  }
  return columns
    .filter((column) => kept.includes(column))
    .map((column) => ({ column, cells: Math.min(cells, column.cells + extra.get(column)!) }));
}

/** The headings; that of the sort has a mark. */
export function headingLine<Row>(placed: readonly Placed<Row>[], sort: string): Line {
  const text = placed.map(({ column, cells }) => {
    const isSorted = column.sort === sort;
    // A heading gives way to the mark when its column has room for only one of them.
    const heading = isSorted ? `${column.heading.slice(0, Math.max(0, cells - 1))}*` : column.heading;
    return fitted(heading, cells, column.align);
  });
  return [span(text.join(' '), 'bold')];
}

export function rowLine<Row>(placed: readonly Placed<Row>[], row: Row, style: Style): Line {
  return placed.flatMap(({ column, cells }, i): Span[] => {
    const content = column.cell(row, cells);
    const spans =
      typeof content === 'string'
        ? [span(fitted(content, cells, column.align), style)]
        : // The row with the cursor has one style from end to end.
          content.map((part) => (style === 'inverse' ? span(part.text, style) : part));
    return i === 0 ? spans : [span(' '.repeat(GAP), style), ...spans];
  });
}

/** The widest of some texts, for cellsMax. */
export function widest(texts: readonly string[], least: number): number {
  return texts.reduce((most, text) => Math.max(most, cellsOf(printable(text))), least);
}
