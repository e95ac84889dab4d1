/** `shaper leases` and `shaper lease end`. */
import { EXIT_FINE } from '../../base/errors.ts';
import { joinColumns, padColumns } from '../../base/text-columns.ts';
import { call } from '../../client/client.ts';
import type { LeaseReport } from '../../control/change/reports.ts';
import type { Scheduled } from '../../control/change/state.ts';
import type { Terminal } from '../terminal.ts';
import { printAnswer, printJson } from './print.ts';
import { type ChangeOptions, socketOf } from './socket.ts';

export async function leases(options: ChangeOptions, terminal: Terminal): Promise<number> {
  const answer = await call(socketOf(options), 'GET', '/v1/leases');
  if (options.json) printJson(answer, terminal);
  else terminal.out(leaseTable(answer.leases as LeaseReport[], answer.scheduled as Scheduled[]));
  return EXIT_FINE;
}

export async function endLease(id: string, options: ChangeOptions, terminal: Terminal): Promise<number> {
  const path = `/v1/leases/${encodeURIComponent(id)}`;
  printAnswer(await call(socketOf(options), 'DELETE', path), options, terminal);
  return EXIT_FINE;
}

export function leaseTable(all: readonly LeaseReport[], scheduled: readonly Scheduled[]): string {
  const rows = [
    ...all.map(({ id, path, set, since, until, back }) => [
      String(id),
      path,
      valuesText(set),
      `since ${since}`,
      `until ${until}`,
      `then ${valuesText(back)}`,
    ]),
    ...scheduled.map(({ path, when, set }) => ['-', path, valuesText(set), 'by schedule', when, '']),
  ];
  if (rows.length === 0) return 'nothing has an end, and no schedule holds\n';
  return `${joinColumns(padColumns(rows, () => true))}\n`;
}

/** As the arguments of `shaper set` that would set the same. */
export function valuesText(values: object, prefix = ''): string {
  const texts = Object.entries(values).map(([key, value]: [string, unknown]) => {
    if (value === null) return `${prefix}${key}=null`;
    if (typeof value !== 'object') return `${prefix}${key}=${String(value)}`;
    return Array.isArray(value)
      ? `${prefix}${key}=${JSON.stringify(value)}`
      : valuesText(value, `${prefix}${key}.`);
  });
  return texts.join(' ');
}
