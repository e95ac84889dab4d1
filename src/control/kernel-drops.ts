/** What the kernel says of our NFQUEUEs. */
import { readFile } from 'node:fs/promises';
import { isSystemError } from '../base/system-error.ts';
import { type KernelDrops, type KernelQueue, NFQUEUES_FILE, parseNfqueues } from '../io/proc/nfqueues.ts';
import type { OwnNfqueues } from './snapshot.ts';

/**
 * The kernel's list of NFQUEUEs. Read it before the snapshot with which it is summed: an NFQUEUE that closes
 * in between is in the snapshot then, and no drop disappears. The list is empty if it cannot be read, which
 * takes privileges.
 */
export async function readNfqueues(): Promise<KernelQueue[]> {
  try {
    return parseNfqueues(await readFile(NFQUEUES_FILE, 'utf8'));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return [];
  }
}

/** Sums over our NFQUEUEs, those that have closed included. Those of other programs do not count. */
export function sumKernelDrops(
  queues: readonly KernelQueue[],
  { open, closedDrops }: OwnNfqueues,
): KernelDrops {
  let { queueFull, socketFull } = closedDrops;
  for (const queue of queues) {
    if (!open.includes(queue.number)) continue;
    queueFull += queue.queueFull;
    socketFull += queue.socketFull;
  }
  return { queueFull, socketFull };
}
