/** The programs of this machine as a list of `top`. */
import { formatBytesShort, formatCountShort } from '../../base/units.ts';
import type { ProgramReport } from '../../control/views/programs-view.ts';
import { listText, placeText, programName } from '../views/programs-table.ts';
import { contains, emptyText, type List, moreText, numberColumn } from './list-parts.ts';
import type { TopState } from './state.ts';
import { type Column, widest } from './table.ts';

const KEYS: Readonly<Record<string, (program: ProgramReport) => number>> = {
  rate: ({ up, down }) => up.bitsPerSecond + down.bitsPerSecond,
  bytes: ({ up, down }) => up.bytes + down.bytes,
  flows: ({ flows }) => flows,
};

const count = formatCountShort;

export function programList(state: TopState): List<ProgramReport> {
  const { filter, sort } = state.lists.programs;
  const { report = null, error = '' } = state.programs ?? { error: 'waiting for the list of programs' };
  const keyOf = KEYS[sort];
  const fitting = (report?.programs ?? []).filter((program) =>
    contains(filter, [programName(program), program.exe ?? '', ...program.users, ...program.units]),
  );
  const rows = fitting.toSorted((a, b) =>
    keyOf ? keyOf(b) - keyOf(a) : programName(a).localeCompare(programName(b)),
  );
  const columns: Column<ProgramReport>[] = [
    {
      ...{ heading: 'program', cells: 12, cellsMax: widest(rows.map(programName), 12), rank: 0 },
      ...{ align: 'left', sort: 'name', cell: programName },
    },
    numberColumn('down bit/s', 11, 1, ({ down }) => count(down.bitsPerSecond), 'rate'),
    numberColumn('up bit/s', 9, 2, ({ up }) => count(up.bitsPerSecond)),
    textColumn('user', 8, 3, rows, ({ users }) => listText(users)),
    numberColumn('flows', 6, 4, ({ flows }) => count(flows), 'flows'),
    textColumn('unit', 12, 5, rows, placeText),
    numberColumn('down', 8, 6, ({ down }) => formatBytesShort(down.bytes), 'bytes'),
    numberColumn('up', 8, 7, ({ up }) => formatBytesShort(up.bytes)),
    textColumn('pid', 8, 8, rows, ({ pids }) => listText(pids.map(String))),
  ];
  const nameOf = (program: ProgramReport): string => program.exe ?? programName(program);
  const note = error || moreText(report?.programs, report?.total);
  return { rows, nameOf, columns, empty: emptyText('programs', filter, error), note };
}

function textColumn(
  heading: string,
  cells: number,
  rank: number,
  rows: readonly ProgramReport[],
  cell: (program: ProgramReport) => string,
): Column<ProgramReport> {
  return { heading, cells, cellsMax: widest(rows.map(cell), cells), rank, align: 'left', cell };
}
