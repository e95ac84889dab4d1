/**
 * The report of `status` for people: the last seconds first, then all since the start. Classes are indented
 * below the class around them. It is made for 80 columns.
 */
import { joinColumns, namedRows, padColumns } from '../base/text-columns.ts';
import {
  formatBitsPerSecShort,
  formatBytesShort,
  formatCountShort,
  formatMicrosecondsShort,
  UNLIMITED,
} from '../base/units.ts';
import type { ClassReport, StatusReport } from './status.ts';

/** `columns` are the characters in a line. */
export function statusTable(report: StatusReport, columns: number): string {
  const { uptimeSeconds, backend, version, pid } = report;
  const lines = [
    `shaper ${version}, pid ${pid}, back end ${backend}, up ${uptimeText(uptimeSeconds)}`,
    ...troubleLines(report),
    ...report.warnings.map((warning) => `warning: ${warning}`),
    '',
    ...presentLines(report, columns),
    '',
    ...pastLines(report, columns),
  ];
  return `${lines.join('\n')}\n`;
}

type Column = readonly [heading: string, cell: (c: ClassReport) => string];

/** `limit` is the guaranteed rate and the ceil. Delays and drops are of the last 10 s. */
const PRESENT: readonly Column[] = [
  ['limit', limitText],
  ['bit/s 1 s', ({ recent }) => formatCountShort(recent.bitsPerSecond.over1s)],
  ['10 s', ({ recent }) => formatCountShort(recent.bitsPerSecond.over10s)],
  ['60 s', ({ recent }) => formatCountShort(recent.bitsPerSecond.over60s)],
  ['waiting', ({ backlog }) => formatBytesShort(backlog.bytes)],
  ['p50', ({ recent }) => delayText(recent.delayMicroseconds?.p50)],
  ['p99', ({ recent }) => delayText(recent.delayMicroseconds?.p99)],
  ['drops/s', ({ recent }) => formatCountShort(recent.droppedPerSecond)],
];

const PAST: readonly Column[] = [
  ['sent', ({ sent }) => formatBytesShort(sent.bytes)],
  ['packets', ({ sent }) => formatCountShort(sent.packets)],
  ['tail', ({ dropped }) => formatCountShort(dropped.tail)],
  ['early', ({ dropped }) => formatCountShort(dropped.early)],
  ['police', ({ dropped }) => formatCountShort(dropped.police)],
  ['aqm', ({ dropped }) => formatCountShort(dropped.aqm)],
  ['module', ({ dropped }) => formatCountShort(dropped.module)],
  ['marked', ({ marked }) => formatCountShort(marked)],
  ['flows', ({ flows }) => formatCountShort(flows)],
  ['p50', ({ delayMicroseconds }) => delayText(delayMicroseconds.p50)],
  ['p99', ({ delayMicroseconds }) => delayText(delayMicroseconds.p99)],
];
/** Left out if every class has none. */
const SPARSE: ReadonlySet<string> = new Set(['early', 'police', 'aqm', 'module', 'marked']);

function presentLines({ recent, classes }: StatusReport, columns: number): string[] {
  const { seconds, bitsPerSecond, packetsPerSecond, droppedPerSecond } = recent;
  const counts = `${formatCountShort(packetsPerSecond)} packets/s, ${formatCountShort(droppedPerSecond)} drops/s`;
  const window = `The last ${seconds.toFixed(seconds < 9 ? 1 : 0)} s`;
  return [
    `${window}: ${formatBitsPerSecShort(bitsPerSecond.over10s)}, ${counts}`,
    classTable(PRESENT, classes, columns),
    ...eachLines(classes),
    ...pacedLines(classes, columns),
  ];
}

const BUCKETS_SHOWN = 5;

/** The fullest buckets of each class in which some wait. */
function eachLines(classes: readonly ClassReport[]): string[] {
  const waiting = classes.filter(({ each }) => each !== null && each.fullest.length > 0);
  return waiting.flatMap(({ path, each }) => {
    const shown = each!.fullest.slice(0, BUCKETS_SHOWN);
    const rows = shown.map(({ bucket, backlog }) => [
      `  ${bucket}`,
      formatBytesShort(backlog.bytes),
      `${backlog.packets} packets`,
    ]);
    const rate = formatBitsPerSecShort(each!.rateBitsPerSecond);
    const head = `The fullest buckets of ${path} (${rate} for each ${each!.by}):`;
    return [head, joinColumns(padColumns(rows, (column) => column === 0))];
  });
}

/** A line for each class that paces. */
function pacedLines(classes: readonly ClassReport[], columns: number): string[] {
  const pacing = classes.filter(({ paced }) => paced !== null);
  if (pacing.length === 0) return [];
  const rows = pacing.map(({ paced }) => [
    formatCountShort(paced!.connections),
    formatBitsPerSecShort(paced!.shareBitsPerSecond),
    formatCountShort(paced!.rewritten),
    formatCountShort(paced!.heldAcks),
  ]);
  const headings = ['connections', 'share', 'windows cut', 'ACKs held'];
  return [namedRows(['paced', ...pacing.map(({ path }) => path)], [headings, ...rows], columns)];
}

function pastLines(report: StatusReport, columns: number): string[] {
  const { totals, classes, latenessMicroseconds } = report;
  const { received, accepted, dropped, held, kernel } = totals;
  const counts = [received, accepted, dropped, held];
  const law = [
    ['received', '= accepted', '+ dropped', '+ held', '+ lost in the kernel'],
    [...counts.map(({ packets }) => String(packets)), `${kernel.lost} packets`],
    [...counts.map(({ bytes }) => formatBytesShort(bytes)), ''],
  ];
  const shown = PAST.filter(
    ([heading, cell]) => !SPARSE.has(heading) || classes.some((c) => cell(c) !== formatCountShort(0)),
  );
  const late = (percentile: 'p50' | 'p99'): string =>
    formatMicrosecondsShort(latenessMicroseconds[percentile]);
  return [
    'Since the start:',
    joinColumns(padColumns(law, () => false)),
    `refused by the kernel: queue full ${kernel.queueFull}, socket full ${kernel.socketFull}`,
    `left after the due instant: half within ${late('p50')}, 99 % within ${late('p99')}`,
    classTable(shown, classes, columns),
  ];
}

function classTable(shown: readonly Column[], classes: readonly ClassReport[], columns: number): string {
  const names = ['class', ...classes.map(({ path }) => indentedName(path))];
  const rows = [shown.map(([heading]) => heading), ...classes.map((c) => shown.map(([, cell]) => cell(c)))];
  return namedRows(names, rows, columns);
}

/** Of a direction its path, of a class its name. */
function indentedName(path: string): string {
  const names = path.split('/');
  return names.length <= 2 ? path : `${'  '.repeat(names.length - 2)}${names.at(-1)}`;
}

function limitText({ rateBitsPerSecond, effectiveCeilBitsPerSecond }: ClassReport): string {
  if (effectiveCeilBitsPerSecond === null) return UNLIMITED;
  const [rate, ceil] = [
    formatCountShort(rateBitsPerSecond ?? 0),
    formatCountShort(effectiveCeilBitsPerSecond),
  ];
  return rateBitsPerSecond === 0 || rate === ceil ? ceil : `${rate}-${ceil}`;
}

/** A dash if no packet left. */
function delayText(microseconds: number | undefined): string {
  return microseconds === undefined ? '-' : formatMicrosecondsShort(microseconds);
}

/** Trouble is told only if there was some. */
function troubleLines({ bounds, owners, socket }: StatusReport): string[] {
  const told: [number, string][] = [
    [bounds.unmatched, 'packets passed unshaped: their device is not the one configured (renumbered?)'],
    [bounds.flowsEvicted, 'flows forgotten early: the flow table is full'],
    [bounds.eachEvicted, 'buckets of each forgotten early: their table is full'],
    [bounds.eachFull, 'packets dropped: the table of the buckets of each is full'],
    [bounds.fairFull, 'packets dropped: the table of the queues of fair leaves is full'],
    [bounds.heldFull, 'packets passed undelayed: as many waited as may wait'],
    [owners.unknown, 'local flows without a known owner: other rules have classified them'],
    [socket.truncated, 'messages of the kernel cut off: longer than their slot'],
    [socket.malformed, 'messages of the kernel not understood: they break the format'],
    [socket.sendErrors, 'verdicts not sent: the socket failed'],
    [socket.refusedVerdicts, 'verdicts refused: the kernel no longer had the packet'],
  ];
  return told.filter(([n]) => n > 0).map(([n, text]) => `${n} ${text}`);
}

function uptimeText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
