/** From the name of an errno to the number that this machine has for it. */
import { constants } from 'node:os';
import { isSystemError } from '../../base/system-error.ts';
import { type ErrnoName, FileError } from './filesystem.ts';

const NUMBERS: Readonly<Record<string, number>> = constants.errno;

export function errnoNumber(name: ErrnoName): number {
  return NUMBERS[name] ?? constants.errno.EIO;
}

/** The errno that a program gets; null: the error is a fault of ours, which the log should have. */
export function errnoOf(error: unknown): ErrnoName | null {
  if (error instanceof FileError) return error.errno;
  // A file of the system that is behind a node has gone or is closed to us.
  if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'EACCES')) return error.code;
  return null;
}
