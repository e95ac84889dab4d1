/** The rows of every list: sorted, filtered, named, in columns. */
import { isIP } from 'node:net';
import { formatBytesShort, formatCountShort, formatMicrosecondsShort, UNLIMITED } from '../../base/units.ts';
import type { LeaseReport } from '../../control/change/reports.ts';
import type { FlowReport } from '../../control/views/flows-view.ts';
import type { HostReport } from '../../control/views/hosts-view.ts';
import type { ProgramReport } from '../../control/views/programs-view.ts';
import { valuesText } from '../change/leases.ts';
import { quotaText } from '../quota/table.ts';
import { endpoint } from '../views/flows-table.ts';
import { processText } from '../views/programs-table.ts';
import { bar } from './bar.ts';
import { type ClassRow, classRows } from './class-rows.ts';
import { contains, emptyText, type List, moreText, numberColumn } from './list-parts.ts';
import { programList } from './program-list.ts';
import { flowName } from './reports.ts';
import type { TopState, View } from './state.ts';
import { type Column, widest } from './table.ts';

/** What a command may be about. */
export type Selected =
  | { readonly view: 'classes'; readonly row: ClassRow }
  | { readonly view: 'hosts'; readonly row: HostReport }
  | { readonly view: 'flows'; readonly row: FlowReport }
  | { readonly view: 'leases'; readonly row: LeaseReport }
  | { readonly view: 'programs'; readonly row: ProgramReport };

const LISTS: { readonly [V in View]: (state: TopState) => List<Extract<Selected, { view: V }>['row']> } = {
  classes: classList,
  hosts: hostList,
  flows: flowList,
  leases: leaseList,
  programs: programList,
};

export function listOf(state: TopState): List<Selected['row']> {
  return LISTS[state.view](state) as unknown as List<Selected['row']>;
}

/** The place of the cursor: at its row, or where that row was. -1 without rows. */
export function cursorOf(state: TopState, { rows, nameOf }: List<Selected['row']>): number {
  const { selected, index } = state.lists[state.view];
  const found = selected === null ? -1 : rows.findIndex((row) => nameOf(row) === selected);
  return found >= 0 ? found : Math.min(index, rows.length - 1);
}

/** The row with the cursor. */
export function selectedOf(state: TopState): Selected | null {
  const list = listOf(state);
  const row = list.rows[cursorOf(state, list)];
  return row === undefined ? null : ({ view: state.view, row } as Selected);
}

const count = formatCountShort;
const DASH = '-';

export function delayText(microseconds: number | null | undefined): string {
  return microseconds === null || microseconds === undefined ? DASH : formatMicrosecondsShort(microseconds);
}

export function rttText(milliseconds: number | null | undefined): string {
  return milliseconds === null || milliseconds === undefined ? DASH : delayText(1000 * milliseconds);
}

/** `20.0M`, or `5.00M-20.0M` with a guaranteed rate below the ceiling. */
export function limitText(rateBitsPerSecond: number | null, ceilBitsPerSecond: number | null): string {
  if (ceilBitsPerSecond === null) return UNLIMITED;
  const [rate, ceil] = [count(rateBitsPerSecond ?? 0), count(ceilBitsPerSecond)];
  return rateBitsPerSecond === 0 || rate === ceil ? ceil : `${rate}-${ceil}`;
}

function classList(state: TopState): List<ClassRow> {
  const { filter, sort } = state.lists.classes;
  const leased = new Set(state.leases?.report?.leases.map(({ path }) => path));
  const rows = classRows(state.status.classes, sort, filter, leased);
  const columns: Column<ClassRow>[] = [
    {
      ...{
        heading: 'class',
        cells: 12,
        cellsMax: widest(
          rows.map(({ label }) => label),
          12,
        ),
        rank: 0,
      },
      ...{ align: 'left', sort: 'file', cell: ({ label }) => label },
    },
    {
      ...{ heading: 'of the ceiling', cells: 10, cellsMax: 40, rank: 4, align: 'left' },
      cell: ({ report }, cells) =>
        bar(
          {
            rate: report.recent.bitsPerSecond.over1s,
            ceil: report.effectiveCeilBitsPerSecond,
            guaranteed: report.rateBitsPerSecond ?? 0,
          },
          cells,
        ),
    },
    {
      ...{ heading: 'bit/s', cells: 6, rank: 1, align: 'right', sort: 'rate' },
      cell: ({ report }) => count(report.recent.bitsPerSecond.over1s),
    },
    {
      ...{ heading: 'limit', cells: 11, rank: 3, align: 'right' },
      cell: ({ report }) => limitText(report.rateBitsPerSecond, report.effectiveCeilBitsPerSecond),
    },
    {
      ...{ heading: 'p99', cells: 7, rank: 5, align: 'right', sort: 'delay' },
      cell: ({ report }) => delayText(report.recent.delayMicroseconds?.p99),
    },
    {
      ...{ heading: 'drops/s', cells: 8, rank: 2, align: 'right', sort: 'drops' },
      cell: ({ report }) => count(report.recent.droppedPerSecond),
    },
    {
      ...{ heading: 'waiting', cells: 8, rank: 6, align: 'right', sort: 'waiting' },
      cell: ({ report }) => formatBytesShort(report.backlog.bytes),
    },
    {
      ...{ heading: 'flows', cells: 6, rank: 7, align: 'right' },
      cell: ({ report }) => count(report.flows),
    },
    {
      ...{ heading: '10 s', cells: 6, rank: 8, align: 'right' },
      cell: ({ report }) => count(report.recent.bitsPerSecond.over10s),
    },
    {
      ...{ heading: '60 s', cells: 6, rank: 9, align: 'right' },
      cell: ({ report }) => count(report.recent.bitsPerSecond.over60s),
    },
  ];
  const nameOf = ({ report }: ClassRow): string => report.path;
  return { rows, nameOf, columns, empty: emptyText('classes', filter, ''), note: '' };
}

const HOST_KEYS: Readonly<Record<string, (host: HostReport) => number>> = {
  rate: ({ up, down }) => up.bitsPerSecond + down.bitsPerSecond,
  bytes: ({ up, down }) => up.bytes + down.bytes,
  flows: ({ flows }) => flows,
  rtt: ({ rttMilliseconds }) => rttMilliseconds ?? -1,
  drops: ({ up, down }) => up.dropped + down.dropped,
};

/** Of a host this much is shown before numbers of little importance. */
const HOST_CELLS = 24;

function hostList(state: TopState): List<HostReport> {
  const { filter, sort } = state.lists.hosts;
  const { report = null, error = '' } = state.hosts ?? { error: 'waiting for the list of hosts' };
  const keyOf = HOST_KEYS[sort];
  const fitting = (report?.hosts ?? []).filter((host) =>
    contains(filter, [host.id, host.name, ...host.addresses, ...host.macs]),
  );
  const rows = fitting.toSorted((a, b) =>
    keyOf ? keyOf(b) - keyOf(a) : hostText(a).localeCompare(hostText(b)),
  );
  const names = widest(rows.map(hostText), 15);
  const columns: Column<HostReport>[] = [
    {
      ...{ heading: 'host', cells: Math.min(names, HOST_CELLS), cellsMax: names, rank: 0, align: 'left' },
      ...{ sort: 'name', cell: hostText },
    },
    numberColumn('down bit/s', 11, 1, ({ down }) => count(down.bitsPerSecond), 'rate'),
    numberColumn('up bit/s', 9, 2, ({ up }) => count(up.bitsPerSecond)),
    ...(rows.some(({ quotas }) => quotas.length > 0)
      ? [numberColumn<HostReport>('quota', 6, 3, ({ quotas }) => quotaText(quotas))]
      : []),
    numberColumn('down', 8, 3, ({ down }) => formatBytesShort(down.bytes), 'bytes'),
    numberColumn('up', 8, 4, ({ up }) => formatBytesShort(up.bytes)),
    numberColumn('flows', 6, 5, ({ flows }) => count(flows), 'flows'),
    numberColumn('rtt', 7, 6, ({ rttMilliseconds }) => rttText(rttMilliseconds), 'rtt'),
    numberColumn('dropped', 8, 7, ({ up, down }) => count(up.dropped + down.dropped), 'drops'),
  ];
  const nameOf = ({ id }: HostReport): string => id;
  return {
    rows,
    nameOf,
    columns,
    empty: emptyText('hosts', filter, error),
    note: error || moreText(report?.hosts, report?.total),
  };
}

export function hostText({ id, name }: HostReport): string {
  return name === '' ? id : `${name} ${id}`;
}

/** Flows, or hosts, that are asked for at once. */
export const ROWS_ASKED = 500;

/** The filter as a question to the instance, which knows all flows; '' if it is only text. */
export function flowFilterQuery(filter: string, paths: readonly string[]): string {
  const [address = '', bits = '0', ...rest] = filter.split('/');
  const isAddress = isIP(address) !== 0 && /^\d{1,3}$/.test(bits) && rest.length === 0;
  if (isAddress) return `&host=${encodeURIComponent(filter)}`;
  return paths.includes(filter) ? `&class=${encodeURIComponent(filter)}` : '';
}

function flowList(state: TopState): List<FlowReport> {
  const { filter } = state.lists.flows;
  const { report = null, error = '' } = state.flows ?? { error: 'waiting for the list of flows' };
  const isAsked =
    flowFilterQuery(
      filter,
      state.status.classes.map(({ path }) => path),
    ) !== '';
  const rows = (report?.flows ?? []).filter(
    (flow) => isAsked || contains(filter, [flowName(flow), ...flow.classes, ...processTexts(flow)]),
  );
  const columns: Column<FlowReport>[] = [
    numberColumn('bit/s', 6, 0, ({ bitsPerSecond }) => count(bitsPerSecond), 'rate'),
    { heading: 'proto', cells: 5, rank: 6, align: 'left', cell: ({ protocol }) => protocol },
    {
      ...{ heading: 'from', cells: 15, rank: 1, align: 'left', cell: sourceText },
      cellsMax: widest(rows.map(sourceText), 15),
    },
    {
      ...{ heading: 'to', cells: 15, rank: 2, align: 'left', cell: targetText },
      cellsMax: widest(rows.map(targetText), 15),
    },
    {
      ...{ heading: 'class', cells: 11, rank: 3, align: 'left', cell: pathsText },
      cellsMax: widest(rows.map(pathsText), 11),
    },
    ...(rows.some(({ process }) => process !== null) ? [programColumn(rows)] : []),
    numberColumn('waiting', 8, 5, ({ backlogBytes }) => formatBytesShort(backlogBytes), 'backlog'),
    numberColumn('rtt', 7, 7, ({ rttMilliseconds }) => rttText(rttMilliseconds), 'rtt'),
    numberColumn('dropped', 8, 8, ({ dropped }) => count(dropped), 'dropped'),
    numberColumn('bytes', 8, 9, ({ bytes }) => formatBytesShort(bytes), 'bytes'),
    numberColumn('age', 6, 10, ({ ageSeconds }) => ageText(ageSeconds), 'age'),
  ];
  const note = error || moreText(report?.flows, report?.total);
  return { rows, nameOf: flowName, columns, empty: emptyText('flows', filter, error), note };
}

function programColumn(rows: readonly FlowReport[]): Column<FlowReport> {
  const text = ({ process }: FlowReport): string => processText(process);
  const cellsMax = widest(rows.map(text), 8);
  return { heading: 'program', cells: 8, cellsMax, rank: 4, align: 'left', cell: text };
}

/** By what a flow is found beside its ends and classes. */
function processTexts({ process }: FlowReport): string[] {
  return process ? [process.name ?? '', process.exe ?? '', process.user, process.unit ?? ''] : [];
}

const sourceText = ({ src, sport }: FlowReport): string => endpoint(src, sport);
const targetText = ({ dst, dport }: FlowReport): string => endpoint(dst, dport);
const pathsText = ({ classes }: FlowReport): string => classes.join(' ');

export function ageText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s`;
  return whole < 7200 ? `${Math.floor(whole / 60)} min` : `${Math.floor(whole / 3600)} h`;
}

function leaseList(state: TopState): List<LeaseReport> {
  const { filter } = state.lists.leases;
  const { report = null, error = '' } = state.leases ?? { error: 'waiting for the list of leases' };
  const rows = (report?.leases ?? []).filter((lease) =>
    contains(filter, [lease.path, valuesText(lease.set)]),
  );
  const columns: Column<LeaseReport>[] = [
    numberColumn('id', 4, 1, ({ id }) => String(id)),
    {
      ...{ heading: 'class', cells: 12, rank: 0, align: 'left', cell: ({ path }) => path },
      cellsMax: widest(
        rows.map(({ path }) => path),
        12,
      ),
    },
    {
      ...{ heading: 'sets', cells: 14, cellsMax: 60, rank: 2, align: 'left' },
      cell: ({ set }) => valuesText(set),
    },
    numberColumn('ends in', 10, 3, ({ until }) => leftText(until, state.wallMs)),
    {
      ...{ heading: 'then', cells: 14, cellsMax: 60, rank: 4, align: 'left' },
      cell: ({ back }) => valuesText(back),
    },
  ];
  const nameOf = ({ id }: LeaseReport): string => String(id);
  return { rows, nameOf, columns, empty: emptyText('changes with an end', filter, error), note: error };
}

/** From now until an instant of ISO 8601. */
export function leftText(until: string, wallMs: number): string {
  const ms = Date.parse(until) - wallMs;
  return ms > 0 ? ageText(ms / 1000) : 'now';
}
