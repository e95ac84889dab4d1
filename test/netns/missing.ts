/** What this machine lacks for tests on real packets. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const QUEUES = '/proc/net/netfilter/nfnetlink_queue';

/** Why tests on real packets cannot run here; empty when they can. */
export function netnsMissing(): string {
  if (process.getuid?.() !== 0) return 'needs root: makes network namespaces and queues';
  if (existsSync(QUEUES)) return '';
  spawnSync('modprobe', ['-q', 'nfnetlink_queue']); // a module on most distributions, loaded by nobody yet
  return existsSync(QUEUES) ? '' : 'no NFQUEUE in this kernel';
}
