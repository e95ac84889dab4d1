/** The picture as a page of one file that loads nothing. */
import { escapeHtml } from '../../base/escape-html.ts';
import { formatBitsPerSecShort, formatBytesShort } from '../../base/units.ts';
import { linearAxis, logAxis } from '../../charts/axis.ts';
import {
  chart,
  dots,
  type Frame,
  HALF_WIDTH,
  line,
  notice,
  threshold,
  WIDE_WIDTH,
} from '../../charts/chart.ts';
import type { TcpConnectionReport } from '../../control/tcp/report.ts';
import { htmlDocument, type LegendEntry, legendOf } from '../page/document.ts';
import { LOOKS } from './kinds.ts';
import {
  type ConnectionView,
  type Curves,
  curvesOf,
  gaps,
  lossText,
  type Picture,
  viewOf,
} from './picture.ts';

/** Connections with curves of their own, those with most data first. */
const CONNECTIONS_DRAWN = 8;
/** Spans of time in which curves and values at the pointer are told. */
const SPANS = 400;
/** IP and TCP headers: no segment is shorter. */
const LENGTH_BYTES_MIN = 40;
/** Windows and flights below it are drawn at the lower end. */
const WINDOW_BYTES_MIN = 1000;

const BEFORE = { name: 'window before us', color: 'var(--hue-8)', shape: 'thin' } as const;
const AFTER = { name: 'window after us', color: 'var(--hue-2)', shape: 'line' } as const;
const FLIGHT = { name: 'bytes in flight', color: 'var(--hue-1)', shape: 'line' } as const;

export interface PageOptions {
  readonly version: string;
}

export function picturePage(picture: Picture, { version }: PageOptions): string {
  const { subject, startedAt, seconds, end } = picture;
  const shown = end.connections.slice(0, CONNECTIONS_DRAWN);
  const loss = lossText(picture);
  const body = [
    `<h1>${escapeHtml(subject)}</h1>`,
    `<p>${seconds.toFixed(1)} s from ${escapeHtml(startedAt)}</p>`,
    `<div class="panels" style="margin-top:18px">${card(picture)}${segmentsPanel(picture)}</div>`,
    ...shown.map((report) => connectionSection(picture, report)),
    '<h2>Connections</h2>',
    table(end.connections, end.total.connections),
    `<footer>${NOTES}${loss === '' ? '' : `<br>${loss}`}<br>nfqueue-shaper ${escapeHtml(version)}</footer>`,
  ];
  return htmlDocument(`${subject} - shaper tcp`, body, '');
}

const NOTES =
  'Sizes are IP lengths; a superpacket of several segments is one dot. All instants are those at which segments came to this ' +
  'machine. Bytes in flight are what was sent and is not acknowledged yet; in the round trip, acknowledgements that wait here are not counted.';

function card({ end }: Picture): string {
  const { total, shareBitsPerSecond, limitedBy, connections, ended } = end;
  const [main] = connections;
  const rtt = main?.roundTripMilliseconds ?? null;
  const notPaced = limitedBy === null ? '–' : 'not paced';
  const tiles: [string, string][] = [
    ['goodput', formatBitsPerSecShort(total.goodputBitsPerSecond)],
    [`retransmits (${total.retransmits})`, `${(100 * total.retransmittedShare).toFixed(2)} %`],
    ['share', shareBitsPerSecond === null ? notPaced : formatBitsPerSecShort(shareBitsPerSecond)],
    ['round trip', rtt === null ? '–' : `${rtt.toPrecision(3)} ms`],
    ['dropped here', String(total.dropped)],
    ['connections', String(total.connections)],
    ['segments', String(total.segments)],
  ];
  const items = tiles.map(([name, value]) => `<div><span>${name}</span><b>${escapeHtml(value)}</b></div>`);
  const sentences = [limitedBy?.sentence ?? null, ended].filter((sentence) => sentence !== null);
  const text = sentences.map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join('');
  return `<section class="panel card wide"><div class="tiles">${items.join('')}</div>${text}</section>`;
}

function panel(
  title: string,
  about: string,
  legend: readonly LegendEntry[],
  figure: string,
  isWide: boolean,
): string {
  return (
    `<section class="panel${isWide ? ' wide' : ''}"><h3>${escapeHtml(title)}</h3><p>${escapeHtml(about)}</p>` +
    `${legendOf(legend)}<div class="figures"><figure>${figure}</figure></div></section>`
  );
}

/** Every segment, by time and size. */
function segmentsPanel({ segments, seconds }: Picture): string {
  const longest = segments.reduce((most, { lengthBytes }) => Math.max(most, lengthBytes), 1500);
  const frame: Frame = {
    width: WIDE_WIDTH,
    x: linearAxis(seconds, 'time in seconds', 'exact'),
    y: logAxis(LENGTH_BYTES_MIN, longest, 'bytes, logarithmic'),
  };
  const looks = LOOKS.map((look) => ({ look, shown: segments.filter((segment) => look.is(segment)) }));
  const layers = looks.map(({ look, shown }) =>
    dots(
      frame,
      shown.map(({ atSeconds }) => atSeconds),
      shown.map(({ lengthBytes }) => lengthBytes),
      look.color,
      look.dot,
    ),
  );
  if (segments.length === 0) layers.push(notice(frame, 'no segment came'));
  const spans = spansOf(seconds);
  const series = looks.map(({ look, shown }) => {
    const counts = new Float64Array(SPANS);
    for (const { atSeconds } of shown)
      counts[Math.min(SPANS - 1, Math.floor((atSeconds / seconds) * SPANS))]! += 1;
    return { name: look.name, color: look.color, unit: '', values: counts };
  });
  return panel(
    'Segments',
    'each segment of both directions when it came here, by its size',
    looks.map(({ look, shown }) => ({
      name: `${look.name} (${shown.length})`,
      color: look.color,
      shape: 'fill',
    })),
    chart(frame, 'segments over time by size', layers, { at: spans, unit: 's', series }),
    true,
  );
}

/** The middle of each span of time. */
function spansOf(seconds: number): number[] {
  return Array.from({ length: SPANS }, (_, i) => ((i + 0.5) * seconds) / SPANS);
}

function connectionSection(picture: Picture, report: TcpConnectionReport): string {
  const view = viewOf(picture, report);
  const curves = curvesOf(view, picture.seconds, SPANS);
  const notes = gaps(view, curves).map((text) => `<p>${escapeHtml(text)}</p>`);
  const panels = [
    ...(hasAny(curves.windowBefore, curves.flightBytes) ? [windowsPanel(picture, view, curves)] : []),
    ...(hasAny(curves.roundTripMilliseconds) ? [tripPanel(picture, view, curves)] : []),
  ];
  const goodput = formatBitsPerSecShort(report.goodputBitsPerSecond);
  return (
    `<h2>${escapeHtml(report.flow)} <small>${goodput}, ${report.retransmits} sent again</small></h2>` +
    `${notes.join('')}<div class="panels">${panels.join('')}</div>`
  );
}

function hasAny(...lists: readonly Float64Array[]): boolean {
  return lists.some((values) => values.some((value) => !Number.isNaN(value)));
}

function greatest(...lists: readonly ArrayLike<number>[]): number {
  let top = 0;
  for (const values of lists) for (let i = 0; i < values.length; i++) if (values[i]! > top) top = values[i]!;
  return top;
}

/** A closed window is drawn at the lower end, where a logarithm has no place for it. */
const atLeast = (values: Float64Array): Float64Array =>
  values.map((value) => (value < WINDOW_BYTES_MIN ? WINDOW_BYTES_MIN : value));

function windowsPanel({ seconds }: Picture, { report }: ConnectionView, curves: Curves): string {
  const { windowBefore, windowAfter, flightBytes } = curves;
  const frame: Frame = {
    width: HALF_WIDTH,
    x: linearAxis(seconds, 'time in seconds', 'exact'),
    y: logAxis(
      WINDOW_BYTES_MIN / 1000,
      Math.max(10, greatest(windowBefore, windowAfter, flightBytes) / 1000),
      'kB, logarithmic',
    ),
  };
  const spans = spansOf(seconds);
  const known = [
    { ...BEFORE, values: windowBefore },
    { ...AFTER, values: windowAfter },
    { ...FLIGHT, values: flightBytes },
  ].filter(({ values }) => hasAny(values));
  const layers = known.map(({ color, shape, values }) =>
    line(
      frame,
      spans,
      atLeast(values).map((value) => value / 1000),
      color,
      shape === 'thin' ? 'line thin' : 'line',
    ),
  );
  return panel(
    'Windows and bytes in flight',
    'what the receiver takes, as it says and as it leaves us; what is on the way',
    known,
    chart(frame, `${report.flow}: windows and bytes in flight`, layers, {
      at: spans,
      unit: 's',
      series: known.map(({ name, color, values }) => ({ name, color, unit: 'B', values })),
    }),
    false,
  );
}

function tripPanel({ seconds }: Picture, { report }: ConnectionView, curves: Curves): string {
  const { roundTripMilliseconds: values, isHalfTrip } = curves;
  const smoothed = report.roundTripMilliseconds;
  const frame: Frame = {
    width: HALF_WIDTH,
    x: linearAxis(seconds, 'time in seconds', 'exact'),
    y: linearAxis(Math.max(1, 1.05 * greatest(values)), 'ms', 'tick'),
  };
  const spans = spansOf(seconds);
  const layers = [dots(frame, spans, values, 'var(--hue-5)')];
  if (smoothed !== null && !isHalfTrip)
    layers.push(threshold(frame, smoothed, `smoothed ${smoothed.toPrecision(3)} ms`));
  return panel(
    isHalfTrip ? 'Round trip to the receiver' : 'Round trip',
    isHalfTrip
      ? 'from here to the receiver and back'
      : 'from the sender to the receiver and back, queues included',
    [],
    chart(frame, `${report.flow}: round trip`, layers, {
      at: spans,
      unit: 's',
      series: [{ name: 'round trip', color: 'var(--hue-5)', unit: 'ms', values }],
    }),
    false,
  );
}

const COLUMNS: readonly (readonly [heading: string, cell: (report: TcpConnectionReport) => string])[] = [
  ['goodput', ({ goodputBitsPerSecond }) => formatBitsPerSecShort(goodputBitsPerSecond)],
  ['payload', ({ payloadBytes }) => formatBytesShort(payloadBytes)],
  ['segments', ({ segments }) => String(segments)],
  ['retransmits', ({ retransmits }) => String(retransmits)],
  ['duplicates', ({ duplicates }) => String(duplicates)],
  ['ACKs held', ({ heldAcks }) => String(heldAcks)],
  ['dropped here', ({ dropped }) => String(dropped)],
  ['round trip', ({ roundTripMilliseconds: rtt }) => (rtt === null ? '–' : `${rtt.toPrecision(3)} ms`)],
];

function table(reports: readonly TcpConnectionReport[], total: number): string {
  const head = `<tr><th>connection</th>${COLUMNS.map(([heading]) => `<th>${heading}</th>`).join('')}</tr>`;
  const rows = reports.map((report) => {
    const cells = COLUMNS.map(([, cell]) => `<td>${escapeHtml(cell(report))}</td>`);
    return `<tr><td>${escapeHtml(report.flow)}</td>${cells.join('')}</tr>`;
  });
  const more = reports.length < total ? `<p>${total - reports.length} more</p>` : '';
  return `<div class="panel scroll"><table><thead>${head}</thead><tbody>${rows.join('')}</tbody></table>${more}</div>`;
}
