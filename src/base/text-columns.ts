/** Text in columns, for people. */

/** Pads every column to its widest cell. All rows must have as many cells as the first. */
export function padColumns(
  rows: readonly (readonly string[])[],
  isLeft: (column: number, row: number) => boolean,
): string[][] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  return rows.map((cells, row) =>
    cells.map((cell, column) =>
      isLeft(column, row) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    ),
  );
}

/** Between two columns. */
export const GAP = '  ';

/** Joins cells with two spaces between columns and none at the end of a line. */
export function joinColumns(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => cells.join(GAP).trimEnd()).join('\n');
}

/**
 * Rows of a name and numbers, the heading first. A name that leaves its numbers no room within `columns`
 * stands on a line of its own above them.
 */
export function namedRows(
  names: readonly string[],
  numbers: readonly (readonly string[])[],
  columns: number,
): string {
  const lines = padColumns(numbers, () => false).map((cells) => joinColumns([cells]));
  const room = columns - GAP.length - (lines[0] ?? '').length;
  const width = Math.max(0, ...names.map((name) => name.length).filter((length) => length <= room));
  const lineOf = (name: string, row: number): string => `${name.padEnd(width)}${GAP}${lines[row]!}`;
  return names
    .map((name, row) => (name.length <= width ? lineOf(name, row) : `${name}\n${lineOf('', row)}`))
    .join('\n');
}
