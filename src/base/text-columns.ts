/** Text in columns, for people. */

/** Every column as wide as its widest cell; all rows have as many cells as the first. */
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

/** Two spaces between columns, none at the end of a line. */
export function joinColumns(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => cells.join('  ').trimEnd()).join('\n');
}
