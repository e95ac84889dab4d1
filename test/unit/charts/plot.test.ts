import { expect, it } from 'vitest';
import { foldMeans, niceTop, textPlot } from '../../../src/charts/plot.ts';

const MBIT = { name: 'Mbit/s', factor: 1e6 };
const plain = (text: string): string => text;

it('a top has few digits and is not much above the highest value', () => {
  expect([0, 1, 1.1, 2.1, 17, 900, 0.03].map(niceTop)).toEqual([1, 1, 1.2, 2.5, 20, 1000, 0.03]);
});

it('many values become means of those that are known; few values become wide', () => {
  expect([...foldMeans([1, 3, 5, Number.NaN, Number.NaN, Number.NaN], 3)]).toEqual([2, 5, Number.NaN]);
  expect([...foldMeans([1, 3], 6)]).toEqual([1, 1, 1, 3, 3, 3]);
  // Two thirds of the first value and one third of the second, and so on.
  const [first, second] = foldMeans([3, 6, 9], 2);
  expect([first, second]).toEqual([4, 8]);
});

it('draws blocks over an axis with a gap where nothing is known', () => {
  const values = [0, 1e6, 2e6, 4e6, Number.NaN, Number.NaN, 1000, 0];
  const ticks = [
    { share: 0, label: '10' },
    { share: 0.5, label: '12' },
    { share: 0.9, label: 'no room' },
  ];
  expect(textPlot(values, { columns: 11, rows: 4, unit: MBIT, ticks, paint: plain })).toEqual([
    '4 ┤   █',
    '  │   █',
    '2 ┤  ██',
    '  │ ███  ▁',
    '0 ┼┬───╷ ─┬',
    '   10  12',
  ]);
});

it('every block is within the width, whatever the labels are', () => {
  for (let columns = 40; columns < 60; columns++) {
    const values = Float64Array.from({ length: 333 }, (_, i) => 1e9 * Math.abs(Math.sin(i)));
    const lines = textPlot(values, { columns, rows: 8, unit: MBIT, ticks: [], paint: plain });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines).toHaveLength(10);
  }
});
