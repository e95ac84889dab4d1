/** The command `status`: the counters of this moment and those of the kernel. It takes no arguments. */
import { readFile } from 'node:fs/promises';
import { isSystemError } from '../../base/system-error.ts';
import { type KernelQueue, NFQUEUES_FILE, parseNfqueues } from '../../io/proc/nfqueues.ts';
import type { Snapshot } from '../snapshot.ts';
import { type StatusSubject, statusReport, sumKernelDrops } from '../status.ts';
import { allowArguments, type Command } from './commands.ts';

export function statusCommand(subject: StatusSubject, takeSnapshot: () => Promise<Snapshot>): Command {
  return async (given) => {
    allowArguments(given, []);
    const snapshot = await takeSnapshot();
    return { status: statusReport(snapshot, subject, sumKernelDrops(await readNfqueues(), subject)) };
  };
}

/** None if the file cannot be read: it shows nothing to those without privileges. */
async function readNfqueues(): Promise<KernelQueue[]> {
  try {
    return parseNfqueues(await readFile(NFQUEUES_FILE, 'utf8'));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return [];
  }
}
