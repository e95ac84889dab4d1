/**
 * Plots of text: a column of blocks for each span of time, above an axis that is missing where nothing is
 * known.
 */
import type { DisplayUnit } from './axis.ts';

const EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const TOPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

export interface PlotTick {
  /** From 0 at the left end to 1 at the right end. */
  readonly share: number;
  readonly label: string;
}

export interface PlotOptions {
  /** Characters in a line, labels included. */
  readonly columns: number;
  /** Lines above the axis. */
  readonly rows: number;
  /** Labels are in it. */
  readonly unit: DisplayUnit;
  readonly ticks: readonly PlotTick[];
  /** Colours the blocks. */
  readonly paint: (text: string) => string;
}

/** A value of few digits, half of which has few digits too, not much above `max`. */
export function niceTop(max: number): number {
  if (!(max > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  const factor = TOPS.find((candidate) => candidate * power >= max * (1 - 1e-9)) ?? 10;
  return Number((factor * power).toPrecision(3));
}

/**
 * The mean of each of `columns` equal parts of the values; NaN is not known and counts for nothing. A part
 * may be shorter than the span of a value.
 */
export function foldMeans(values: ArrayLike<number>, columns: number): Float64Array {
  const means = new Float64Array(columns);
  const width = values.length / columns;
  for (let column = 0; column < columns; column++) {
    const [from, to] = [column * width, (column + 1) * width];
    let sum = 0;
    let known = 0;
    for (let i = Math.floor(from); i < Math.min(values.length, Math.ceil(to - 1e-9)); i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      const share = Math.min(to, i + 1) - Math.max(from, i);
      sum += share * value;
      known += share;
    }
    means[column] = known > 0 ? sum / known : Number.NaN;
  }
  return means;
}

/** Lines from the top to the labels of the ticks. NaN leaves a gap in the axis. */
export function textPlot(values: ArrayLike<number>, options: PlotOptions): string[] {
  const { columns, rows, unit, ticks, paint } = options;
  const max = Array.from(values).reduce((most, value) => (value > most ? value : most), 0);
  const top = niceTop(max);
  const labels = new Map(
    [top, top / 2, 0].map((value, i) => [[rows, rows / 2, 0][i]!, labelOf(value, unit)]),
  );
  const margin = Math.max(...[...labels.values()].map((label) => label.length));
  const means = foldMeans(values, Math.max(1, columns - margin - 2));
  const lines = Array.from({ length: rows }, (_, i) => {
    const row = rows - i;
    const label = labels.get(row);
    const blocks = Array.from(means, (mean) =>
      blockOf((mean / top) * rows - (row - 1), row === 1 && mean > 0),
    );
    return `${(label ?? '').padStart(margin)} ${label === undefined ? '│' : '┤'}${paint(blocks.join('').trimEnd())}`;
  });
  const places = new Map(ticks.map(({ share, label }) => [Math.round(share * means.length), label]));
  const axis = Array.from(means, (mean, i) => {
    if (Number.isNaN(mean)) return places.has(i) ? '╷' : ' ';
    return places.has(i) ? '┬' : '─';
  });
  return [
    ...lines,
    `${labels.get(0)!.padStart(margin)} ┼${axis.join('')}`.trimEnd(),
    `${' '.repeat(margin + 2)}${tickLine(places, means.length)}`.trimEnd(),
  ];
}

function labelOf(value: number, unit: DisplayUnit): string {
  return String(Number((value / unit.factor).toPrecision(3)));
}

/** `height` in lines above the lower edge of this one. Little is shown as a little, not as nothing. */
function blockOf(height: number, isSomething: boolean): string {
  if (!(height > 0)) return ' ';
  const eighths = Math.min(8, Math.round(height * 8));
  return EIGHTHS[isSomething ? Math.max(1, eighths) : eighths]!;
}

/** Labels begin at their ticks. One for which there is no room is left out. */
function tickLine(places: ReadonlyMap<number, string>, columns: number): string {
  let line = '';
  for (const [place, label] of [...places].sort(([a], [b]) => a - b)) {
    if (place < line.length || place + label.length > columns) continue;
    line = `${line.padEnd(place)}${label} `;
  }
  return line;
}
