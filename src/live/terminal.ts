/** The controlling terminal of this process: whether there is one, and whether somebody still looks at it. */
import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { isatty } from 'node:tty';
import { isSystemError } from '../base/system-error.ts';

/** Number of the device of the controlling terminal: tty_nr in proc(5), behind the name in parentheses. */
export function terminalDevice(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[4]);
}

/** Whether the controlling terminal can be opened. It cannot once it was closed, or where there is none. */
export function canOpenTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK));
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/**
 * Closes standard descriptors of a terminal that has closed. Node sets the terminal back as it found it when
 * it ends, and aborts if it cannot. Call it last of all.
 */
export function leaveClosedTerminal(): void {
  for (const fd of [0, 1, 2]) {
    try {
      if (/^\/dev\/(pts|tty)/.test(readlinkSync(`/proc/self/fd/${fd}`)) && !isatty(fd)) closeSync(fd);
    } catch (error) {
      // Without /proc nobody knows.
      if (!isSystemError(error)) throw error;
    }
  }
}

/**
 * Whether nohup(1) has started us: it gives its program a standard input that cannot be read. It also has
 * SIGHUP ignored, but Node takes that back before it runs the first line of a program.
 */
export function isUnderNohup(): boolean {
  try {
    const flags = Number.parseInt(
      /^flags:\s*(\d+)$/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1] ?? '',
      8,
    );
    return (flags & constants.O_WRONLY) !== 0 && readlinkSync('/proc/self/fd/0') === '/dev/null';
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
