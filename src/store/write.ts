/** Writes batches into the file: each in one transaction, and none twice. */
import type { Batch, HostMerge, Interval, Level } from './batch.ts';
import { HostKeys } from './host-keys.ts';
import { writeLevels } from './levels.ts';
import { PointsWriter, whole } from './points.ts';
import { type Database, inTransaction, type Statement } from './sqlite.ts';
import { QuotaWriter } from './write-quotas.ts';

/** A host is remembered so long even if no history is. The longest windows are of months. */
const HOST_KEPT_MS_MIN = 400 * 86_400_000;

/** Belongs to one opened file. After an error it knows keys that were rolled back: make a new one. */
export class Writer {
  readonly #database: Database;
  readonly #keys: HostKeys;
  readonly #quotas: QuotaWriter;
  readonly #latest: Statement;
  readonly #extendSpan: Statement;
  readonly #addSpan: Statement;
  readonly #memo: Statement;
  #points: PointsWriter[] = [];
  /** The span that goes on: an interval that follows it lengthens it. */
  #span: { readonly fromMs: number; readonly toMs: number } | null = null;

  constructor(database: Database, levels: readonly Level[], nowMs: number) {
    this.#database = database;
    this.#keys = new HostKeys(database);
    this.#quotas = new QuotaWriter(database, this.#keys);
    this.#latest = database.prepare('REPLACE INTO latest VALUES (1, ?, ?)');
    this.#extendSpan = database.prepare('UPDATE spans SET to_ms = ?2 WHERE from_ms = ?1');
    this.#addSpan = database.prepare(`
      INSERT INTO spans VALUES (?, ?) ON CONFLICT DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)`);
    this.#memo = database.prepare('REPLACE INTO memos VALUES (?, ?)');
    this.setLevels(levels, nowMs);
  }

  setLevels(levels: readonly Level[], nowMs: number): void {
    inTransaction(this.#database, () => writeLevels(this.#database, levels, nowMs));
    this.#points = levels.map((level) => new PointsWriter(this.#database, level));
  }

  /** A batch that is in the file already changes nothing. */
  write(batch: Batch, session: string, seq: number): void {
    const [latest] = this.#database.query('session, seq', 'FROM latest').all();
    if (latest !== undefined && latest[0] === session && (latest[1] as number) >= seq) return;
    inTransaction(this.#database, () => {
      this.#latest.run(session, seq);
      for (const merge of batch.merges) this.#merge(merge, batch.nowMs);
      for (const interval of batch.intervals) this.#count(interval);
      for (const host of batch.hosts) this.#keys.news(host);
      for (const { key, value } of batch.memos)
        if (value === null) this.#database.prepare('DELETE FROM memos WHERE key = ?').run(key);
        else this.#memo.run(key, value);
      if (batch.quotas !== null) this.#quotas.write(batch.quotas, batch.nowMs);
      this.#deleteOld(batch.nowMs);
    });
  }

  /** Quotas say by themselves what the other host has of them by now. */
  #merge({ from, into }: HostMerge, nowMs: number): void {
    const old = this.#keys.find(from);
    if (old === null || from === into) return;
    const key = this.#keys.keyOf(into, nowMs);
    for (const points of this.#points) points.merge(old, key);
    this.#quotas.clear(from);
    this.#database.prepare('UPDATE grants SET host = ? WHERE host = ?').run(key, old);
    this.#keys.merge(from, key);
  }

  #count(interval: Interval): void {
    const keys = this.#keys.count(interval.counts, interval.toMs);
    for (const points of this.#points) points.add(interval, keys);
    const fromMs = whole(interval.fromMs);
    const toMs = whole(interval.toMs);
    const last = this.#span;
    if (last !== null && fromMs <= last.toMs && toMs >= last.toMs) {
      this.#span = { fromMs: last.fromMs, toMs };
      this.#extendSpan.run(last.fromMs, toMs);
    } else {
      this.#span = { fromMs, toMs };
      this.#addSpan.run(fromMs, toMs);
    }
  }

  #deleteOld(nowMs: number): void {
    const keptMs = 1000 * Math.max(...this.#points.map(({ level }) => level.keepSeconds));
    for (const points of this.#points) points.deleteOld(nowMs);
    this.#database.prepare('DELETE FROM spans WHERE to_ms < ?').run(whole(nowMs - keptMs));
    this.#keys.forget(Math.max(keptMs, HOST_KEPT_MS_MIN), nowMs);
  }
}
