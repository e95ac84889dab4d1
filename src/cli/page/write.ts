/** Writes a page to the file that a command names. */
import { existsSync, realpathSync, unlinkSync, writeFileSync } from 'node:fs';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { isSystemError, reasonOf } from '../../base/system-error.ts';

/** Throws OperatingError if the file cannot be written. With the flag `a` the text is appended. */
export function writePage(file: string, text: string, flag: 'w' | 'a'): void {
  try {
    writeFileSync(file, text, { flag });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const reason = reasonOf(error, { ENOENT: 'no such folder', EACCES: 'not ours to write' });
    throw new OperatingError(EXIT_USAGE, `cannot write ${file}: ${reason}`);
  }
}

/**
 * A page that cannot be written is an error before the work is done, not after it. A file that is there
 * stays until then, and none is left that was not there. Throws OperatingError.
 */
export function tryPage(file: string): void {
  if (file === '-') {
    throw new OperatingError(
      EXIT_USAGE,
      "--html takes a file, and '-' is none: text and JSON go to standard output, a page does not",
      'write ./- if the file is to have that name',
    );
  }
  const isNew = !existsSync(file);
  writePage(file, '', 'a');
  // The file may be behind a symbolic link, which stays.
  if (isNew) unlinkSync(realpathSync(file));
}
