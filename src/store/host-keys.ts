/** Numbers by which rows name hosts, and what is known of the hosts themselves. */
import { STORED_HOSTS_MAX } from '../limits.ts';
import type { HostCounts, HostNews } from './batch.ts';
import { runOnRows, whole } from './points.ts';
import { numberOf } from './schema.ts';
import type { Database, Query, Statement } from './sqlite.ts';

/** Hosts that one flush forgets at most. */
const FORGOTTEN_MAX = 500;
const HOUR_MS = 3_600_000;

export class HostKeys {
  readonly #keys = new Map<string, number>();
  readonly #database: Database;
  readonly #insert: Statement;
  readonly #keyOf: Query;
  readonly #news: Statement;
  readonly #count: Statement;
  #lookAgainMs = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#insert = database.prepare(`
      INSERT INTO hosts (id, name, macs, addresses, first_seen, last_seen, up, down)
      VALUES (?1, NULL, '', '', ?2, ?2, 0, 0)`);
    this.#keyOf = database.query('key', 'FROM hosts WHERE id = ?');
    this.#news = database.prepare(`
      UPDATE hosts SET name = ?, macs = ?, addresses = ?, last_seen = max(last_seen, ?) WHERE key = ?`);
    this.#count = database.prepare(`
      UPDATE hosts SET up = up + row.value ->> 1, down = down + row.value ->> 2, last_seen = max(last_seen, ?)
      FROM json_each(?) AS row WHERE hosts.key = row.value ->> 0`);
  }

  /** The key of a host, which becomes one if it was none. */
  keyOf(id: string, nowMs: number): number {
    const known = this.find(id);
    if (known !== null) return known;
    this.#insert.run(id, whole(nowMs));
    return this.find(id)!;
  }

  /** The key of a host; null if it is none. */
  find(id: string): number | null {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const rows = this.#keyOf.all(id);
    if (rows.length === 0) return null;
    const key = rows[0]![0] as number;
    this.#keys.set(id, key);
    return key;
  }

  /** Totals of the host become those of another one, and it is gone. */
  merge(from: string, into: number): void {
    const key = this.find(from);
    this.#database
      .prepare(`
        UPDATE hosts SET up = hosts.up + old.up, down = hosts.down + old.down,
          first_seen = min(hosts.first_seen, old.first_seen), last_seen = max(hosts.last_seen, old.last_seen)
        FROM hosts AS old WHERE old.key = ?1 AND hosts.key = ?2`)
      .run(key, into);
    this.#database.prepare('DELETE FROM hosts WHERE key = ?').run(key);
    this.#keys.delete(from);
  }

  news({ id, name, macs, addresses, lastSeenMs }: HostNews): void {
    const key = this.keyOf(id, lastSeenMs);
    this.#news.run(name, macs.join(' '), addresses.join(' '), whole(lastSeenMs), key);
  }

  /** Returns the keys, row by row. */
  count(counts: HostCounts, nowMs: number): number[] {
    const keys = counts.hosts.map((id) => this.keyOf(id, nowMs));
    const rows = keys.map((key, i) => [key, whole(counts.upBytes[i]!), whole(counts.downBytes[i]!)]);
    runOnRows(
      this.#count,
      [whole(nowMs)],
      rows.filter(([, up, down]) => up !== 0 || down !== 0),
    );
    return keys;
  }

  /**
   * Once an hour, hosts go of which nothing is kept any more; and beyond STORED_HOSTS_MAX those that were
   * seen longest ago, because anybody can invent MACs. A few at a time.
   */
  forget(keptMs: number, nowMs: number): void {
    if (nowMs < this.#lookAgainMs && this.#lookAgainMs <= nowMs + HOUR_MS) return;
    const tooMany = numberOf(this.#database, 'count(*)', 'hosts') - STORED_HOSTS_MAX;
    const rows = this.#database
      .query(
        'key, id',
        `FROM (SELECT key, id, last_seen, row_number() OVER (ORDER BY last_seen) AS place
           FROM hosts WHERE key NOT IN (SELECT host FROM grants))
         WHERE place <= ?1 OR last_seen < ?2 LIMIT ${FORGOTTEN_MAX}`,
      )
      .all(tooMany, whole(nowMs - keptMs)) as unknown as [number, string][];
    if (rows.length < FORGOTTEN_MAX) this.#lookAgainMs = nowMs + HOUR_MS;
    if (rows.length === 0) return;
    const keys = JSON.stringify(rows.map(([key]) => key));
    for (const [table, column] of [
      ['standings', 'host'],
      ['violations', 'host'],
      ['hosts', 'key'],
    ]) {
      const those = `${column} IN (SELECT value FROM json_each(?))`;
      this.#database.prepare(`DELETE FROM ${table} WHERE ${those}`).run(keys);
    }
    for (const [, id] of rows) this.#keys.delete(id);
  }
}
