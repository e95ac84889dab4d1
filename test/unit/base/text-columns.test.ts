import { expect, test } from 'vitest';
import { joinColumns, padColumns } from '../../../src/base/text-columns.ts';

test('columns are as wide as their widest cell, left or right', () => {
  const rows = [
    ['name', 'n', ''],
    ['a', '100', 'x'],
  ];
  const padded = padColumns(rows, (column) => column === 0);
  expect(padded).toEqual([
    ['name', '  n', ' '],
    ['a   ', '100', 'x'],
  ]);
  expect(joinColumns(padded)).toBe('name    n\na     100  x');
  expect(padColumns(rows, (_, row) => row === 1)[1]).toEqual(['a   ', '100', 'x']);
});

test('nothing is nothing', () => {
  expect(joinColumns(padColumns([], () => true))).toBe('');
});
