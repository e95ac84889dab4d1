/** Opens the file of history: makes it, locks it against other instances, and sets a broken one aside. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { printable } from '../base/printable.ts';
import type { Stored } from './batch.ts';
import { loadStored } from './load.ts';
import type { Trouble } from './messages.ts';
import { restoreStored } from './restore.ts';
import { APPLICATION_ID, APPLICATION_ID_AT, ForeignFileError, prepareFile } from './schema.ts';
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
const RENAME = 'name another file (history.file), or rename this one; it was not touched';

export interface OpenFile {
  readonly database: Database;
  /** Throws ReplacedError if the path leads to another file by now. */
  check(): void;
  close(): void;
}

/** Who is told while a file is opened. */
export interface Told {
  /** What is in the file, as soon as it is read: the check of a large file takes seconds. */
  readonly read: (stored: Stored) => void;
  readonly notice: (trouble: Trouble) => void;
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
      // Nothing is written, and so no journal is needed.
      lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
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
 * still be read of it but history goes into the new one. `isKnownBroken`: a flush has met what the check of a
 * start does not find.
 */
export function openFile(path: string, lock: FileLock, isKnownBroken: boolean, told: Told): OpenFile {
  mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
  makeFile(path);
  const file = realpathSync(path);
  // The system says why, SQLite only that it cannot.
  accessSync(dirname(file), constants.W_OK);
  accessSync(file, constants.R_OK | constants.W_OK);
  lock.take(file);
  try {
    if (isKnownBroken) throw new SqliteError(SQLITE_CORRUPT, 'a flush met a broken page', null);
    return openWhole(file, told.read);
  } catch (error) {
    if (!isBroken(error)) throw error;
    if (!isOurs(file)) throw new ForeignFileError('the file is no history of a shaper', RENAME);
    const { stored, isWhole } = rescue(file);
    const aside = setAside(file);
    makeFile(file);
    const opened = openWhole(file, () => {});
    inTransaction(opened.database, () => restoreStored(opened.database, stored));
    told.notice(asideNotice(file, aside, isWhole));
    told.read(stored);
    return opened;
  }
}

function openWhole(file: string, read: Told['read']): OpenFile {
  const database = openDatabase(file);
  try {
    database.exec('PRAGMA busy_timeout = 2000');
    prepareFile(database);
    read(loadStored(database));
    const [fault] = database.query('quick_check', 'FROM pragma_quick_check LIMIT 1').all()[0] as [string];
    if (fault !== 'ok') throw new SqliteError(SQLITE_CORRUPT, fault, null);
  } catch (error) {
    closeQuietly(database);
    throw error;
  }
  const { ino } = statSync(file);
  return {
    database,
    check: () => {
      if (!existsSync(file) || statSync(file).ino !== ino) throw new ReplacedError();
    },
    close: () => closeQuietly(database),
  };
}

/** SQLite would make it readable for all. Its log and its locks get the mode of the file. */
function makeFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', FILE_MODE));
}

/**
 * Whether a file that SQLite cannot read was one of ours, so that it may be renamed: it has our number, or
 * the disk has lost its first page.
 */
function isOurs(file: string): boolean {
  const page = Buffer.alloc(4096);
  const descriptor = openSync(file, 'r');
  const length = readSync(descriptor, page);
  closeSync(descriptor);
  return (
    (length >= 72 && page.readUInt32BE(APPLICATION_ID_AT) === APPLICATION_ID) ||
    !page.some((byte) => byte > 0)
  );
}

/** What can be read of a broken file, but history. */
function rescue(file: string): { readonly stored: Stored; readonly isWhole: boolean } {
  const database = openDatabase(file);
  let isWhole = true;
  try {
    const stored = loadStored(database, (read, empty) => {
      try {
        return read();
      } catch (error) {
        if (!(error instanceof SqliteError)) throw error;
        isWhole = false;
        return empty;
      }
    });
    return { stored, isWhole };
  } finally {
    closeQuietly(database);
  }
}

/** Returns the new name. The log belongs to the file and goes with it. */
function setAside(file: string): string {
  const aside = `${file}.broken-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  return aside;
}

function asideNotice(file: string, aside: string, isWhole: boolean): Trouble {
  const rest = isWhole
    ? 'hosts, totals and quotas could be read, and go on'
    : 'a part of hosts, totals and quotas could not be read either';
  return {
    message: `history in ${printable(file)} was broken: a new file has begun, without the past; ${rest}`,
    hint: `the broken file is ${printable(aside)}: 'sqlite3 FILE .recover' may read it; then remove it. Look at the disk`,
  };
}

/**
 * Copies the log into the file first: libsql closes a database only when no statement of it is left, and so
 * it may never get to that by itself. A file that is broken may fail to do any of this, and whoever closes
 * has no use for it any more.
 */
function closeQuietly(database: Database): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
  }
}
