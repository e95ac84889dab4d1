/** Which steps of history are kept. When that changes, what fits the new ones stays. */
import type { Level } from './batch.ts';
import { pointsTable } from './schema.ts';
import type { Database } from './sqlite.ts';

export interface StoredLevel extends Level {
  /** Points of this level begin here: a multiple of the step, in seconds since 1970. */
  readonly sinceSeconds: number;
}

/** The finest first. */
export function readLevels(database: Database): StoredLevel[] {
  const rows = database.query('step, keep, since', 'FROM levels ORDER BY step').all() as number[][];
  return rows.map(([stepSeconds, keepSeconds, sinceSeconds]) => ({
    stepSeconds: stepSeconds!,
    keepSeconds: keepSeconds!,
    sinceSeconds: sinceSeconds!,
  }));
}

/** To be called in a transaction. */
export function writeLevels(database: Database, wanted: readonly Level[], nowMs: number): void {
  const before = readLevels(database);
  for (const { stepSeconds, keepSeconds } of wanted) {
    if (before.some((level) => level.stepSeconds === stepSeconds)) {
      database.prepare('UPDATE levels SET keep = ? WHERE step = ?').run(keepSeconds, stepSeconds);
    } else {
      const sinceSeconds = makeLevel(database, stepSeconds, before, nowMs);
      database.prepare('INSERT INTO levels VALUES (?, ?, ?)').run(stepSeconds, keepSeconds, sinceSeconds);
    }
  }
  for (const { stepSeconds } of before) {
    if (wanted.some((level) => level.stepSeconds === stepSeconds)) continue;
    database.exec(`DROP TABLE ${pointsTable(stepSeconds)}`);
    database.prepare('DELETE FROM levels WHERE step = ?').run(stepSeconds);
  }
}

/**
 * A new step is summed from the finer one that goes back furthest, if any fits into it. Returns since when it
 * has points.
 */
function makeLevel(
  database: Database,
  stepSeconds: number,
  before: readonly StoredLevel[],
  nowMs: number,
): number {
  const table = pointsTable(stepSeconds);
  database.exec(`
    CREATE TABLE ${table} (step INTEGER NOT NULL, host INTEGER NOT NULL, up INTEGER NOT NULL,
      down INTEGER NOT NULL, PRIMARY KEY (step, host)) STRICT, WITHOUT ROWID`);
  if (before.length === 0) return 0;
  const [source] = before
    .filter((level) => level.stepSeconds < stepSeconds && stepSeconds % level.stepSeconds === 0)
    .map((level) => ({ level, heldSince: heldSince(level, nowMs) }))
    .sort((a, b) => a.heldSince - b.heldSince);
  if (source === undefined) return ceilTo(nowMs / 1000, stepSeconds);
  const sinceSeconds = ceilTo(source.heldSince, stepSeconds);
  // As text of the statement: values of JavaScript are bound as floats, which SQLite would divide to
  // fractions.
  const perStep = stepSeconds / source.level.stepSeconds;
  database.exec(`
    INSERT INTO ${table} SELECT step / ${perStep}, host, sum(up), sum(down)
    FROM ${pointsTable(source.level.stepSeconds)}
    WHERE step >= ${sinceSeconds / source.level.stepSeconds} GROUP BY 1, 2`);
  return sinceSeconds;
}

/** The first instant, in seconds, of which a level has all points. */
export function heldSince({ stepSeconds, keepSeconds, sinceSeconds }: StoredLevel, nowMs: number): number {
  const keptSince = Math.floor((nowMs / 1000 - keepSeconds) / stepSeconds) * stepSeconds;
  return Math.max(sinceSeconds, keptSince);
}

export function ceilTo(seconds: number, stepSeconds: number): number {
  return Math.ceil(seconds / stepSeconds) * stepSeconds;
}
