/** The picture in a terminal: segments by time and size, curves of one connection, a table of all. */
import { GAP, namedRows } from '../../base/text-columns.ts';
import { formatBitsPerSecShort, formatBytesShort, formatCountShort } from '../../base/units.ts';
import { sparkline } from '../../charts/sparkline.ts';
import type { TcpConnectionReport } from '../../control/tcp/report.ts';
import { LOOKS } from './kinds.ts';
import { columnOf, curvesOf, gaps, lossText, type Picture, viewOf } from './picture.ts';

export interface TextOptions {
  readonly columns: number;
  readonly hasColor: boolean;
}

/** Rows of the plot for each doubling of the size. */
const LABEL_COLUMNS = 7;
const PLOT_COLUMNS_MIN = 20;
const CONNECTIONS_SHOWN = 10;
/** Name and greatest value of a curve. */
const CURVE_COLUMNS = 16;
const TOP_COLUMNS = 12;

export function pictureText(picture: Picture, options: TextOptions): string {
  const { subject, seconds, end } = picture;
  const head = `${subject}, ${seconds.toFixed(1)} s: ${end.line}\n`;
  if (end.total.connections === 0) return head;
  const loss = lossText(picture);
  return [
    head,
    plot(picture, options),
    curves(picture, options),
    table(end.connections.slice(0, CONNECTIONS_SHOWN), end.total.connections, options),
    ...(loss === '' ? [] : [`${loss}\n`]),
  ].join('\n');
}

/** Rows of sizes, the largest on top, each twice the one below; columns of time. */
function plot({ segments, seconds }: Picture, { columns, hasColor }: TextOptions): string {
  const width = Math.max(PLOT_COLUMNS_MIN, columns - LABEL_COLUMNS - 1);
  const binOf = (bytes: number): number => Math.floor(Math.log2(Math.max(1, bytes)));
  const bins = segments.map(({ lengthBytes }) => binOf(lengthBytes));
  const low = bins.reduce((least, bin) => Math.min(least, bin), Number.POSITIVE_INFINITY);
  const high = bins.reduce((most, bin) => Math.max(most, bin), 0);
  if (!Number.isFinite(low)) return '';
  const cells = Array.from({ length: high - low + 1 }, () => new Int8Array(width).fill(-1));
  for (const [i, segment] of segments.entries()) {
    const look = LOOKS.findLastIndex((one) => one.is(segment));
    const row = cells[high - bins[i]!]!;
    const column = columnOf(segment, seconds, width);
    if (look > row[column]!) row[column] = look;
  }
  const lines = cells.map((row, n) => {
    const label = formatBytesShort(2 ** (high - n)).replace(/\.\d+/, '');
    return `${label.padStart(LABEL_COLUMNS)}${'|'}${painted(row, hasColor)}`;
  });
  const legend = LOOKS.map(({ letter, name, sgr }) => `${paint(letter, sgr, hasColor)} ${name}`);
  return [
    ...lines,
    axis(seconds, width),
    ...wrapped(
      legend,
      LOOKS.map(({ name }) => name.length + 2),
      columns,
    ),
    '',
  ].join('\n');
}

function paint(text: string, sgr: number, hasColor: boolean): string {
  return hasColor && text !== '' ? `\x1b[${sgr}m${text}\x1b[0m` : text;
}

/** A row of the plot, with one colour code for neighbours of a kind. */
function painted(row: Int8Array, hasColor: boolean): string {
  let text = '';
  for (let from = 0; from < row.length; ) {
    let to = from;
    while (to < row.length && row[to] === row[from]) to++;
    const look = LOOKS[row[from]!];
    text +=
      look === undefined ? ' '.repeat(to - from) : paint(look.letter.repeat(to - from), look.sgr, hasColor);
    from = to;
  }
  return text.trimEnd();
}

/** The time below the plot: its ends and its middle. */
function axis(seconds: number, width: number): string {
  const [middle, last] = [`${(seconds / 2).toFixed(1)} s`, `${seconds.toFixed(1)} s`];
  const left = '0'.padEnd(Math.floor(width / 2) - Math.floor(middle.length / 2));
  const half = `${left}${middle}`;
  return `${' '.repeat(LABEL_COLUMNS + 1)}${half}${last.padStart(width - half.length)}`;
}

/** Joins parts of these lengths to lines. */
function wrapped(parts: readonly string[], lengths: readonly number[], columns: number): string[] {
  const lines: string[] = [];
  let room = 0;
  for (const [i, part] of parts.entries()) {
    const needed = lengths[i]! + GAP.length;
    if (lines.length === 0 || needed > room) {
      lines.push(part);
      room = columns - lengths[i]!;
    } else {
      lines[lines.length - 1] += GAP + part;
      room -= needed;
    }
  }
  return lines;
}

/** Flight, windows and round trip of the connection with most data. */
function curves(picture: Picture, { columns }: TextOptions): string {
  const { end, seconds } = picture;
  const view = viewOf(picture, end.connections[0]!);
  const width = Math.max(PLOT_COLUMNS_MIN, columns - CURVE_COLUMNS - TOP_COLUMNS);
  const known = curvesOf(view, seconds, width);
  const line = (name: string, values: Float64Array, format: (top: number) => string): string[] => {
    const top = values.reduce((most, value) => (value > most ? value : most), 0);
    if (top === 0) return [];
    const drawn = sparkline(
      values.map((value) => (Number.isNaN(value) ? 0 : value)),
      width,
      top,
      'max',
    );
    return [`${name.padEnd(CURVE_COLUMNS)}${drawn.padEnd(width)} ${format(top)}`];
  };
  const trip = known.isHalfTrip ? 'to the receiver' : 'round trip';
  const lines = [
    ...line('bytes in flight', known.flightBytes, formatBytesShort),
    ...line('window before', known.windowBefore, formatBytesShort),
    ...line('window after', known.windowAfter, formatBytesShort),
    ...line(trip, known.roundTripMilliseconds, (top) => `${top.toPrecision(3)} ms`),
  ];
  return [view.report.flow, ...lines, ...gaps(view, known), ''].join('\n');
}

type Column = readonly [heading: string, cell: (report: TcpConnectionReport) => string];

const COLUMNS: readonly Column[] = [
  ['goodput', ({ goodputBitsPerSecond }) => formatBitsPerSecShort(goodputBitsPerSecond)],
  ['again', ({ retransmits }) => formatCountShort(retransmits)],
  ['dup', ({ duplicates }) => formatCountShort(duplicates)],
  ['held', ({ heldAcks }) => formatCountShort(heldAcks)],
  ['dropped', ({ dropped }) => formatCountShort(dropped)],
  ['rtt', ({ roundTripMilliseconds: rtt }) => (rtt === null ? '-' : `${rtt.toPrecision(3)} ms`)],
];

function table(reports: readonly TcpConnectionReport[], total: number, { columns }: TextOptions): string {
  const rows = [
    COLUMNS.map(([heading]) => heading),
    ...reports.map((report) => COLUMNS.map(([, cell]) => cell(report))),
  ];
  const more = reports.length < total ? `${total - reports.length} more connections\n` : '';
  return `${namedRows(['connection', ...reports.map(({ flow }) => flow)], rows, columns)}\n${more}`;
}
