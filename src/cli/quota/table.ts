/** Quotas for people. They are made for 80 columns. */
import { printable } from '../../base/printable.ts';
import { joinColumns, namedRows, padColumns } from '../../base/text-columns.ts';
import { formatBytesShort } from '../../base/units.ts';
import type { GrantReport, HostStanding, QuotasReport, StandingReport } from '../../control/hosts/reports.ts';

const STATES = { ok: '', warned: 'warned', exceeded: 'over' } as const;

const HEADING = ['quota', 'over', 'way', 'used', 'limit', 'share', 'state', 'ends'];

/** One line a host: the limit of which it has used most. */
export function quotasTable({ hosts }: QuotasReport, columns: number, nowMs: number): string {
  const limited = hosts.filter(({ quotas }) => quotas.length > 0);
  if (limited.length === 0) return 'no host has a quota\n';
  const names = ['host', ...limited.map(hostName)];
  const rows = [HEADING, ...limited.map(({ quotas }) => cellsOf(worstOf(quotas), nowMs))];
  return `${namedRows(names, rows, columns)}\n`;
}

/** All limits of a host, and what was granted to it. */
export function hostQuotas(host: HostStanding, nowMs: number): string {
  const { quotas, grants } = host;
  const title = [hostName(host), ...host.addresses.filter((address) => address !== hostName(host))].join(
    '  ',
  );
  if (quotas.length === 0) return `${title}\nno quota holds for it\n`;
  const rows = [HEADING, ...quotas.map((standing) => cellsOf(standing, nowMs))];
  const table = joinColumns(padColumns(rows, (column) => column < 3 || column > 5));
  return `${title}\n${table}\n${grants.map((grant) => `${grantText(grant)}\n`).join('')}`;
}

/** `5.00 GB more of fair-use until 2026-11-30T10:00:00.000Z`. */
export function grantText({ bytes, quota, until }: GrantReport): string {
  const end = until === null ? 'in each window, for as long as it is' : `until ${until}`;
  return `${formatBytesShort(bytes)} more of ${quota ?? 'all quotas'} ${end}`;
}

/** A name may come from the host itself, by DHCP. */
export function hostName({ id, name }: Pick<HostStanding, 'id' | 'name'>): string {
  return name === '' ? id : printable(name);
}

/** An exceeded limit before others, then the largest share. There is at least one. */
export function worstOf(standings: readonly StandingReport[]): StandingReport {
  const weight = ({ state, usedBytes, limitBytes }: StandingReport): number =>
    (state === 'exceeded' ? 1e6 : 0) + usedBytes / limitBytes;
  return standings.reduce((worst, one) => (weight(one) > weight(worst) ? one : worst));
}

/** `over`, or the share of the limit of which most is used; empty without a quota. */
export function quotaText(standings: readonly StandingReport[]): string {
  if (standings.length === 0) return '';
  const worst = worstOf(standings);
  return worst.state === 'exceeded' ? STATES.exceeded : shareText(worst);
}

/** `down 10.2 GB of 10.0 GB in 4h, over, ends in 32 min`. */
export function standingText(standing: StandingReport, nowMs: number): string {
  const { over, direction, usedBytes, limitBytes, state, endsAt } = standing;
  const used = `${direction} ${formatBytesShort(usedBytes)} of ${formatBytesShort(limitBytes)} in ${over}`;
  const ends = endsAt === null ? [] : [`ends ${endText(endsAt, nowMs)}`];
  return [used, ...(state === 'ok' ? [] : [STATES[state]]), ...ends].join(', ');
}

function shareText({ usedBytes, limitBytes }: StandingReport): string {
  return `${Math.floor((100 * usedBytes) / limitBytes)}%`;
}

function cellsOf(standing: StandingReport, nowMs: number): string[] {
  const { quota, over, direction, usedBytes, limitBytes, state, endsAt } = standing;
  return [
    ...[quota, over, direction, formatBytesShort(usedBytes), formatBytesShort(limitBytes)],
    ...[shareText(standing), STATES[state]],
    endsAt === null ? '' : endText(endsAt, nowMs),
  ];
}

/** `in 32 min`. */
export function endText(endsAt: string, nowMs: number): string {
  const seconds = Math.max(0, (Date.parse(endsAt) - nowMs) / 1000);
  if (seconds < 60) return `in ${Math.ceil(seconds)} s`;
  if (seconds < 7200) return `in ${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `in ${Math.round(seconds / 3600)} h` : `in ${Math.round(seconds / 86_400)} days`;
}
