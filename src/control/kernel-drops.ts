/** What the kernel says of our NFQUEUEs. */
import { readFile } from 'node:fs/promises';
import { isSystemError } from '../base/system-error.ts';
import { type KernelQueue, NFQUEUES_FILE, parseNfqueues } from '../io/proc/nfqueues.ts';
import { type KernelDrops, type StatusSubject, sumKernelDrops } from './status.ts';

export async function readKernelDrops(subject: StatusSubject): Promise<KernelDrops> {
  return sumKernelDrops(await readNfqueues(), subject);
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
