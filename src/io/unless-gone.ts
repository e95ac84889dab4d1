/** Reading what another process may remove at any time, or may keep to itself. */
import { isSystemError } from '../base/system-error.ts';

const GONE = new Set(['ENOENT', 'ESRCH', 'ENOTDIR', 'EACCES', 'EPERM', 'EINVAL', 'ENODEV']);

/** null if it is not there, or not ours to read. Other errors, such as too many open files, are thrown. */
export function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error) && GONE.has(error.code)) return null;
    throw error;
  }
}
