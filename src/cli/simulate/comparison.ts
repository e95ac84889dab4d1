/** The figures of two runs side by side, as text: a line for each figure, a column for each run. */
import { formatBitsPerSecShort } from '../../base/units.ts';
import { type Figures, figuresOf, type QueueFigures } from '../../sim/report/figures.ts';
import { millisecondsText } from './columns.ts';
import type { RunView } from './run-view.ts';
import { type Cell, renderCells, type Style } from './style.ts';

export const RUN_NAMES = ['A', 'B'];

/** Empty for one run. A figure that neither run has is left out. */
export function comparison(runs: readonly RunView[], style: Style): string {
  if (runs.length < 2) return '';
  const figures = runs.map(({ report }) => figuresOf(report));
  const hasTcp = figures.some(({ goodputBitsPerSecond }) => goodputBitsPerSecond > 0);
  const paths = new Set(figures.flatMap(({ queues }) => queues.map(({ path }) => path)));
  const lines = [
    ...(hasTcp ? tcpLines(figures) : []),
    ...[...paths].flatMap((path) => queueLines(figures, path)),
  ];
  const head: Cell[] = [
    { text: 'figure', align: 'left', paint: style.bold },
    ...runs.map((_, r) => ({ text: RUN_NAMES[r], paint: style.runs[r] })),
  ];
  return renderCells([
    head,
    ...lines.map(([title, ...texts]) => [
      { text: title, align: 'left' as const },
      ...texts.map((text) => ({ text })),
    ]),
  ]);
}

function tcpLines(figures: readonly Figures[]): string[][] {
  const lines = [
    [
      'goodput of TCP',
      ...figures.map(({ goodputBitsPerSecond }) => formatBitsPerSecShort(goodputBitsPerSecond)),
    ],
    ['sent again', ...figures.map(({ retransmits }) => String(retransmits))],
    [
      '  of what arrived',
      ...figures.map(({ retransmittedShare }) => `${(100 * retransmittedShare).toFixed(2)} %`),
    ],
  ];
  if (figures.every(({ jain }) => jain === null)) return lines;
  return [...lines, ['fairness (Jain)', ...figures.map(({ jain }) => jain?.toFixed(3) ?? '-')]];
}

function queueLines(figures: readonly Figures[], path: string): string[][] {
  const own = figures.map(({ queues }) => queues.find((queue) => queue.path === path));
  const texts = (pick: (queue: QueueFigures) => number): string[] =>
    own.map((queue) => (queue === undefined ? '-' : millisecondsText(pick(queue))));
  return [
    [`queue of ${path}, p50`, ...texts(({ p50Milliseconds }) => p50Milliseconds)],
    [`queue of ${path}, p99`, ...texts(({ p99Milliseconds }) => p99Milliseconds)],
  ];
}
