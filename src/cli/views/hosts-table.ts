/** Inside hosts for people. It is made for 80 columns. */
import { namedRows } from '../../base/text-columns.ts';
import { formatBytesShort, formatCountShort } from '../../base/units.ts';
import type { HostReport, HostsReport } from '../../control/views/hosts-view.ts';
import { hostName, quotaText } from '../quota/table.ts';
import { timeText } from './flows-table.ts';

type Column = readonly [heading: string, cell: (host: HostReport) => string];

const COLUMNS: readonly Column[] = [
  ['up bit/s', ({ up }) => formatCountShort(up.bitsPerSecond)],
  ['down bit/s', ({ down }) => formatCountShort(down.bitsPerSecond)],
  ['up', ({ up }) => formatBytesShort(up.bytes)],
  ['down', ({ down }) => formatBytesShort(down.bytes)],
  ['drops', ({ up, down }) => formatCountShort(up.dropped + down.dropped)],
  ['flows', ({ flows }) => formatCountShort(flows)],
  ['rtt', ({ rttMilliseconds }) => timeText(rttMilliseconds)],
];

/** Only where a host has quotas. */
const QUOTA: Column = ['quota', ({ quotas }) => quotaText(quotas)];

/** `columns` are the characters in a line. */
export function hostsTable({ hosts, total }: HostsReport, columns: number): string {
  if (total === 0) return 'no hosts\n';
  const names = ['host', ...hosts.map(hostName)];
  const shown = hosts.some(({ quotas }) => quotas.length > 0) ? [...COLUMNS, QUOTA] : COLUMNS;
  const rows = [
    shown.map(([heading]) => heading),
    ...hosts.map((host) => shown.map(([, cell]) => cell(host))),
  ];
  const last = hosts.length < total ? `${total - hosts.length} more; --limit N shows more\n` : '';
  return `${namedRows(names, rows, columns)}\n${last}`;
}
