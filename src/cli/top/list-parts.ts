/** What all lists of `top` have. */
import type { Column } from './table.ts';

export interface List<Row> {
  readonly rows: readonly Row[];
  readonly nameOf: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
  /** Shown instead of rows if there are none. */
  readonly empty: string;
  /** What one should know of it beside the rows. */
  readonly note: string;
}

export function emptyText(what: string, filter: string, error: string): string {
  if (error !== '') return error;
  return filter === '' ? `no ${what}` : `no ${what} that contain ${filter} (Esc shows all)`;
}

export function numberColumn<Row>(
  heading: string,
  cells: number,
  rank: number,
  cell: (row: Row) => string,
  sort = '',
): Column<Row> {
  return { heading, cells, rank, align: 'right', cell, sort };
}

/** Said if the instance knows more of them than it was asked for. */
export function moreText(told: readonly unknown[] = [], total = 0): string {
  return total > told.length ? `the first ${told.length} of ${total}` : '';
}

export function contains(filter: string, texts: readonly string[]): boolean {
  const wanted = filter.toLowerCase();
  return texts.some((text) => text.toLowerCase().includes(wanted));
}
