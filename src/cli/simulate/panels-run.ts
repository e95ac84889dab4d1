/** Panels of a run: RED's average queue, and TCP's congestion windows. */
import { bytesUnit, linearAxis } from '../../charts/axis.ts';
import {
  chart,
  type Frame,
  HALF_WIDTH,
  type HoverSeries,
  line,
  notice,
  remark,
  threshold,
  WIDE_WIDTH,
} from '../../charts/chart.ts';
import { choose, REST_COLOR } from '../../charts/palette.ts';
import type { LegendEntry } from '../page/document.ts';
import { divided, largest, type Panel, timeAxis } from './panel.ts';
import { type ClassView, type RunView, shortName } from './run-view.ts';
import { afterWarmUp, synchronisation } from './windows.ts';

const AVERAGE_COLOR = 'var(--hue-1)';
const QUEUE_COLOR = REST_COLOR;
/** The axis ends this much above the highest window. */
const HEADROOM = 1.1;

/** Width of the figures: a single run has the whole page. */
function widthFor(runs: readonly RunView[]): number {
  return runs.length > 1 ? HALF_WIDTH : WIDE_WIDTH;
}

/**
 * One panel per class that has RED and packets in any run. The other run shows its queue on the same scale.
 */
export function redPanels(runs: readonly RunView[], directionPath: string): Panel[] {
  const paths = new Set(
    runs.flatMap(({ classes }) =>
      classes
        .filter(
          (leaf) =>
            leaf.red && leaf.directionPath === directionPath && leaf.report.throughputBitsPerSecond > 0,
        )
        .map(({ path }) => path),
    ),
  );
  return [...paths].map((path) =>
    redPanel(
      runs,
      path,
      runs.map(({ classes }) => classes.find((leaf) => leaf.path === path) ?? null),
    ),
  );
}

function redPanel(runs: readonly RunView[], path: string, leaves: readonly (ClassView | null)[]): Panel {
  const queues = leaves.map((leaf) => leaf?.series?.backlogBytes ?? new Float64Array());
  const averages = leaves.map((leaf) => leaf?.red?.averageBytes ?? new Float64Array());
  const marks = leaves.flatMap((leaf) => leaf?.red?.thresholds.map(({ maxBytes }) => maxBytes) ?? []);
  const top = largest([...queues, ...averages, marks]);
  const unit = bytesUnit(top);
  const frame: Frame = {
    width: widthFor(runs),
    x: timeAxis(runs),
    y: linearAxis(top / unit.factor, unit.name, 'tick'),
  };
  const figures = runs.map((run, r) => {
    const { timesSeconds } = run.series;
    const leaf = leaves[r];
    const label = `${run.configuration}: queue of ${path} and its average over time`;
    if (!leaf)
      return chart(frame, label, [notice(frame, 'no such class')], { at: [], unit: 's', series: [] });
    const queue = divided(queues[r], unit.factor);
    const layers = [line(frame, timesSeconds, queue, QUEUE_COLOR, 'line thin')];
    const series: HoverSeries[] = [{ name: 'queue', color: QUEUE_COLOR, unit: unit.name, values: queue }];
    if (leaf.red) {
      const average = divided(averages[r], unit.factor);
      layers.push(
        ...thresholds(frame, leaf.red, unit.factor, top),
        line(frame, timesSeconds, average, AVERAGE_COLOR),
      );
      series.push({ name: 'average', color: AVERAGE_COLOR, unit: unit.name, values: average });
    } else layers.push(remark('no RED here'));
    return chart(frame, label, layers, { at: Array.from(timesSeconds), unit: 's', series });
  });
  return {
    title: `RED in ${shortName(path)}`,
    about: 'average queue against its thresholds; it drops or marks from min on',
    legend: [
      { name: 'average', color: AVERAGE_COLOR, shape: 'line' },
      { name: 'queue', color: QUEUE_COLOR, shape: 'thin' },
    ],
    figures,
    isWide: true,
  };
}

function thresholds(
  frame: Frame,
  { thresholds: profiles, gentle }: NonNullable<ClassView['red']>,
  factor: number,
  topBytes: number,
): string[] {
  return profiles.flatMap(({ minBytes, maxBytes }) => [
    threshold(frame, minBytes / factor, 'min'),
    threshold(frame, maxBytes / factor, gentle ? 'max' : 'max: all are dropped'),
    ...(gentle && 2 * maxBytes <= topBytes
      ? [threshold(frame, (2 * maxBytes) / factor, 'twice max: all are dropped')]
      : []),
  ]);
}

/** Returns null if no TCP flow has a name of its own. */
export function windowsPanel(runs: readonly RunView[]): Panel | null {
  const choice = choose(
    runs.map(({ series }) => series.flows),
    ({ name }) => name,
    ({ throughputBitsPerSecond }) => throughputBitsPerSecond.reduce((sum, value) => sum + value, 0),
  );
  if (choice.shown.length === 0) return null;
  const windows = runs.flatMap(({ series }) => series.flows.map(({ cwnd }) => cwnd));
  // Slow start opens windows so far that the rest of the curve would lie flat on the axis.
  const top = HEADROOM * largest(windows.map(afterWarmUp), 1);
  const frame: Frame = { width: widthFor(runs), x: timeAxis(runs), y: linearAxis(top, 'segments', 'tick') };
  const figures = runs.map((run, r) => {
    const { timesSeconds } = run.series;
    const open = (cwnd: Float64Array): Float64Array => cwnd.map((value) => (value > 0 ? value : Number.NaN));
    const named = choice.shown.flatMap(({ name, color, items }) => {
      const flow = items[r];
      return flow ? [{ name, color, unit: '', values: open(flow.cwnd) }] : [];
    });
    return chart(
      frame,
      `${run.configuration}: congestion windows over time`,
      [
        ...choice.rest[r].map(({ cwnd }) => line(frame, timesSeconds, open(cwnd), REST_COLOR, 'line faint')),
        ...named.map(({ values, color }) => line(frame, timesSeconds, values, color, 'line thin')),
      ],
      { at: Array.from(timesSeconds), unit: 's', series: named },
    );
  });
  const legend: LegendEntry[] = choice.shown.map(({ name, color }) => ({ name, color, shape: 'line' }));
  if (choice.rest.some((flows) => flows.length > 0))
    legend.push({ name: 'others', color: REST_COLOR, shape: 'thin' });
  return {
    title: 'Congestion windows',
    about: windowsAbout(runs, largest(windows), top),
    legend,
    figures,
    isWide: true,
  };
}

function windowsAbout(runs: readonly RunView[], highest: number, top: number): string {
  const found = runs.map(({ series }) => synchronisation(series)?.correlation.toFixed(2) ?? '–');
  return [
    'of TCP flows',
    ...(found.every((text) => text === '–') ? [] : [`mean pairwise correlation ${found.join(' and ')}`]),
    ...(highest > top ? [`the first rise goes up to ${Math.round(highest)}`] : []),
  ].join('; ');
}
