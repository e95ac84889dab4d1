/** Writes a page to the file that a command names. */
import { writeFileSync } from 'node:fs';
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
