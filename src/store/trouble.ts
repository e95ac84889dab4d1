/** What failures of the file mean, and what people can do about them. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatingError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { isSystemError, reasonOf } from '../base/system-error.ts';
import type { Trouble } from './messages.ts';
import { HistoryQuestionError } from './query.ts';
import { ForeignFileError } from './schema.ts';
import {
  SQLITE_BUSY,
  SQLITE_CANTOPEN,
  SQLITE_CORRUPT,
  SQLITE_FULL,
  SQLITE_IOERR,
  SQLITE_LOCKED,
  SQLITE_NOTADB,
  SQLITE_READONLY,
  SqliteError,
} from './sqlite.ts';

const GOES_ON = 'counting goes on in memory, and is stored as soon as that works';

const TROUBLES: Readonly<Record<number, readonly [message: string, hint: string]>> = {
  [SQLITE_FULL]: ['no space is left on the disk', 'make room on the file system of the file'],
  [SQLITE_READONLY]: ['it is read-only', 'make the file and its folder writable (chmod u+w)'],
  [SQLITE_CANTOPEN]: [
    'it cannot be opened',
    'the shaper must be allowed to read and write the file and to make files in its folder',
  ],
  [SQLITE_BUSY]: ['another program locks it', 'close that program (fuser FILE names it)'],
  [SQLITE_LOCKED]: ['another program locks it', 'close that program (fuser FILE names it)'],
  [SQLITE_IOERR]: ['the disk reports an error', 'look into the log of the kernel (dmesg), and at the disk'],
  [SQLITE_CORRUPT]: ['it is broken', 'it will be set aside, and a new one begun'],
  [SQLITE_NOTADB]: ['it is broken', 'it will be set aside, and a new one begun'],
};

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOSPC: 'no space is left on the disk',
  EEXIST: 'a file stands in the place of its folder',
  ENOTDIR: 'a file stands in the place of its folder',
};

/** The file is used by another instance. */
export class InUseError extends Error {
  override readonly name = 'InUseError';
}

/** The file at its path is not the one that was opened. */
export class ReplacedError extends Error {
  override readonly name = 'ReplacedError';
}

/** Whether the content of the file is damaged, so that trying again cannot help. */
export function isBroken(error: unknown): boolean {
  return error instanceof SqliteError && (error.code === SQLITE_CORRUPT || error.code === SQLITE_NOTADB);
}

/** SQLite takes so much at once for its shared memory (32 KiB), and a page of its log. */
const ROOM_BYTES_MIN = 65_536;

/** Whether the file system of the file has room for more. */
function hasRoomOnDisk(file: string): boolean {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(dirname(file));
    // Some file systems do not count files.
    return bavail * bsize >= ROOM_BYTES_MIN && (files === 0 || ffree > 0);
  } catch {
    return true;
  }
}

/** On a full disk SQLite may say no more than that an operation failed; then the disk itself is asked. */
function codeOf({ code }: SqliteError, hasRoom: () => boolean): number {
  return code === SQLITE_IOERR && !hasRoom() ? SQLITE_FULL : code;
}

export function troubleOf(error: unknown, file: string, hasRoom = hasRoomOnDisk): Trouble {
  const about = (message: string, hint: string): Trouble => ({
    message: `history in ${printable(file)}: ${message}`,
    hint: `${hint}; ${GOES_ON}`,
  });
  if (error instanceof OperatingError) return { message: error.message, hint: `${error.hint}; ${GOES_ON}` };
  if (error instanceof HistoryQuestionError) return { message: error.message, hint: '' };
  if (error instanceof ForeignFileError) return about(error.message, error.hint);
  if (error instanceof InUseError)
    return about('another instance uses it', 'give each instance a file of its own (history.file)');
  if (error instanceof ReplacedError)
    return about('somebody removed or replaced it', 'a new one is begun where there is none');
  if (error instanceof SqliteError) {
    const [message, hint] = TROUBLES[codeOf(error, () => hasRoom(file))] ?? [
      'it cannot be used',
      'rename it to begin a new one',
    ];
    return about(`${message} (${error.message})`, hint);
  }
  if (isSystemError(error))
    return about(
      reasonOf(error, WORDS),
      error.code === 'EROFS'
        ? 'make it writable (mount -o remount,rw), or name another file (history.file)'
        : 'the shaper must be allowed to write there; or name another file (history.file)',
    );
  return about(String(error), 'this is a fault of the program');
}
