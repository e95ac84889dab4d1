/** The kernel's list of NFQUEUE queues, those of all programs in this network namespace. */
import { readFileSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';

/**
 * Of the process that reads it, so it shows the namespace of that process. Needs CAP_NET_ADMIN (mode 0440).
 */
export const NFQUEUES_FILE = '/proc/net/netfilter/nfnetlink_queue';

export interface KernelQueue {
  readonly number: number;
  /** Netlink port of the socket that owns the queue: usually the process id of its program. */
  readonly portId: number;
  /** Packets that wait for a verdict. */
  readonly heldPackets: number;
  /** Packets dropped because as many waited as may wait. */
  readonly queueFull: number;
  /** Packets dropped because the buffer of the socket was full. */
  readonly socketFull: number;
}

/** Packets that the kernel dropped before anybody could read them. */
export type KernelDrops = Pick<KernelQueue, 'queueFull' | 'socketFull'>;

/**
 * Columns of nfnetlink_queue.c, seq_show: queue number, port id, packets that wait, copy mode, copy range,
 * dropped by a full queue, dropped by a full socket, id of the last packet, 1.
 */
export function parseNfqueues(text: string): KernelQueue[] {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows
    .filter((columns) => columns.length >= 7)
    .map(([number, portId, heldPackets, , , queueFull, socketFull]) => ({
      number,
      portId,
      heldPackets,
      queueFull,
      socketFull,
    }));
}

/** null where it cannot be read: in a user namespace its root may not. */
export function readKernelQueues(): KernelQueue[] | null {
  try {
    return parseNfqueues(readFileSync(NFQUEUES_FILE, 'utf8'));
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}
