/** Tables of points: one for each step of history. A flush adds to the current step of each. */
import type { Interval, Level } from './batch.ts';
import { HOUSE, pointsTable } from './schema.ts';
import type { Database, Query, Statement } from './sqlite.ts';

/** Steps of a level that one flush deletes at most, so that no flush takes long after a long stop. */
const STEPS_DELETED_MAX = 2;
const MS_PER_SEC = 1000;

/** Whether rows of JSON or of columns: what SQLite takes in one statement. Bounds the text of one call. */
const ROWS_PER_CALL = 4096;

/**
 * Runs `statement` on rows in portions, as one text of JSON each: on Node 20 that costs less than half of a
 * call per row. Values of `first` come before the text.
 */
export function runOnRows(
  statement: Statement,
  first: readonly (number | string)[],
  rows: readonly (readonly (number | string | null)[])[],
): void {
  for (let at = 0; at < rows.length; at += ROWS_PER_CALL)
    statement.run(...first, JSON.stringify(rows.slice(at, at + ROWS_PER_CALL)));
}

/** Columns of whole numbers refuse others, and with them their whole flush. */
export function whole(value: number): number {
  return Math.round(value);
}

/** The part of an interval that lies in one step. */
interface Part {
  readonly step: number;
  /** Share of the interval's bytes up to the end of this part; the last one's is 1. */
  readonly shareToEnd: number;
}

/** Bytes are spread evenly over the interval, as primary data points of rrdtool are. */
export function partsOf({ fromMs, toMs }: Interval, stepSeconds: number): Part[] {
  const stepMs = stepSeconds * MS_PER_SEC;
  const first = Math.floor(Math.min(fromMs, toMs) / stepMs);
  const last = Math.floor((toMs - 1) / stepMs);
  if (last <= first) return [{ step: Math.max(first, last), shareToEnd: 1 }];
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const end = (first + i + 1) * stepMs;
    return { step: first + i, shareToEnd: Math.min(1, (end - fromMs) / (toMs - fromMs)) };
  });
}

export class PointsWriter {
  readonly level: Level;
  readonly #add: Statement;
  readonly #oldest: Query;
  readonly #delete: Statement;
  readonly #copy: Statement;
  readonly #deleteHost: Statement;

  constructor(database: Database, level: Level) {
    const table = pointsTable(level.stepSeconds);
    this.level = level;
    this.#add = database.prepare(`
      INSERT INTO ${table} SELECT ?, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true
      ON CONFLICT DO UPDATE SET up = up + excluded.up, down = down + excluded.down`);
    this.#oldest = database.query('min(step)', `FROM ${table}`);
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE step = ?`);
    // There is no index by host: its points are found in each step by their key.
    const steps = `WITH RECURSIVE there(step) AS (
      SELECT min(step) FROM ${table} UNION ALL
      SELECT (SELECT min(p.step) FROM ${table} AS p WHERE p.step > there.step)
      FROM there WHERE there.step IS NOT NULL)`;
    const ofHost = 'WHERE host = ?1 AND step IN (SELECT step FROM there)';
    this.#copy = database.prepare(`
      ${steps} INSERT INTO ${table} SELECT step, ?2, up, down FROM ${table} ${ofHost}
      ON CONFLICT DO UPDATE SET up = up + excluded.up, down = down + excluded.down`);
    this.#deleteHost = database.prepare(`${steps} DELETE FROM ${table} ${ofHost}`);
  }

  /** `keys` are those of the hosts of the interval, row by row. */
  add(interval: Interval, keys: readonly number[]): void {
    const { upBytes, downBytes } = interval.counts;
    let shareBefore = 0;
    for (const { step, shareToEnd } of partsOf(interval, this.level.stepSeconds)) {
      const rows: number[][] = [];
      let upHouse = 0;
      let downHouse = 0;
      for (let i = 0; i < keys.length; i++) {
        const up = bytesBetween(upBytes[i]!, shareBefore, shareToEnd);
        const down = bytesBetween(downBytes[i]!, shareBefore, shareToEnd);
        if (up === 0 && down === 0) continue;
        rows.push([keys[i]!, up, down]);
        upHouse += up;
        downHouse += down;
      }
      if (rows.length > 0) rows.push([HOUSE, upHouse, downHouse]);
      runOnRows(this.#add, [step], rows);
      shareBefore = shareToEnd;
    }
  }

  /** Points of one host become points of another one. */
  merge(from: number, into: number): void {
    this.#copy.run(from, into);
    this.#deleteHost.run(from);
  }

  /**
   * Deletes steps that are too old, a few at a time: whole pages become free, which new steps take. A wall
   * clock that is wrong for a moment deletes no more than a few steps either.
   */
  deleteOld(nowMs: number): void {
    const { stepSeconds, keepSeconds } = this.level;
    const kept = Math.floor((nowMs / MS_PER_SEC - keepSeconds) / stepSeconds);
    for (let i = 0; i < STEPS_DELETED_MAX; i++) {
      const oldest = this.#oldest.all()[0]![0] as number | null;
      if (oldest === null || oldest >= kept) return;
      this.#delete.run(oldest);
    }
  }
}

/** Whole bytes of a part, so that all parts together are all bytes. */
export function bytesBetween(bytes: number, shareBefore: number, shareToEnd: number): number {
  return Math.floor(bytes * shareToEnd) - Math.floor(bytes * shareBefore);
}
