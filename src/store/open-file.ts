/** Opens the file of history: makes it, locks it against other instances, and sets a broken one aside. */
import { closeSync, existsSync, mkdirSync, openSync, realpathSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { printable } from '../base/printable.ts';
import type { Stored } from './batch.ts';
import { loadStored } from './load.ts';
import type { Trouble } from './messages.ts';
import { restoreStored } from './restore.ts';
import { prepareFile } from './schema.ts';
import {
  type Database,
  inTransaction,
  openDatabase,
  SQLITE_BUSY,
  SQLITE_CORRUPT,
  SqliteError,
} from './sqlite.ts';
import { InUseError, isBroken, ReplacedError } from './trouble.ts';

const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;

export interface OpenFile {
  readonly database: Database;
  /** Throws ReplacedError if the path leads to another file by now. */
  check(): void;
  close(): void;
}

interface Opened {
  readonly file: OpenFile;
  /** What was in it. */
  readonly stored: Stored;
}

/**
 * Holds FILE.lock as long as the process lives: a database whose only use is that SQLite locks it, because
 * Node cannot lock files by itself. Such a lock ends with its process, however that ends.
 */
export class FileLock {
  #lock: Database | null = null;

  take(file: string): void {
    if (this.#lock !== null) return;
    const path = `${file}.lock`;
    makeFile(path);
    const lock = openDatabase(path);
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      lock.close();
      throw error instanceof SqliteError && error.code === SQLITE_BUSY ? new InUseError() : error;
    }
    this.#lock = lock;
  }

  release(): void {
    this.#lock?.exec('ROLLBACK');
    this.#lock?.close();
    this.#lock = null;
  }
}

/**
 * `lock` is taken, if it is not held yet, and stays. A broken file is renamed and told as a notice; what can
 * still be read of it but history goes into the new one.
 */
export function openFile(path: string, lock: FileLock, notice: (trouble: Trouble) => void): Opened {
  mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
  makeFile(path);
  const file = realpathSync(path);
  lock.take(file);
  try {
    return openWhole(file);
  } catch (error) {
    if (!isBroken(error)) throw error;
    const rescued = rescue(file);
    const aside = setAside(file);
    makeFile(file);
    const opened = openWhole(file);
    if (rescued !== null) restore(opened.file.database, rescued);
    notice(asideNotice(file, aside, rescued !== null));
    return { file: opened.file, stored: rescued ?? opened.stored };
  }
}

function openWhole(file: string): Opened {
  const database = openDatabase(file);
  let stored: Stored;
  try {
    database.exec('PRAGMA busy_timeout = 2000');
    prepareFile(database);
    const [fault] = database.query('quick_check', 'FROM pragma_quick_check LIMIT 1').all()[0] as [string];
    if (fault !== 'ok') throw new SqliteError(SQLITE_CORRUPT, fault, null);
    stored = loadStored(database);
  } catch (error) {
    closeQuietly(database);
    throw error;
  }
  const { ino } = statSync(file);
  return {
    stored,
    file: {
      database,
      check: () => {
        if (!existsSync(file) || statSync(file).ino !== ino) throw new ReplacedError();
      },
      close: () => closeQuietly(database),
    },
  };
}

/** SQLite would make it readable for all. Its log and its locks get the mode of the file. */
function makeFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', FILE_MODE));
}

function restore(database: Database, stored: Stored): void {
  inTransaction(database, () => restoreStored(database, stored));
}

/** Hosts and quotas of a broken file, if those parts can be read. */
function rescue(file: string): Stored | null {
  let database: Database | null = null;
  try {
    database = openDatabase(file);
    return loadStored(database);
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
    return null;
  } finally {
    if (database !== null) closeQuietly(database);
  }
}

/** Returns the new name. The log belongs to the file and goes with it. */
function setAside(file: string): string {
  const aside = `${file}.broken-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  return aside;
}

function asideNotice(file: string, aside: string, isRescued: boolean): Trouble {
  const rest = isRescued
    ? 'hosts, totals and quotas could be read and go on'
    : 'hosts, totals and quotas begin anew as well';
  return {
    message: `history in ${printable(file)} was broken: a new file has begun, without past points; ${rest}`,
    hint: `the broken file is ${printable(aside)}: 'sqlite3 FILE .recover' may read it; else remove it. Look at the disk`,
  };
}

/** A file that is broken may fail to close. Whoever closes has no use for it any more. */
function closeQuietly(database: Database): void {
  try {
    database.close();
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
  }
}
