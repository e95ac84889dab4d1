/** Writes what was read of a broken file into a new one. */
import type { Stored } from './batch.ts';
import { HostKeys } from './host-keys.ts';
import type { Database } from './sqlite.ts';
import { QuotaWriter } from './write-quotas.ts';

/** To be called in a transaction. */
export function restoreStored(database: Database, { hosts, quotas, memos }: Stored): void {
  const keys = new HostKeys(database);
  for (const host of hosts) {
    keys.keyOf(host.id, host.firstSeenMs);
    keys.news(host);
    const counts = [host.upBytes, host.downBytes].map((bytes) => Float64Array.of(bytes));
    keys.count({ hosts: [host.id], upBytes: counts[0]!, downBytes: counts[1]! }, host.lastSeenMs);
  }
  const memo = database.prepare('REPLACE INTO memos VALUES (?, ?)');
  for (const { key, value } of memos) memo.run(key, value);
  const { clock } = quotas;
  if (clock === null) return;
  const rest = { cleared: [], endedViolations: [], endedGrants: [] };
  new QuotaWriter(database, keys).write({ ...quotas, ...rest, clock }, clock.wallMs);
}
