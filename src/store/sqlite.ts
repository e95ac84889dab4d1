/**
 * SQLite through the library that is there: node:sqlite of Node 22.13 and newer, or the package libsql on
 * Node 20. Both are synchronous, so only threads without packets use this.
 */
import { createRequire } from 'node:module';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';

export type SqlValue = number | string | null;

export type SqlRow = readonly (number | string | null)[];

export interface Statement {
  run(...values: readonly SqlValue[]): void;
}
export interface Query {
  all(...values: readonly SqlValue[]): SqlRow[];
}

export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  /**
   * SELECT `columns` `rest`, where `rest` begins with FROM. Rows come as JSON in a blob: libsql ends the
   * whole process where a text is no valid UTF-8, and in a broken file any column may be such a text.
   */
  query(columns: string, rest: string): Query;
  close(): void;
}

/** Result codes of sqlite3.h. */
export const SQLITE_BUSY = 5;
export const SQLITE_LOCKED = 6;
export const SQLITE_READONLY = 8;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
export const SQLITE_FULL = 13;
export const SQLITE_CANTOPEN = 14;
export const SQLITE_NOTADB = 26;

/** `code` is the primary result code; 0 if the library gives none. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
  readonly code: number;

  constructor(code: number, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** node:sqlite takes values one by one, libsql as an array. */
interface NativeStatement {
  run(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): { readonly row: Uint8Array }[];
  /** Of libsql alone. */
  readonly raw?: unknown;
}
interface NativeDatabase {
  exec(sql: string): void;
  prepare(sql: string): NativeStatement;
  close(): void;
}
type NativeConstructor = new (file: string) => NativeDatabase;

let loaded: NativeConstructor | undefined;

/**
 * `uri` is a path, or `file:…` with parameters. The file is created if it is missing. Throws SqliteError, and
 * OperatingError where there is no library.
 */
export function openDatabase(uri: string): Database {
  loaded ??= builtIn() ?? libsql();
  return new Adapter(attempt(() => new (loaded as NativeConstructor)(uri)));
}

/** Opens a file that is there, and never changes it. */
export function openDatabaseForReading(file: string): Database {
  const uri = `file:${encodeURI(file).replaceAll('?', '%3f').replaceAll('#', '%23')}`;
  const plain = openDatabase(`${uri}?mode=ro`);
  try {
    plain.query('count(*)', 'FROM sqlite_master').all();
    return plain;
  } catch (error) {
    plain.close();
    const cannot = error instanceof SqliteError && [SQLITE_CANTOPEN, SQLITE_READONLY].includes(error.code);
    if (!cannot) throw error;
    // A copy in a folder where we may not write: SQLite then cannot make its file of locks.
    return openDatabase(`${uri}?immutable=1`);
  }
}

/** All that `work` does becomes true at once, or nothing of it. */
export function inTransaction<T>(database: Database, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/**
 * SQLite has done so by itself after some errors (a full disk), and says then that there is no transaction.
 */
function rollBack(database: Database): void {
  try {
    database.exec('ROLLBACK');
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
  }
}

/** Node 22 warns on stderr that its module is experimental. We use what has stayed the same since. */
function builtIn(): NativeConstructor | undefined {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    const found = process.getBuiltinModule?.('node:sqlite') as
      | { DatabaseSync: NativeConstructor }
      | undefined;
    return found?.DatabaseSync;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function libsql(): NativeConstructor {
  try {
    return createRequire(import.meta.url)('libsql') as NativeConstructor;
  } catch (error) {
    throw new OperatingError(
      EXIT_IMPOSSIBLE,
      `history needs SQLite, and neither Node ${process.versions.node} nor an npm package has it here`,
      'use Node 22.13 or newer, or install the package where the shaper is installed: npm install libsql',
      error,
    );
  }
}

class Adapter implements Database {
  readonly #native: NativeDatabase;
  readonly #decoder = new TextDecoder();

  constructor(native: NativeDatabase) {
    this.#native = native;
  }

  exec(sql: string): void {
    attempt(() => this.#native.exec(sql));
  }

  prepare(sql: string): Statement {
    const statement = attempt(() => this.#native.prepare(sql));
    return { run: (...values) => void attempt(() => statement.run(...bound(statement, values))) };
  }

  query(columns: string, rest: string): Query {
    const sql = `SELECT CAST(json_array(${columns}) AS BLOB) AS row ${rest}`;
    const statement = attempt(() => this.#native.prepare(sql));
    return {
      all: (...values) =>
        attempt(() => statement.all(...bound(statement, values))).map(({ row }) => this.#parse(row)),
    };
  }

  #parse(row: Uint8Array): SqlRow {
    const text = this.#decoder.decode(row);
    try {
      return JSON.parse(text) as SqlRow;
    } catch (error) {
      throw new SqliteError(SQLITE_CORRUPT, 'a row is no JSON', error);
    }
  }

  close(): void {
    attempt(() => this.#native.close());
  }
}

function bound(statement: NativeStatement, values: readonly SqlValue[]): readonly unknown[] {
  return statement.raw === undefined ? values : [values];
}

/** libsql has `rawCode`, or a number in its message; node:sqlite has `errcode`. Extended codes are longer. */
function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { message, errcode, rawCode } = error as Error & { errcode?: number; rawCode?: number };
    const told = errcode ?? rawCode ?? Number(/: (\d+)"\)$/.exec(message)?.[1] ?? 0);
    throw new SqliteError(told & 0xff, message, error);
  }
}
