/** What is configured of hosts, their history and their quotas, in the words of the file. */
import type { LoadedConfig } from '../config/config.ts';
import { valueText } from '../config/edit/value-text.ts';
import type { Block } from '../config/write/block.ts';
import { writeHistory, writeHosts } from '../config/write/hosts.ts';
import { writeQuota } from '../config/write/quotas.ts';

/**
 * A line for each of the three, and one for each quota. Nothing of what nobody asked for.
 *
 *   hosts: { lan: eth1, identify: mac, leases: /var/lib/misc/dnsmasq.leases, reverseDns: false }, 2 names
 *   history: { file: /var/lib/shaper/shaper.db, flush: 10s, keep: ["5m for 2d", "1h for 60d"] }
 *   quota fair-use: { windows: { over: 4h, up: 5GB, down: 10GB }, release: 100%, then: block }
 */
export function hostSummary({ spec: { hosts, quotas }, history }: LoadedConfig): string {
  const lines: string[] = [];
  const isHostsWritten = Object.keys(writeHosts(hosts, 'chosen')).length > 0;
  const named = hosts.names.length === 0 ? '' : `, ${hosts.names.length} names`;
  if (isHostsWritten) lines.push(`hosts: ${blockText(writeHosts({ ...hosts, names: [] }, 'all'))}${named}`);
  if (history.file !== null || quotas.length > 0)
    lines.push(`history: ${blockText(writeHistory(history, 'all'))}`);
  lines.push(...quotas.map((quota) => `quota ${quota.name}: ${blockText(writeQuota(quota, 'all'))}`));
  return lines.map((line) => `  ${line}\n`).join('');
}

/** Lists of one entry as the entry. */
function blockText(block: Block): string {
  return valueText(JSON.parse(JSON.stringify(block), (_, value) => (isOne(value) ? value[0] : value)));
}

function isOne(value: unknown): value is readonly [unknown] {
  return Array.isArray(value) && value.length === 1;
}
