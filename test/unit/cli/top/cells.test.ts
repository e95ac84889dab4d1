import { describe, expect, test } from 'vitest';
import { cellsOf, clip, fitted, lineCells, span, textOf, wrap } from '../../../../src/cli/top/cells.ts';
import { edited, editedText, type Key, lineEdit } from '../../../../src/cli/top/line-edit.ts';
import { encodeLine, paint } from '../../../../src/cli/top/paint.ts';
import { place } from '../../../../src/cli/top/table.ts';

test.each([
  ['abc', 3],
  ['漢字', 4],
  ['ｱｲ', 2],
  ['Ａ', 2],
  ['e\u0301', 1],
  ['👍', 2],
  ['한', 2],
  ['é', 1],
])('%s takes %i cells', (text, cells) => {
  expect(cellsOf(text)).toBe(cells);
});

test('text is cut and filled by cells, and controls are shown', () => {
  expect(fitted('abc', 5)).toBe('abc  ');
  expect(fitted('abc', 5, 'right')).toBe('  abc');
  expect(fitted('abcdef', 4)).toBe('abc~');
  expect(fitted('漢字漢', 4)).toBe('漢~ ');
  expect(fitted('abc', 0)).toBe('');
  expect(fitted('a\x1b[2J', 20)).toBe('a\\x1b[2J            ');
  expect(textOf(clip([span('ab\n'), span('漢漢')], 8))).toBe('ab\\x0a漢');
  expect(wrap('one two  threeeeeee', 7)).toEqual(['one two', '', 'threee~'].filter(Boolean));
});

describe('encodeLine', () => {
  test('says the column again after characters whose width terminals disagree on', () => {
    expect(encodeLine([span('a漢b'), span('c')], true)).toBe('a漢\x1b[4Gbc');
  });
  test('has colours only where they are wanted', () => {
    expect(encodeLine([span('a', 'good')], true)).toBe('\x1b[32ma\x1b[0m');
    expect(encodeLine([span('a', 'good')], false)).toBe('a');
    expect(encodeLine([span('a', 'inverse')], false)).toBe('\x1b[7ma\x1b[0m');
  });
});

test('paint writes the lines that have changed, or all of them', () => {
  expect(paint(['a', 'b', 'c'], ['a', 'x', 'c'])).toBe('\x1b[2;1H\x1b[2Kx');
  expect(paint(['a'], ['a'])).toBe('');
  expect(paint(null, ['a'])).toBe('\x1b[0m\x1b[2J\x1b[1;1H\x1b[2Ka');
});

test('columns of a higher rank go first, and room goes to those that can use it', () => {
  const column = (rank: number, cells: number, cellsMax = cells) => {
    const heading = String(rank);
    return { heading, cells, cellsMax, rank, align: 'left', cell: () => '' } as const;
  };
  const columns = [column(2, 5), column(0, 5, 9), column(1, 5)];
  const shown = (cells: number) => place(columns, cells).map((one) => [one.column.rank, one.cells]);
  expect(shown(17)).toEqual([
    [2, 5],
    [0, 5],
    [1, 5],
  ]);
  expect(shown(16)).toEqual(
    [
      [0, 9],
      [1, 5],
    ].map(([rank, cells]) => [rank, rank === 0 ? 9 : cells]),
  );
  expect(shown(11)).toEqual([
    [0, 5],
    [1, 5],
  ]);
  expect(shown(3)).toEqual([[0, 3]]);
  expect(lineCells([span('ab'), span('漢')])).toBe(4);
});

describe('a line of text that is typed', () => {
  const typed = (text: string, ...keys: Key[]): string => {
    const line = keys.reduce(edited, lineEdit(text));
    return `${line.characters.slice(0, line.at).join('')}|${line.characters.slice(line.at).join('')}`;
  };
  const ctrl = (name: string): Key => ({ name, ctrl: true });
  test('takes letters, also wide ones, and no controls', () => {
    expect(typed('ab', { name: 'left' }, { text: '漢' }, { text: '\x07' }, { text: '\x1b' })).toBe('a漢|b');
    expect(typed('', { text: '👍' }, { name: 'backspace' })).toBe('|');
  });
  test('moves and deletes', () => {
    expect(typed('a b c', ctrl('w'))).toBe('a b |');
    expect(typed('a b c', ctrl('a'), { name: 'delete' }, ctrl('e'))).toBe(' b c|');
    expect(typed('a b c', { name: 'left' }, ctrl('u'))).toBe('|c');
    expect(typed('abc', { name: 'home' }, { name: 'right' }, ctrl('k'))).toBe('a|');
    expect(typed('a', { name: 'home' }, { name: 'backspace' }, { name: 'left' })).toBe('|a');
  });
  test('ends somewhere', () => {
    const line = Array.from({ length: 300 }).reduce<ReturnType<typeof lineEdit>>(
      (now) => edited(now, { text: 'x' }),
      lineEdit(),
    );
    expect(editedText(line)).toHaveLength(200);
  });
});
