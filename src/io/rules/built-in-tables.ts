/**
 * Takes back the tables that iptables-nft makes for its first rule, with their base chains, and never
 * removes. An empty base chain costs little, but a machine should be after the stop as it was before the
 * start.
 */
import { readFileSync } from 'node:fs';
import { NFQUEUES_FILE, parseNfqueues } from '../proc/nfqueues.ts';
import { IPTABLES_TABLES } from './render-iptables.ts';
import { runTool } from './tool.ts';

const TABLES = ['ip', 'ip6'].flatMap((family) => IPTABLES_TABLES.map((table) => `${family} ${table}`));
const EMPTY_CHAIN =
  /^\tchain (\w+) \{\n\t\ttype filter hook \w+ priority (?:150|security|-150|mangle); policy accept;\n\t\}\n/gm;

/** Which of the tables exist. null if nft does not say. */
export async function builtInTables(): Promise<readonly string[] | null> {
  const { status, stdout } = await runTool('nft', ['list', 'tables']).catch(() => ({
    status: 1,
    stdout: '',
  }));
  return status === 0 ? TABLES.filter((table) => stdout.includes(`table ${table}\n`)) : null;
}

/**
 * Removes the tables that did not exist `before` and are empty. A deleted base chain makes the kernel drop
 * every held packet of the namespace, so nothing is removed while any NFQUEUE is open. Never throws.
 */
export async function removeNewEmptyTables(before: readonly string[] | null): Promise<void> {
  if (before === null || hasNfqueues()) return;
  for (const table of (await builtInTables()) ?? []) {
    if (before.includes(table)) continue;
    const listing = await runTool('nft', ['list', 'table', ...table.split(' ')]).catch(() => null);
    const lines = deletionOfEmpty(table, listing?.stdout ?? '');
    // A rule that has come since makes the whole transaction fail, and the table stays.
    if (lines !== null) await runTool('nft', ['-f', '-'], lines).catch(() => null);
  }
}

/**
 * The transaction that deletes a table with nothing but empty base chains. null if there is anything else.
 */
export function deletionOfEmpty(table: string, listing: string): string | null {
  const text = listing.replace(/^#.*\n/gm, '');
  const chains = [...text.matchAll(EMPTY_CHAIN)].map(([, name]) => name);
  const rest = text.replace(EMPTY_CHAIN, '').replace(/\s+/g, ' ');
  if (rest !== `table ${table} { } `) return null;
  return [...chains.map((chain) => `delete chain ${table} ${chain}\n`), `delete table ${table}\n`].join('');
}

function hasNfqueues(): boolean {
  try {
    return parseNfqueues(readFileSync(NFQUEUES_FILE, 'utf8')).length > 0;
  } catch {
    return true;
  }
}
