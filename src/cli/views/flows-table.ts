/**
 * Flows for people: numbers, then the flow, its classes and its program. What does not fit stands on a line
 * below, under the beginning of the flow. It is made for 80 columns.
 */
import { printable } from '../../base/printable.ts';
import { GAP, joinColumns, padColumns } from '../../base/text-columns.ts';
import { formatBytesShort, formatCountShort, formatMicrosecondsShort } from '../../base/units.ts';
import type { FlowReport, FlowsReport } from '../../control/views/flows-view.ts';
import { longProcessText } from './programs-table.ts';

type Column = readonly [heading: string, cell: (flow: FlowReport) => string];

const COLUMNS: readonly Column[] = [
  ['bit/s', ({ bitsPerSecond }) => formatCountShort(bitsPerSecond)],
  ['sent', ({ bytes }) => formatBytesShort(bytes)],
  ['waiting', ({ backlogBytes }) => formatBytesShort(backlogBytes)],
  ['rtt', ({ rttMilliseconds }) => timeText(rttMilliseconds)],
  ['drops', ({ dropped }) => formatCountShort(dropped)],
];

/** `columns` are the characters in a line. */
export function flowsTable({ flows, total }: FlowsReport, columns: number): string {
  if (total === 0) return 'no flows\n';
  const rows = [
    COLUMNS.map(([heading]) => heading),
    ...flows.map((flow) => COLUMNS.map(([, cell]) => cell(flow))),
  ];
  const numbers = padColumns(rows, () => false).map((cells) => joinColumns([cells]));
  const texts = [['flow and class'], ...flows.map(flowWords)];
  const lines = texts.flatMap((words, row) => flowLines(`${numbers[row]!}${GAP}`, words, columns));
  const last = flows.length < total ? [`${total - flows.length} more; --limit N shows more`] : [];
  return `${[...lines, ...last].join('\n')}\n`;
}

/** The parts between which a line may break. */
function flowWords({ protocol, src, sport, dst, dport, classes, process }: FlowReport): string[] {
  const ends = [protocol, endpoint(src, sport), `> ${endpoint(dst, dport)}`];
  const program = process === null ? [] : [` ${printable(longProcessText(process))}`];
  return [...ends, ...classes.map((path) => ` ${path}`), ...program];
}

/** An end of a flow: its address, with its port if it has one. */
export function endpoint(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Further lines begin under the flow, or further left if a word is too long for that. */
function flowLines(head: string, words: readonly string[], columns: number): string[] {
  const [first = '', ...rest] = words;
  const longest = Math.max(...words.map((word) => word.length));
  const indent = Math.max(0, Math.min(head.length + GAP.length, columns - longest));
  const lines = [`${head}${first}`];
  for (const word of rest) {
    const last = lines.at(-1)!;
    if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${' '.repeat(indent)}${word.trimStart()}`);
  }
  return lines;
}

/** A dash if it is not known. */
export function timeText(milliseconds: number | null): string {
  return milliseconds === null ? '-' : formatMicrosecondsShort(1000 * milliseconds);
}
