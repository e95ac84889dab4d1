/**
 * Tables of the file, and how a file of an older version becomes one of ours.
 *
 * The file is in WAL mode with synchronous=FULL. A flush is one transaction: appended to the log FILE-wal
 * and synced, so that neither SIGKILL nor a power cut takes a flush that was acknowledged, and the file
 * itself is changed only from a log that is complete. NORMAL would not sync the log, and a power cut could
 * take all that came since the log was last copied into the file. FULL costs one fdatasync for each flush,
 * in a thread that may wait. Readers (shaper simulate --history) neither wait for us nor hold us up, which
 * a rollback journal would make them do; it would also write the pages of the current steps twice each
 * time, where the log copies them into the file once for many flushes.
 *
 * Rows of one step lie together, because the key begins with the step: a flush writes few pages, deletion
 * of old steps frees whole pages, which later steps take, and one host is found in each step by its key.
 */
import { type Database, inTransaction } from './sqlite.ts';

/**
 * PRAGMA application_id: "SHPR", and where it stands in the file (sqlite.org/fileformat2.html, section
 * 1.3).
 */
export const APPLICATION_ID = 0x53485052;
export const APPLICATION_ID_AT = 68;

/** Key of all hosts together in tables of points. Keys of hosts begin at 1. */
export const HOUSE = 0;
/** windows.gone of a window that is configured no longer: no bucket of it counts. */
export const ALL_GONE = Number.MAX_SAFE_INTEGER;

/**
 * STRICT lets PRAGMA quick_check find columns of a wrong type as well.
 *
 * hosts: `macs` and `addresses` are joined by blanks. Keys are never given twice (AUTOINCREMENT), so points
 * of a forgotten host cannot become those of another one. spans: in which spans of time the program
 * counted. All else is unknown. levels: steps of history; `since` is the first instant (in seconds) of
 * which there are points. The points of a step are in a table of its own, points_STEP. latest: the last
 * batch that was written, by the run of the program and its number.
 */
const CREATE = `
  CREATE TABLE hosts (
    key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT, macs TEXT NOT NULL,
    addresses TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    up INTEGER NOT NULL, down INTEGER NOT NULL) STRICT;
  CREATE TABLE spans (from_ms INTEGER PRIMARY KEY, to_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE levels (step INTEGER PRIMARY KEY, keep INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;
  CREATE TABLE memos (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE latest (id INTEGER PRIMARY KEY CHECK (id = 1), session TEXT NOT NULL, seq INTEGER NOT NULL) STRICT;
  CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), quota_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL, boot_id TEXT NOT NULL) STRICT;
  CREATE TABLE windows (over_ms INTEGER PRIMARY KEY, width_ms REAL NOT NULL, gone INTEGER NOT NULL) STRICT;
  CREATE TABLE buckets (over_ms INTEGER NOT NULL, bucket INTEGER NOT NULL, host INTEGER NOT NULL,
    up INTEGER NOT NULL, down INTEGER NOT NULL, PRIMARY KEY (over_ms, bucket, host)) STRICT, WITHOUT ROWID;
  CREATE TABLE standings (host INTEGER NOT NULL, quota TEXT NOT NULL, over_ms INTEGER NOT NULL,
    direction TEXT NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (host, quota, over_ms, direction)) STRICT, WITHOUT ROWID;
  CREATE TABLE violations (host INTEGER NOT NULL, quota TEXT NOT NULL, began INTEGER NOT NULL,
    PRIMARY KEY (host, quota)) STRICT, WITHOUT ROWID;
  CREATE TABLE grants (id INTEGER PRIMARY KEY, host INTEGER NOT NULL, quota TEXT, bytes INTEGER NOT NULL,
    from_ms INTEGER NOT NULL, until_ms INTEGER) STRICT;
`;

/** By the version that a file has: what makes it one of the next version. There is none before the first. */
export type Migrations = ReadonlyMap<number, string>;
const MIGRATIONS: Migrations = new Map([[0, CREATE]]);

/** The file is of a version after ours, or belongs to another program. It was not touched. */
export class ForeignFileError extends Error {
  override readonly name = 'ForeignFileError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Makes the tables, or brings them to our version: all of it, or nothing. */
export function prepareFile(database: Database, migrations: Migrations = MIGRATIONS): void {
  checkFile(database, migrations);
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -8000',
  );
  if (numberOf(database, 'user_version', 'pragma_user_version') === newest(migrations)) return;
  inTransaction(database, () => {
    let version = numberOf(database, 'user_version', 'pragma_user_version');
    for (; version < newest(migrations); version++) database.exec(migrations.get(version)!);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`);
  });
}

/** Throws ForeignFileError. A new file is empty and has no version. */
export function checkFile(database: Database, migrations: Migrations = MIGRATIONS): void {
  const version = numberOf(database, 'user_version', 'pragma_user_version');
  const tables = numberOf(database, 'count(*)', 'sqlite_master');
  const isOurs = numberOf(database, 'application_id', 'pragma_application_id') === APPLICATION_ID;
  if (!isOurs && (version !== 0 || tables !== 0))
    throw new ForeignFileError(
      'the file belongs to another program',
      'name another file (history.file); this one was not touched',
    );
  if (version > newest(migrations))
    throw new ForeignFileError(
      `the file is of version ${version}, made by a newer shaper; this one writes version ${newest(migrations)}`,
      'use the newer shaper, or name another file (history.file); this one was not touched',
    );
}

function newest(migrations: Migrations): number {
  return Math.max(...migrations.keys()) + 1;
}

export function numberOf(database: Database, column: string, table: string): number {
  return database.query(column, `FROM ${table}`).all()[0]![0] as number;
}

export function pointsTable(stepSeconds: number): string {
  if (!Number.isSafeInteger(stepSeconds) || stepSeconds < 1) throw new RangeError(`step ${stepSeconds}`);
  return `points_${stepSeconds}`;
}
