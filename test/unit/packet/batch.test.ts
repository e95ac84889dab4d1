/** The columns in memory: every word belongs to one row of one column, in the order of the names. */
import { expect, test } from 'vitest';
import { ARRIVAL_ROWS, FAILURE_ROWS, VERDICT_ROWS } from '../../../src/limits.ts';
import { ARRIVAL_COLUMNS, createBatch, FAILURE_COLUMNS, VERDICT_COLUMNS } from '../../../src/packet/batch.ts';

test('columns fill the buffer, without gap or overlap', () => {
  const { buffer, arrivals, verdicts, failures } = createBatch();
  const words = new Uint32Array(buffer);
  const columns = [
    ...ARRIVAL_COLUMNS.map((name) => arrivals[name]),
    ...VERDICT_COLUMNS.map((name) => verdicts[name]),
    ...FAILURE_COLUMNS.map((name) => failures[name]),
  ];
  for (const [n, column] of columns.entries()) column.fill(n + 1);
  const rows = [ARRIVAL_COLUMNS, VERDICT_COLUMNS, FAILURE_COLUMNS].flatMap((names, table) =>
    names.map(() => [ARRIVAL_ROWS, VERDICT_ROWS, FAILURE_ROWS][table]!),
  );
  const expected = rows.flatMap((count, n) => new Array<number>(count).fill(n + 1));
  expect([...words]).toEqual(expected);
});
