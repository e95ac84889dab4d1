/** What is configured of hosts, their history and their quotas, in the words of the file. */
import { formatBytes, formatRate, formatShare, formatTime } from '../base/units.ts';
import type { LoadedConfig } from '../config/config.ts';
import type { Block, BlockValue } from '../config/write/block.ts';
import { writeHistory, writeHosts } from '../config/write/hosts.ts';
import { writeMatch } from '../config/write/match.ts';
import type { QuotaHostsSpec, QuotaSpec, WindowSpec } from '../spec/hosts.ts';

/**
 * A line for each of the three, and one for each quota. Nothing for what nobody asked for.
 *
 *   hosts: lan eth1, identify mac, leases /var/lib/misc/dnsmasq.leases, reverseDns false, 2 names
 *   history: file /var/lib/shaper/shaper.db, flush 10s, keep 5m for 2d, 1h for 60d, 1d for 5y
 *   quota fair-use of src 10.0.0.0/16: up 5GB and down 10GB in 4h; warns from 80%; then throttle (up 1mbit), page
 */
export function hostSummary({ spec: { hosts, quotas }, history }: LoadedConfig): string {
  const lines: string[] = [];
  if (Object.keys(writeHosts(hosts, 'chosen')).length > 0) {
    const named = hosts.names.length === 0 ? [] : [`${hosts.names.length} names`];
    lines.push(`hosts: ${[...texts(writeHosts(hosts, 'all')), ...named].join(', ')}`);
  }
  if (history.file !== null || quotas.length > 0)
    lines.push(`history: ${texts(writeHistory(history, 'all')).join(', ')}`);
  lines.push(...quotas.map(quotaLine));
  return lines.map((line) => `  ${line}\n`).join('');
}

function isText(value: BlockValue): value is string | readonly string[] {
  return typeof value === 'string' || (Array.isArray(value) && typeof value[0] === 'string');
}

function texts(block: Block): string[] {
  return Object.entries(block).flatMap(([key, value]) =>
    isText(value) ? [`${key} ${typeof value === 'string' ? value : value.join(', ')}`] : [],
  );
}

function quotaLine(quota: QuotaSpec): string {
  const { name, hosts, windows, warnShare, slopeShare, releaseShare } = quota;
  const parts = [
    windows.map(windowText).join(', '),
    ...(warnShare === null ? [] : [`warns from ${formatShare(warnShare)}`]),
    ...(slopeShare === null ? [] : [`slope from ${formatShare(slopeShare)}`]),
    ...(releaseShare === 1 ? [] : [`free again at ${formatShare(releaseShare)}`]),
    `then ${actionTexts(quota).join(', ') || 'nothing'}`,
  ];
  return `quota ${name} of ${hostsText(hosts)}: ${parts.join('; ')}`;
}

function hostsText({ names, match }: QuotaHostsSpec): string {
  if (names === null && match === null) return 'every inside host';
  const blocks = match === null ? [] : writeMatch(match, 'chosen');
  const matchers = (Array.isArray(blocks) ? blocks : [blocks]) as readonly Block[];
  return [...(names ?? []), ...matchers.map((matcher) => texts(matcher).join(' and '))].join(' or ');
}

function windowText({ overNs, upBytes, downBytes, totalBytes }: WindowSpec): string {
  const sums = { up: upBytes, down: downBytes, total: totalBytes };
  const limits = Object.entries(sums).flatMap(([key, bytes]) =>
    Number.isFinite(bytes) ? [`${key} ${formatBytes(bytes)}`] : [],
  );
  return `${limits.join(' and ')} in ${formatTime(overNs)}`;
}

function actionTexts({ throttle, isBlocking, page, outside }: QuotaSpec): string[] {
  const rates = Object.entries({ up: throttle?.upBytesPerSec, down: throttle?.downBytesPerSec }).flatMap(
    ([key, bytesPerSec]) =>
      bytesPerSec !== undefined && Number.isFinite(bytesPerSec) ? [`${key} ${formatRate(bytesPerSec)}`] : [],
  );
  return [
    ...(throttle === null ? [] : [`throttle (${rates.join(', ')})`]),
    ...(isBlocking ? ['block'] : []),
    ...(page === null ? [] : ['page']),
    ...outside.flatMap(({ exec, webhook, mail }) => [
      ...(exec === null ? [] : [`exec ${exec[0]}`]),
      ...(webhook === null ? [] : [`webhook ${webhook}`]),
      ...(mail === null ? [] : [`mail to ${mail.to}`]),
    ]),
  ];
}
