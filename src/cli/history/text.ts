/** A history for people: a plot of each direction, as wide as the terminal. */
import { printable } from '../../base/printable.ts';
import { formatBitsPerSecShort, formatBytesShort, formatTime } from '../../base/units.ts';
import { rateUnit } from '../../charts/axis.ts';
import { textPlot } from '../../charts/plot.ts';
import { type HistoryReport, HOUSE } from '../../control/hosts/reports.ts';
import type { Terminal } from '../terminal.ts';
import { bitsPerSecond, type Series, seriesOf, totalsOf } from './series.ts';
import { instantText, timeTicks } from './time-ticks.ts';

const ROWS = 8;
const COLUMNS_MIN = 40;
/** Wider plots are no clearer. */
const COLUMNS_MAX = 160;
/** A label of time with some room. */
const TICK_COLUMNS = 12;

const DOWN_COLOR = 36;
const UP_COLOR = 35;

export function titleOf({ host, name }: Pick<HistoryReport, 'host' | 'name'>): string {
  if (host === HOUSE) return 'All hosts together';
  return name === '' ? host : `${printable(name)} (${host})`;
}

export function historyText(
  report: HistoryReport,
  { columns, hasColor }: Pick<Terminal, 'columns' | 'hasColor'>,
): string {
  const series = seriesOf(report);
  const { fromMs, toMs, stepMs } = series;
  if (report.points.length === 0) return `${titleOf(report)}: nothing is stored yet\n`;
  const span = `${instantText(fromMs)} to ${instantText(toMs)}, in steps of ${formatTime(1e6 * stepMs)}`;
  const width = Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, columns));
  const lines = [
    `${titleOf(report)}, ${span}`,
    '',
    ...plotLines('down', series.downBytes, series, width, hasColor ? DOWN_COLOR : null),
    '',
    ...plotLines('up', series.upBytes, series, width, hasColor ? UP_COLOR : null),
  ];
  const { unknownShare } = totalsOf(series.downBytes, stepMs);
  if (unknownShare > 0) lines.push('', 'Where the axis is missing, nothing is known.');
  return `${lines.join('\n')}\n`;
}

function plotLines(
  direction: string,
  bytes: Float64Array,
  { fromMs, toMs, stepMs }: Series,
  columns: number,
  color: number | null,
): string[] {
  const totals = totalsOf(bytes, stepMs);
  const unit = rateUnit(totals.maxBitsPerSecond);
  const ticks = timeTicks(fromMs, toMs, Math.floor(columns / TICK_COLUMNS)).map(({ atMs, label }) => ({
    share: (atMs - fromMs) / (toMs - fromMs),
    label,
  }));
  const numbers = [
    formatBytesShort(totals.bytes),
    `${formatBitsPerSecShort(totals.meanBitsPerSecond)} on average`,
    `at most ${formatBitsPerSecShort(totals.maxBitsPerSecond)}`,
  ];
  const paint = (text: string): string =>
    color === null || text === '' ? text : `\x1b[${color}m${text}\x1b[0m`;
  const values = bitsPerSecond(bytes, stepMs);
  return [
    `${direction}, ${unit.name}: ${numbers.join(', ')}`,
    ...textPlot(values, { columns, rows: ROWS, unit, ticks, paint }),
  ];
}
