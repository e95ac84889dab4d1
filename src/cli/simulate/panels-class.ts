/** Panels of a direction's classes: throughput, delay over time and as a distribution, drops and CE marks. */
import { formatBitsPerSecShort } from '../../base/units.ts';
import { linearAxis, rateUnit } from '../../charts/axis.ts';
import { area, bars, chart, type Frame, HALF_WIDTH, notice, remark, threshold } from '../../charts/chart.ts';
import { type Choice, choose, REST_COLOR } from '../../charts/palette.ts';
import type { LegendEntry } from '../page/document.ts';
import { divided, largest, type Panel, stacked, summed, timeAxis } from './panel.ts';
import { DELAY_MIN_MS, delayPanel, distributionPanel } from './panels-delay.ts';
import { type ClassView, leavesOf, type RunView } from './run-view.ts';

/** The axis ends this much above the highest value. */
const HEADROOM = 1.05;
/** Number of bars in the chart of drops. */
const BARS = 60;

const REASONS = [
  { key: 'tail', name: 'tail: the queue was full', color: 'var(--hue-6)' },
  { key: 'early', name: 'early: RED', color: 'var(--hue-3)' },
  { key: 'police', name: 'police: over a rate', color: 'var(--hue-5)' },
  { key: 'aqm', name: 'aqm: CoDel, PIE', color: 'var(--hue-2)' },
  { key: 'module', name: 'module: before the class', color: 'var(--hue-4)' },
] as const;
const MARK_COLOR = 'var(--hue-1)';

export function classPanels(runs: readonly RunView[], directionPath: string): Panel[] {
  const leaves = runs.map((run) => leavesOf(run, directionPath));
  const choice = choose(
    leaves,
    ({ path }) => path,
    ({ report }) => report.throughputBitsPerSecond,
  );
  return [
    throughputPanel(runs, choice, directionPath),
    ...(leaves.flat().some(waited) ? [delayPanel(runs, choice), distributionPanel(runs, choice)] : []),
    ...(leaves.flat().some(signalled) ? [dropsPanel(runs, leaves)] : []),
  ];
}

/** Says in words which panels have nothing to show. */
export function quietText(runs: readonly RunView[], directionPath: string): string {
  const leaves = runs.flatMap((run) => leavesOf(run, directionPath));
  return [
    ...(leaves.some(waited) ? [] : ['nothing waited']),
    ...(leaves.some(signalled) ? [] : ['nothing was dropped or marked']),
  ].join(', ');
}

function waited({ report }: ClassView): boolean {
  return report.delayMilliseconds.max >= DELAY_MIN_MS;
}

function signalled({ report }: ClassView): boolean {
  return report.dropped + report.marked > 0;
}

function legendOf(
  choice: Choice<ClassView>,
  shape: LegendEntry['shape'],
  directionPath: string,
): LegendEntry[] {
  const shown = choice.shown.map(({ name, color }) => ({
    name: name.slice(directionPath.length + 1) || name,
    color,
    shape,
  }));
  return choice.rest.some((items) => items.length > 0)
    ? [...shown, { name: 'all others', color: REST_COLOR, shape }]
    : shown;
}

/** The series of a leaf; only leaves have one. */
function throughputOf(leaf: ClassView | null, length: number): Float64Array {
  return leaf?.series?.throughputBitsPerSecond ?? new Float64Array(length);
}

function throughputPanel(runs: readonly RunView[], choice: Choice<ClassView>, directionPath: string): Panel {
  const stacks = runs.map((run, r) => {
    const samples = run.series.timesSeconds.length;
    const layers = choice.shown.map(({ items }) => throughputOf(items[r], samples));
    const rest = choice.rest[r].map((leaf) => throughputOf(leaf, samples));
    return rest.length > 0 ? [...layers, summed(rest, samples)] : layers;
  });
  const ceils = runs.map(
    (run) => run.classes.find(({ path }) => path === directionPath)?.ceilBitsPerSecond ?? 0,
  );
  const tops = stacks.map((layers, r) => summed(layers, runs[r].series.timesSeconds.length));
  const unit = rateUnit(largest([...tops, ceils]));
  const frame: Frame = {
    width: HALF_WIDTH,
    x: timeAxis(runs),
    y: linearAxis((HEADROOM * largest([...tops, ceils])) / unit.factor, unit.name, 'exact'),
  };
  const legend = legendOf(choice, 'fill', directionPath);
  const figures = runs.map((run, r) => {
    const { timesSeconds } = run.series;
    const layers = stacks[r].map((values) => divided(values, unit.factor));
    const levels = stacked(layers, timesSeconds.length);
    const color = (i: number): string => choice.shown[i]?.color ?? REST_COLOR;
    return chart(
      frame,
      `${run.configuration}: throughput of the classes of ${directionPath} over time`,
      [
        ...layers.map((_, i) => area(frame, timesSeconds, levels[i], levels[i + 1], color(i))),
        ...(ceils[r] > 0
          ? [threshold(frame, ceils[r] / unit.factor, `ceil ${formatBitsPerSecShort(ceils[r])}`)]
          : [remark('not shaped')]),
      ],
      {
        at: Array.from(timesSeconds),
        unit: 's',
        series: [
          ...layers.map((values, i) => ({
            name: legend[i].name,
            color: color(i),
            unit: unit.name,
            values,
          })),
          { name: 'together', color: 'transparent', unit: unit.name, values: levels[layers.length] },
        ],
      },
    );
  });
  return { title: 'Throughput', about: 'IP bits, stacked by class', legend, figures };
}

/** Sums of neighbouring samples, each from one entry of `ends` to the next. */
function perBar(values: Float64Array, ends: readonly number[]): Float64Array {
  return Float64Array.from(ends, (end, i) =>
    values.subarray(i > 0 ? ends[i - 1] : 0, end).reduce((total, value) => total + value, 0),
  );
}

/** For every bar, the number of samples before its end. */
function barEnds(samples: number): number[] {
  const count = Math.min(BARS, samples);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 1) * samples) / count));
}

function dropsPanel(runs: readonly RunView[], leaves: readonly (readonly ClassView[])[]): Panel {
  const columns = runs.map(({ series: { timesSeconds } }, r) => {
    const ends = barEnds(timesSeconds.length);
    const sumOf = (pick: (leaf: ClassView) => Float64Array | undefined): Float64Array => {
      const lists = leaves[r].map(pick).filter((values) => values !== undefined);
      return perBar(summed(lists, timesSeconds.length), ends);
    };
    return {
      edges: [0, ...ends.map((end) => timesSeconds[end - 1])],
      kinds: [
        ...REASONS.map(({ key, name, color }) => ({
          name,
          color,
          values: sumOf((leaf) => leaf.series?.dropped[key]),
        })),
        {
          name: 'marked (ECN), not dropped',
          color: MARK_COLOR,
          values: sumOf((leaf) => leaf.series?.marked),
        },
      ].filter(({ values }) => values.some((value) => value > 0)),
    };
  });
  const tops = columns.map(({ kinds, edges }) =>
    summed(
      kinds.map(({ values }) => values),
      edges.length - 1,
    ),
  );
  const frame: Frame = {
    width: HALF_WIDTH,
    x: timeAxis(runs),
    y: linearAxis(largest(tops, 1), 'packets', 'tick'),
  };
  const figures = columns.map(({ edges, kinds }, r) => {
    const levels = stacked(
      kinds.map(({ values }) => values),
      edges.length - 1,
    );
    const layers = kinds.map(({ color }, i) => bars(frame, edges, levels[i], levels[i + 1], color));
    return chart(
      frame,
      `${runs[r].configuration}: drops and marks over time, by reason`,
      kinds.length > 0 ? layers : [notice(frame, 'nothing was dropped or marked')],
      {
        at: edges.slice(1).map((edge, i) => (edge + edges[i]) / 2),
        unit: 's',
        series: kinds.map((kind) => ({ ...kind, unit: '' })),
      },
    );
  });
  const used = [...REASONS, { name: 'marked (ECN), not dropped', color: MARK_COLOR }].filter(({ name }) =>
    columns.some(({ kinds }) => kinds.some((kind) => kind.name === name)),
  );
  return {
    title: 'Drops and marks',
    about: `of all classes of the direction, by reason; ${BARS} bars over the run`,
    legend: used.map(({ name, color }) => ({ name, color, shape: 'fill' as const })),
    figures,
  };
}
