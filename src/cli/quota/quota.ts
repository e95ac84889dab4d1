/** `shaper quota`: how hosts stand with their quotas, and exceptions. */
import { EXIT_FINE } from '../../base/errors.ts';
import { call } from '../../client/client.ts';
import type { GrantReport, HostStanding, QuotasReport } from '../../control/hosts/reports.ts';
import { type ChangeOptions, socketOf } from '../change/socket.ts';
import { withQuery } from '../query.ts';
import type { Terminal } from '../terminal.ts';
import { grantText, hostName, hostQuotas, quotasTable } from './table.ts';

export interface GrantOptions extends ChangeOptions {
  readonly quota?: string;
  readonly for?: string;
}

export async function quota(
  host: string | undefined,
  options: ChangeOptions,
  terminal: Terminal,
): Promise<number> {
  const report = await call<QuotasReport>(socketOf(options), 'GET', withQuery('/v1/quotas', { host }));
  const nowMs = Date.now();
  const text = (): string =>
    host === undefined
      ? quotasTable(report, terminal.columns, nowMs)
      : report.hosts.map((one) => hostQuotas(one, nowMs)).join('');
  terminal.out(options.json ? `${JSON.stringify(report, null, 2)}\n` : text());
  return EXIT_FINE;
}

export async function grant(
  host: string,
  bytes: string,
  options: GrantOptions,
  terminal: Terminal,
): Promise<number> {
  const body = { host, bytes, quota: options.quota, for: options.for };
  const answer = await call<{ grant: GrantReport }>(socketOf(options), 'POST', '/v1/quotas/grant', body);
  const { id, name } = { id: answer.grant.host, name: answer.grant.name };
  terminal.out(
    options.json
      ? `${JSON.stringify(answer, null, 2)}\n`
      : `${hostName({ id, name })}: ${grantText(answer.grant)}\n`,
  );
  return EXIT_FINE;
}

export async function reset(host: string, options: ChangeOptions, terminal: Terminal): Promise<number> {
  const answer = await call<{ host: HostStanding }>(socketOf(options), 'POST', '/v1/quotas/reset', { host });
  terminal.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : hostQuotas(answer.host, Date.now()));
  return EXIT_FINE;
}
