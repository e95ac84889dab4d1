/** Conditions of the whole program. They are checked first, because each makes a later step fail oddly. */
import { readFileSync } from 'node:fs';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import { hasNetAdmin } from '../io/nfqueue/nfqueue-error.ts';

/** Throws OperatingError for a process whose /proc/self/status is `statusText`; null: it cannot be read. */
export function checkProcess(statusText: string | null): void {
  if (statusText === null) {
    const hint = 'mount it: mount -t proc proc /proc';
    throw new OperatingError(
      EXIT_IMPOSSIBLE,
      'there is no /proc here, which says what devices there are',
      hint,
    );
  }
  if (hasNetAdmin(statusText) === false) {
    const hint = 'run as root (sudo), or with CAP_NET_ADMIN (AmbientCapabilities= of systemd)';
    throw new OperatingError(EXIT_IMPOSSIBLE, 'the capability CAP_NET_ADMIN is missing', hint);
  }
}

export function readProcessStatus(): string | null {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return null;
  }
}
