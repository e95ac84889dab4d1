/** Programs of this machine for people. It is made for 80 columns. */
import { namedRows } from '../../base/text-columns.ts';
import { formatBytesShort, formatCountShort } from '../../base/units.ts';
import type { FlowProcess } from '../../control/programs/process-facts.ts';
import type { ProgramReport, ProgramsReport } from '../../control/views/programs-view.ts';

type Column = readonly [heading: string, cell: (program: ProgramReport) => string];

const COLUMNS: readonly Column[] = [
  ['up bit/s', ({ up }) => formatCountShort(up.bitsPerSecond)],
  ['down bit/s', ({ down }) => formatCountShort(down.bitsPerSecond)],
  ['up', ({ up }) => formatBytesShort(up.bytes)],
  ['down', ({ down }) => formatBytesShort(down.bytes)],
  ['flows', ({ flows }) => formatCountShort(flows)],
  ['user', ({ users }) => listText(users)],
  ['pid', ({ pids }) => listText(pids.map(String))],
  ['unit', (program) => placeText(program)],
];

/** `columns` are the characters in a line. */
export function programsTable({ programs, total }: ProgramsReport, columns: number): string {
  if (total === 0) return 'no flows\n';
  const names = ['program', ...programs.map(programName)];
  const rows = [
    COLUMNS.map(([heading]) => heading),
    ...programs.map((program) => COLUMNS.map(([, cell]) => cell(program))),
  ];
  const last = programs.length < total ? `${total - programs.length} more; --limit N shows more\n` : '';
  return `${namedRows(names, rows, columns)}\n${last}`;
}

/** As ps names its first process; what it is where no process can be seen. */
export function programName({ kind, name, users }: ProgramReport): string {
  if (kind !== 'local') return `(${kind})`;
  return name === '' ? `(user ${listText(users)})` : name;
}

/** The first one, and how many more there are. */
export function listText(texts: readonly string[]): string {
  const [first = '-', ...others] = texts;
  return others.length > 0 ? `${first} +${others.length}` : first;
}

/** Its container, else its unit. */
export function placeText({ units, containers }: ProgramReport): string {
  return listText(containers.length > 0 ? containers : units);
}

/** Of a flow: its program, or its user where no process can be seen; empty if it has none. */
export function processText(process: FlowProcess | null): string {
  if (process === null) return '';
  return process.name ?? `(user ${process.user})`;
}

/** Program, pid, user and where it runs. */
export function longProcessText(process: FlowProcess | null): string {
  if (process === null) return '';
  const { pid, user, unit, container } = process;
  const words = [processText(process), pid, pid === null ? null : user, container ?? unit];
  return words.filter((word) => word !== null).join(' ');
}
