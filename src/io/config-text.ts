/** Reads the text of a configuration file. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { EXIT_USAGE, OperatingError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { reasonOf } from '../base/system-error.ts';
import { CONFIG_BYTES_MAX } from '../limits.ts';

/** Throws OperatingError if the file cannot be read. */
export function readConfigText(file: string): string {
  try {
    // Opening a FIFO without O_NONBLOCK waits for somebody who writes to it.
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const obstacle = kindOf(fstatSync(fd));
      if (obstacle !== '') throw new Error(obstacle);
      return readAll(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const reason = reasonOf(error, { ENOENT: 'no such file', EACCES: 'permission denied' });
    throw new OperatingError(EXIT_USAGE, `cannot read ${printable(file)}: ${reason}`);
  }
}

/** Says what the file is instead of a regular one; '' if it is one. A folder is refused when it is read. */
function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a FIFO, not a file';
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return 'a device, not a file';
  return '';
}

/** The size in the file system is no guide: it is 0 in /proc, and a file can grow meanwhile. */
function readAll(fd: number): string {
  const bytes = Buffer.alloc(CONFIG_BYTES_MAX + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read) {
    read = readSync(fd, bytes, length, bytes.length - length, null);
  }
  if (length > CONFIG_BYTES_MAX)
    throw new Error(`longer than the ${CONFIG_BYTES_MAX} bytes that are possible`);
  return bytes.toString('utf8', 0, length);
}
