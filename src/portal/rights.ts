/** How the process of the page gives up every right it began with, and makes sure of it. */
import { readFileSync } from 'node:fs';
import { reasonOf } from '../base/system-error.ts';

const NOBODY = 65534;
const ROOT = 0;

/**
 * The process goes on as nobody. Throws if it still has a right, or could get one back: strangers must not
 * talk to it then.
 */
export function giveUpRights(): void {
  if (process.geteuid?.() === ROOT) becomeNobody();
  const found = remainingRights(readFileSync('/proc/self/status', 'utf8'));
  if (found !== null) throw new Error(`its process keeps ${found}, so it does not serve strangers`);
  if (canBecomeRoot()) throw new Error('its process could become root again, so it does not serve strangers');
}

function becomeNobody(): void {
  try {
    process.setgroups?.([]);
    process.setgid?.(NOBODY);
    process.setuid?.(NOBODY);
  } catch (error) {
    const needs = 'it needs CAP_SETUID and CAP_SETGID, and a user 65534';
    throw new Error(`its process may not become nobody (${reasonOf(error)}): ${needs}`);
  }
}

/** What /proc/PID/status says that an unprivileged process does not have; null: nothing. */
export function remainingRights(status: string): string | null {
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  const ids = (name: string): string[] => field(name).split(/\s+/);
  if (field('Uid') === '' || field('CapEff') === '') return 'rights that cannot be read';
  if (ids('Uid').includes('0')) return 'the user root';
  if (ids('Gid').includes('0') || ids('Groups').includes('0')) return 'the group root';
  const sets = ['CapEff', 'CapPrm', 'CapInh', 'CapAmb'];
  const kept = sets.find((name) => !/^0*$/.test(field(name)));
  return kept === undefined ? null : `capabilities (${kept} ${field(kept)})`;
}

function canBecomeRoot(): boolean {
  try {
    process.setuid?.(ROOT);
    return true;
  } catch {
    return false;
  }
}
