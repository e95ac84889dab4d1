/** How long packets stay in the classes of a direction: over time, and as a distribution. */
import { HISTOGRAM_BINS, histogramBinStart } from '../../base/histogram.ts';
import { type Axis, linearAxis, logAxis } from '../../charts/axis.ts';
import { chart, type Frame, HALF_WIDTH, type HoverSeries, line } from '../../charts/chart.ts';
import type { Choice } from '../../charts/palette.ts';
import type { LegendEntry } from '../page/document.ts';
import { largest, type Panel, timeAxis } from './panel.ts';
import { type ClassView, type RunView, shortName } from './run-view.ts';

/** A delay below this counts as none, because no packet waits for less. */
export const DELAY_MIN_MS = 0.01;
/** If the delays of two classes differ by more than this factor, the scale is logarithmic. */
const LINEAR_RATIO_MAX = 10;

function linesOf(choice: Choice<ClassView>): LegendEntry[] {
  return choice.shown.map(({ name, color }) => ({ name: shortName(name), color, shape: 'line' }));
}

/** The axis of delays: logarithmic if one class waits much longer than another. */
function delayAxis(choice: Choice<ClassView>, topMs: number): Axis {
  const p99s = choice.shown
    .flatMap(({ items }) => items.map((item) => item?.report.delayMilliseconds.p99 ?? 0))
    .filter((p99) => p99 > 0);
  return Math.max(...p99s) > LINEAR_RATIO_MAX * Math.min(...p99s)
    ? logAxis(0.1, topMs, 'ms, logarithmic')
    : linearAxis(topMs, 'ms', 'tick');
}

/** The curve of delays, with gaps where no packet left. */
function shownDelay(values: Float64Array, packets: Float64Array): Float64Array {
  return values.map((value, i) => (packets[i] > 0 ? Math.max(DELAY_MIN_MS, value) : Number.NaN));
}

export function delayPanel(runs: readonly RunView[], choice: Choice<ClassView>): Panel {
  const all = runs.flatMap((_, r) =>
    choice.shown.map(({ items }) => items[r]?.series?.delayP99Milliseconds ?? []),
  );
  const frame: Frame = { width: HALF_WIDTH, x: timeAxis(runs), y: delayAxis(choice, largest(all, 0.1)) };
  const figures = runs.map((run, r) => {
    const { timesSeconds } = run.series;
    const layers: string[] = [];
    const series: HoverSeries[] = [];
    for (const { name, color, items } of choice.shown) {
      const own = items[r]?.series;
      if (!own) continue;
      const p50 = shownDelay(own.delayP50Milliseconds, own.throughputBitsPerSecond);
      const p99 = shownDelay(own.delayP99Milliseconds, own.throughputBitsPerSecond);
      layers.push(line(frame, timesSeconds, p50, color, 'line thin'), line(frame, timesSeconds, p99, color));
      series.push({ name: `${shortName(name)} p50`, color, unit: 'ms', values: p50 });
      series.push({ name: `${shortName(name)} p99`, color, unit: 'ms', values: p99 });
    }
    return chart(frame, `${run.configuration}: delay of the classes over time`, layers, {
      at: Array.from(timesSeconds),
      unit: 's',
      series,
    });
  });
  return {
    title: 'Queueing delay',
    about: 'thick: 99 % of the packets that left waited less; thin: half of them did',
    legend: linesOf(choice),
    figures,
  };
}

/**
 * Upper ends of the histogram's bins in milliseconds, from the first delay that counts to the last bin in
 * use.
 */
function binEnds(leaves: readonly ClassView[]): number[] {
  const last = Math.max(
    0,
    ...leaves.map(({ delayCounts }) => delayCounts.findLastIndex((count) => count > 0)),
  );
  return Array.from({ length: HISTOGRAM_BINS - 1 }, (_, b) => histogramBinStart(b + 1) / 1e3).filter(
    (end, b) => end >= DELAY_MIN_MS && b <= last + 1,
  );
}

/** For each entry of `ends`, the per cent of packets that waited at most so long. */
export function cumulative(counts: Float64Array, ends: readonly number[]): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const shares = new Float64Array(ends.length);
  let seen = 0;
  let b = 0;
  for (const [i, end] of ends.entries()) {
    for (; b < HISTOGRAM_BINS && histogramBinStart(b + 1) / 1e3 <= end; b++) seen += counts[b];
    shares[i] = total > 0 ? (100 * seen) / total : Number.NaN;
  }
  return shares;
}

export function distributionPanel(runs: readonly RunView[], choice: Choice<ClassView>): Panel {
  const leaves = choice.shown.flatMap(({ items }) => items.filter((item) => item !== null));
  const ends = binEnds(leaves);
  const frame: Frame = {
    width: HALF_WIDTH,
    x: logAxis((ends.at(-1) ?? 1) < 10 ? DELAY_MIN_MS : 0.1, ends.at(-1) ?? 1, 'delay in ms, logarithmic'),
    y: linearAxis(100, '% of packets', 'tick'),
  };
  const figures = runs.map((run, r) => {
    const curves = choice.shown.flatMap(({ name, color, items }) => {
      const leaf = items[r];
      return leaf ? [{ name: shortName(name), color, values: cumulative(leaf.delayCounts, ends) }] : [];
    });
    return chart(
      frame,
      `${run.configuration}: distribution of the delay in the classes`,
      curves.map(({ color, values }) => line(frame, ends, values, color)),
      { at: ends, unit: 'ms', sign: '≤ ', series: curves.map((curve) => ({ ...curve, unit: '%' })) },
    );
  });
  return {
    title: 'Queueing delay, distribution',
    about: 'how many packets waited at most so long; further left is better',
    legend: linesOf(choice),
    figures,
  };
}
