/** A history as comma-separated values (RFC 4180), for other programs. */
import type { HistoryReport } from '../../control/hosts/reports.ts';

/** An empty field is not known. */
export function historyCsv({ points }: HistoryReport): string {
  const rows = points.map(({ at, upBytes, downBytes }) => `${at},${upBytes ?? ''},${downBytes ?? ''}\r\n`);
  return `at,upBytes,downBytes\r\n${rows.join('')}`;
}
