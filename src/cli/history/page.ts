/** The history of a host as a page of one file: a day, a week and a month, beside those of the house. */
import { escapeHtml } from '../../base/escape-html.ts';
import { formatBitsPerSecShort, formatBytesShort, formatTime } from '../../base/units.ts';
import { type Axis, bytesUnit, linearAxis, rateUnit } from '../../charts/axis.ts';
import { area, blanks, chart, type Frame, HALF_WIDTH, line, notice, threshold } from '../../charts/chart.ts';
import type { HistoryReport, StandingReport } from '../../control/hosts/reports.ts';
import { htmlDocument, type LegendEntry, legendOf } from '../page/document.ts';
import { bitsPerSecond, type Series, seriesOf, slidingSums, totalsOf } from './series.ts';
import { titleOf } from './text.ts';
import { instantText, timeTicks } from './time-ticks.ts';

export interface PageSpan {
  /** The last day. */
  readonly title: string;
  readonly host: HistoryReport;
  /** null if the host is the house. */
  readonly house: HistoryReport | null;
}

/** The limits of one window of a quota, and the past from which its sums come. */
export interface PageWindow {
  readonly quota: string;
  readonly over: string;
  readonly overMs: number;
  /** How much of the past is drawn. Before it the past is one window longer. */
  readonly shownMs: number;
  readonly limits: readonly StandingReport[];
  readonly history: HistoryReport;
}

export interface PageContent {
  readonly spans: readonly PageSpan[];
  readonly windows: readonly PageWindow[];
  readonly version: string;
  readonly madeAtMs: number;
}

const TICKS = 6;
const DOWN = { name: 'down', color: 'var(--hue-1)', shape: 'fill' } as const;
const UP = { name: 'up', color: 'var(--hue-8)', shape: 'line' } as const;
const COLORS = { up: UP.color, down: DOWN.color, total: 'var(--hue-2)' } as const;
const BLANK: LegendEntry = { name: 'not known', color: 'var(--grid)', shape: 'fill' };

const NOTES =
  'Bytes are IP bytes that passed. Rates are means over the steps of the history. Where nothing is known, the program did not run ' +
  'or the store failed; sums of quotas count nothing for such time.';

export function historyPage({ spans, windows, version, madeAtMs }: PageContent): string {
  const title = titleOf(spans[0]!.host);
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p>Until ${instantText(madeAtMs)} (${escapeHtml(zone)})</p>`,
    `<div class="panels" style="margin-top:18px">${card(spans)}</div>`,
    ...spans.map((span) => section(span)),
    ...(windows.length === 0
      ? []
      : ['<h2>Quotas <small>sums over the window before each instant</small></h2>']),
    `<div class="panels">${windows.map((window) => windowPanel(window)).join('')}</div>`,
    `<footer>${NOTES}<br>nfqueue-shaper ${escapeHtml(version)}</footer>`,
  ];
  return htmlDocument(`${title} - shaper history`, body, '');
}

/** Bytes of each span. */
function card(spans: readonly PageSpan[]): string {
  const tiles = spans.flatMap(({ title, host }) => {
    const { upBytes, downBytes, stepMs } = seriesOf(host);
    return [
      [`down, ${title}`, formatBytesShort(totalsOf(downBytes, stepMs).bytes)],
      [`up, ${title}`, formatBytesShort(totalsOf(upBytes, stepMs).bytes)],
    ];
  });
  const items = tiles.map(([name, value]) => `<div><span>${escapeHtml(name!)}</span><b>${value}</b></div>`);
  return `<section class="panel card wide"><div class="tiles">${items.join('')}</div></section>`;
}

function section({ title, host, house }: PageSpan): string {
  const panels = [
    ratePanel(titleOf(host), host),
    ...(house === null ? [] : [ratePanel(titleOf(house), house)]),
  ];
  return `<h2>The ${escapeHtml(title)}</h2><div class="panels">${panels.join('')}</div>`;
}

function panel(title: string, about: string, legend: readonly LegendEntry[], figure: string): string {
  return (
    `<section class="panel"><h3>${escapeHtml(title)}</h3><p>${escapeHtml(about)}</p>` +
    `${legendOf(legend)}<div class="figures"><figure>${figure}</figure></div></section>`
  );
}

function timeAxis(fromMs: number, toMs: number): Axis {
  return {
    title: '',
    ticks: timeTicks(fromMs, toMs, TICKS).map(({ atMs, label }) => ({ value: atMs, label })),
    share: (value) => Math.min(1, Math.max(0, (value - fromMs) / (toMs - fromMs))),
  };
}

function ratePanel(title: string, report: HistoryReport): string {
  const series = seriesOf(report);
  const { fromMs, toMs, stepMs, upBytes, downBytes } = series;
  const [down, up] = [totalsOf(downBytes, stepMs), totalsOf(upBytes, stepMs)];
  const max = Math.max(down.maxBitsPerSecond, up.maxBitsPerSecond);
  const unit = rateUnit(max);
  const frame: Frame = {
    width: HALF_WIDTH,
    x: timeAxis(fromMs, Math.max(toMs, fromMs + 1)),
    y: linearAxis(max / unit.factor, unit.name, 'tick'),
  };
  const scaled = (bytes: Float64Array): Float64Array =>
    bitsPerSecond(bytes, stepMs).map((value) => value / unit.factor);
  const [downs, ups] = [scaled(downBytes), scaled(upBytes)];
  const middles = Array.from(downs, (_, i) => fromMs + (i + 0.5) * stepMs);
  const gaps = runsOf(downBytes, (bytes) => Number.isNaN(bytes));
  const layers = [
    blanks(
      frame,
      gaps.map(([from, to]) => [fromMs + from * stepMs, fromMs + to * stepMs]),
    ),
    ...runsOf(downBytes, (bytes) => !Number.isNaN(bytes)).map(([from, to]) =>
      stepArea(frame, series, downs, from, to),
    ),
    line(frame, middles, ups, UP.color),
  ];
  if (down.unknownShare === 1) layers.push(notice(frame, 'nothing is known'));
  const about = [
    `down ${formatBitsPerSecShort(down.meanBitsPerSecond)} on average, at most ${formatBitsPerSecShort(down.maxBitsPerSecond)};`,
    `up ${formatBitsPerSecShort(up.meanBitsPerSecond)}, at most ${formatBitsPerSecShort(up.maxBitsPerSecond)}`,
  ];
  const figure = chart(frame, `${title}: rates`, layers, {
    ...{ at: middles, unit: '', labels: middles.map((_, i) => instantText(fromMs + i * stepMs)) },
    series: [
      { ...DOWN, unit: unit.name, values: downs },
      { ...UP, unit: unit.name, values: ups },
    ],
  });
  return panel(title, about.join(' '), [DOWN, UP, ...(gaps.length > 0 ? [BLANK] : [])], figure);
}

/** The area under the steps from the one to before the other, which reaches both of its edges. */
function stepArea(
  frame: Frame,
  { fromMs, stepMs }: Series,
  values: Float64Array,
  from: number,
  to: number,
): string {
  const steps = Array.from({ length: to - from }, (_, i) => from + i);
  const xs = [from, ...steps.map((i) => i + 0.5), to].map((at) => fromMs + at * stepMs);
  const upper = [values[from]!, ...steps.map((i) => values[i]!), values[to - 1]!];
  return area(frame, xs, new Float64Array(xs.length), upper, DOWN.color);
}

/** Runs of neighbours that are all so, as [first, one behind the last]. */
export function runsOf(values: Float64Array, isSo: (value: number) => boolean): [number, number][] {
  const runs: [number, number][] = [];
  for (let i = 0; i < values.length; i++) {
    if (!isSo(values[i]!)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === i) last[1] = i + 1;
    else runs.push([i, i + 1]);
  }
  return runs;
}

/** The sums that a quota goes by, and its limits. */
function windowPanel({ quota, over, overMs, shownMs, limits, history }: PageWindow): string {
  const { fromMs, toMs, stepMs, upBytes, downBytes } = seriesOf(history);
  const shown = Math.min(upBytes.length, Math.round(shownMs / stepMs));
  const steps = Math.max(1, Math.round(overMs / stepMs));
  const totals = upBytes.map((up, i) => up + downBytes[i]!);
  const bytesOf = { up: upBytes, down: downBytes, total: totals } as const;
  const curves = limits.map(({ direction, limitBytes, usedBytes }) => ({
    ...{ direction, limitBytes, usedBytes, name: direction, color: COLORS[direction] },
    values: slidingSums(bytesOf[direction], steps).slice(upBytes.length - shown),
  }));
  const max = Math.max(1, ...curves.flatMap(({ values, limitBytes }) => [...values, limitBytes]));
  const unit = bytesUnit(max);
  const beginMs = toMs - shown * stepMs;
  const frame: Frame = {
    width: HALF_WIDTH,
    x: timeAxis(Math.max(beginMs, fromMs), Math.max(toMs, fromMs + 1)),
    y: linearAxis(max / unit.factor, unit.name, 'tick'),
  };
  const ends = Array.from({ length: shown }, (_, i) => beginMs + (i + 1) * stepMs);
  const scaled = curves.map((curve) => ({
    ...curve,
    values: curve.values.map((value) => value / unit.factor),
  }));
  const layers = scaled.flatMap(({ direction, limitBytes, color, values }) => [
    line(frame, ends, values, color),
    threshold(frame, limitBytes / unit.factor, `${direction}: at most ${formatBytesShort(limitBytes)}`),
  ]);
  const about = limits
    .map(({ direction, usedBytes, limitBytes, state }) => {
      const share = `${Math.round((100 * usedBytes) / limitBytes)} %`;
      return `${direction} ${formatBytesShort(usedBytes)} now, ${share} of the limit${state === 'ok' ? '' : ` (${state})`}`;
    })
    .join('; ');
  const figure = chart(frame, `${quota}: sums over ${over}`, layers, {
    ...{ at: ends, unit: '', labels: ends.map((atMs) => instantText(atMs)) },
    series: scaled.map(({ name, color, values }) => ({ name, color, unit: unit.name, values })),
  });
  const legend = curves.map(({ name, color }): LegendEntry => ({ name, color, shape: 'line' }));
  return panel(`${quota}, over ${formatTime(1e6 * overMs)}`, about, legend, figure);
}
