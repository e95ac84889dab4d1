/** Processes by their number, from procfs. A number is given again; number and start together are not. */
import { readFileSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the start of the machine to the start of the process. */
  readonly startTicks: number;
}

/** /proc/PID/stat is `pid (name) state …`, with the start as field 22. A name may hold `)`. */
export function parseProcessStat(text: string): { readonly startTicks: number; readonly isAlive: boolean } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended; its parent has not asked yet.
  return { startTicks: Number(fields[19]), isAlive: fields[0] !== 'Z' && fields[0] !== 'X' };
}

function statOf(pid: number | 'self'): ReturnType<typeof parseProcessStat> | null {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return null;
  }
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: statOf('self')?.startTicks ?? 0 };
}

/** Whether any process with that number runs, as far as /proc shows. */
export function isAlive(pid: number): boolean {
  return statOf(pid)?.isAlive === true;
}

/** Whether the process runs, as far as /proc shows: it shows none of other pid namespaces. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  const found = statOf(pid);
  return found?.isAlive === true && found.startTicks === startTicks;
}
