/** The report of `status` as a compact table. */
import { joinColumns, padColumns } from '../base/text-columns.ts';
import { formatBytesShort, formatMicrosecondsShort, formatRate, fromBitsPerSec } from '../base/units.ts';
import type { ClassReport, Count, StatusReport } from './status.ts';

export function statusTable(report: StatusReport): string {
  const { totals, uptimeSeconds, backend, version, pid } = report;
  const { kernel } = totals;
  const lines = [
    `shaper ${version}, pid ${pid}, back end ${backend}, up ${uptimeText(uptimeSeconds)}`,
    `received ${countText(totals.received)} = accepted ${countText(totals.accepted)}` +
      ` + dropped ${countText(totals.dropped)} + held ${countText(totals.held)} + lost in the kernel ${kernel.lost}`,
    `refused by the kernel: queue full ${kernel.queueFull}, socket full ${kernel.socketFull}`,
    `left after the due instant: half within ${lateText(report, 'p50')}, 99 % within ${lateText(report, 'p99')}`,
    ...troubleLines(report),
    ...report.warnings.map((warning) => `warning: ${warning}`),
    '',
    joinColumns(padColumns([HEADINGS, ...report.classes.map(classRow)], (column) => column === 0)),
  ];
  return `${lines.join('\n')}\n`;
}

const HEADINGS = [
  'class',
  'rate',
  'ceil',
  'sent',
  'packets',
  'backlog',
  'tail',
  'early',
  'police',
  'aqm',
  'marked',
  'flows',
  'p50',
  'p99',
];

function classRow(c: ClassReport): string[] {
  return [
    c.path,
    rateText(c.rateBitsPerSecond),
    rateText(c.ceilBitsPerSecond),
    formatBytesShort(c.sent.bytes),
    String(c.sent.packets),
    formatBytesShort(c.backlog.bytes),
    String(c.dropped.tail),
    String(c.dropped.early),
    String(c.dropped.police),
    String(c.dropped.aqm),
    String(c.marked),
    String(c.flows),
    formatMicrosecondsShort(c.delayMicroseconds.p50),
    formatMicrosecondsShort(c.delayMicroseconds.p99),
  ];
}

/** Trouble is told only if there was some. */
function troubleLines({ bounds, socket }: StatusReport): string[] {
  const told: [number, string][] = [
    [bounds.unmatched, 'packets passed unshaped: their device is not the one configured (renumbered?)'],
    [bounds.flowsEvicted, 'flows forgotten early: the flow table is full'],
    [bounds.eachEvicted, 'buckets of each forgotten early: their table is full'],
    [bounds.eachFull, 'packets dropped: the table of the buckets of each is full'],
    [bounds.fairFull, 'packets dropped: the table of the queues of fair leaves is full'],
    [bounds.heldFull, 'packets passed undelayed: as many waited as may wait'],
    [socket.truncated, 'messages of the kernel cut off: longer than their slot'],
    [socket.malformed, 'messages of the kernel not understood: they break the format'],
    [socket.sendErrors, 'verdicts not sent: the socket failed'],
    [socket.refusedVerdicts, 'verdicts refused: the kernel no longer had the packet'],
  ];
  return told.filter(([n]) => n > 0).map(([n, text]) => `${n} ${text}`);
}

function lateText({ latenessMicroseconds }: StatusReport, percentile: 'p50' | 'p99'): string {
  return formatMicrosecondsShort(latenessMicroseconds[percentile]);
}

function countText(count: Count): string {
  return `${count.packets} (${formatBytesShort(count.bytes)})`;
}

/** A rate of 0 means that nothing is guaranteed. */
function rateText(bits: number): string {
  return bits === 0 ? '-' : formatRate(fromBitsPerSec(bits));
}

function uptimeText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
