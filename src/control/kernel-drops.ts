/** What the kernel says of our NFQUEUEs. */
import { type KernelDrops, type KernelQueue, readKernelQueues } from '../io/proc/nfqueues.ts';
import type { OwnNfqueues } from './snapshot.ts';

/**
 * The kernel's list of NFQUEUEs. Read it before the snapshot with which it is summed: an NFQUEUE that closes
 * in between is in the snapshot then, and no drop disappears. The list is empty if it cannot be read, which
 * takes privileges.
 */
export function readNfqueues(): readonly KernelQueue[] {
  // The kernel writes it within microseconds; to have another thread read it takes a dozen wake-ups.
  return readKernelQueues() ?? [];
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
