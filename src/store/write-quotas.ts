/**
 * Writes what has changed of quotas. Rows say how things are, not what was added, so they can be repeated.
 */
import type { QuotaChanges, StoredWindow } from '../quotas/stored.ts';
import type { HostKeys } from './host-keys.ts';
import { runOnRows, whole } from './points.ts';
import { ALL_GONE } from './schema.ts';
import type { Database, Query, Statement } from './sqlite.ts';

/** Buckets of each window that one flush deletes at most. */
const BUCKETS_DELETED_MAX = 2;

export class QuotaWriter {
  readonly #database: Database;
  readonly #keys: HostKeys;
  readonly #addBuckets: Statement;
  readonly #oldestBucket: Query;
  readonly #deleteBucket: Statement;

  constructor(database: Database, keys: HostKeys) {
    this.#database = database;
    this.#keys = keys;
    this.#addBuckets = database.prepare(`
      INSERT INTO buckets SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3
      FROM json_each(?) WHERE true
      ON CONFLICT DO UPDATE SET up = excluded.up, down = excluded.down`);
    this.#oldestBucket = database.query('min(bucket)', 'FROM buckets WHERE over_ms = ?');
    this.#deleteBucket = database.prepare('DELETE FROM buckets WHERE over_ms = ? AND bucket = ?');
  }

  write(changes: QuotaChanges, nowMs: number): void {
    const keyOf = (host: string): number => this.#keys.keyOf(host, nowMs);
    this.#clock(changes);
    for (const host of changes.cleared) this.clear(host);
    this.#windows(changes, changes.hosts.map(keyOf));
    for (const { host, quota, overMs, direction, state } of changes.standings)
      if (state === 'ok')
        this.#run(
          'DELETE FROM standings WHERE host = ? AND quota = ? AND over_ms = ? AND direction = ?',
          ...[keyOf(host), quota, overMs, direction],
        );
      else
        this.#run(
          'REPLACE INTO standings VALUES (?, ?, ?, ?, ?)',
          keyOf(host),
          quota,
          overMs,
          direction,
          state,
        );
    for (const { host, quota } of changes.endedViolations)
      this.#run('DELETE FROM violations WHERE host = ? AND quota = ?', keyOf(host), quota);
    for (const { host, quota, beganQuotaMs } of changes.violations)
      this.#run('REPLACE INTO violations VALUES (?, ?, ?)', keyOf(host), quota, whole(beganQuotaMs));
    for (const id of changes.endedGrants) this.#run('DELETE FROM grants WHERE id = ?', id);
    for (const { id, host, quota, bytes, fromQuotaMs, untilQuotaMs } of changes.grants)
      this.#run(
        'REPLACE INTO grants VALUES (?, ?, ?, ?, ?, ?)',
        ...[id, keyOf(host), quota, whole(bytes), whole(fromQuotaMs)],
        untilQuotaMs === null ? null : whole(untilQuotaMs),
      );
  }

  /** For statements that run seldom. */
  #run(sql: string, ...values: (number | string | null)[]): void {
    this.#database.prepare(sql).run(...values);
  }

  #clock({ clock }: QuotaChanges): void {
    const { quotaMs, wallMs, bootMs, bootId } = clock;
    this.#run(
      'REPLACE INTO clock VALUES (1, ?, ?, ?, ?)',
      whole(quotaMs),
      whole(wallMs),
      whole(bootMs),
      bootId,
    );
  }

  /** Finds the rows of a host in each bucket by their key; there is no index by host. */
  clear(id: string): void {
    const host = this.#keys.find(id);
    // It is gone with all that it had: it has become part of another one.
    if (host === null) return;
    for (const [overMs] of this.#database.query('over_ms', 'FROM windows').all() as number[][])
      this.#run(
        `WITH RECURSIVE there(bucket) AS (
           SELECT min(bucket) FROM buckets WHERE over_ms = ?1 UNION ALL
           SELECT (SELECT min(b.bucket) FROM buckets AS b WHERE b.over_ms = ?1 AND b.bucket > there.bucket)
           FROM there WHERE there.bucket IS NOT NULL)
         DELETE FROM buckets WHERE over_ms = ?1 AND host = ?2 AND bucket IN (SELECT bucket FROM there)`,
        ...[overMs!, host],
      );
    this.#run('DELETE FROM standings WHERE host = ?', host);
    this.#run('DELETE FROM violations WHERE host = ?', host);
  }

  #windows({ windows }: QuotaChanges, keys: readonly number[]): void {
    const before = this.#database.query('over_ms, width_ms, gone', 'FROM windows').all() as number[][];
    for (const [overMs, widthMs, gone] of before) {
      const now = windows.find((window) => window.overMs === overMs);
      if (now === undefined) this.#run('UPDATE windows SET gone = ? WHERE over_ms = ?', ALL_GONE, overMs!);
      // Their numbers mean other times than those of the new window.
      else if (now.widthMs !== widthMs || gone === ALL_GONE)
        this.#run('DELETE FROM buckets WHERE over_ms = ?', overMs!);
    }
    for (const window of windows) this.#window(window, keys);
    for (const [overMs, , gone] of before) this.#deleteOld(overMs!, gone!);
  }

  #window(
    { overMs, widthMs, goneBucket, host, bucket, upBytes, downBytes }: StoredWindow,
    keys: readonly number[],
  ): void {
    this.#run('REPLACE INTO windows VALUES (?, ?, ?)', overMs, widthMs, goneBucket);
    const rows = Array.from(host, (h, i) => [bucket[i]!, keys[h]!, whole(upBytes[i]!), whole(downBytes[i]!)]);
    runOnRows(this.#addBuckets, [overMs], rows);
  }

  /** A few buckets at a time, as with history. `gone` is that of the flush before, which does no harm. */
  #deleteOld(overMs: number, gone: number): void {
    for (let i = 0; i < BUCKETS_DELETED_MAX; i++) {
      const oldest = this.#oldestBucket.all(overMs)[0]![0] as number | null;
      if (oldest !== null && oldest <= gone) this.#deleteBucket.run(overMs, oldest);
      else if (oldest === null && gone === ALL_GONE)
        this.#run('DELETE FROM windows WHERE over_ms = ?', overMs);
    }
  }
}
