/**
 * Finds packets that the kernel discarded while we hold them: its list of NFQUEUEs counts fewer than we do. A
 * device that went down discards what came or leaves by it; a deleted base chain discards all that waits.
 *
 * The list also counts packets that we have not read yet, so it never shows more lost packets than there are.
 * Where it cannot be read, the word of the kernel that a device went down is enough.
 */
import { readFileSync } from 'node:fs';
import { isSystemError } from '../base/system-error.ts';
import type { LostPackets } from '../core/lost.ts';
import { type KernelQueue, NFQUEUES_FILE, parseNfqueues } from '../io/proc/nfqueues.ts';

/** Most losses are told: by a device that goes down, or by a verdict that the kernel refuses. */
const LOOK_MS = 250;

export interface LostWatchOptions {
  readonly first: number;
  readonly count: number;
  /** Packets of an NFQUEUE, by its index, that were read and have no verdict yet. */
  readonly waitingOf: (nfqueue: number) => number;
  /** Lets packets go, and returns how many. */
  readonly letGo: (packets: LostPackets) => number;
  readonly onFound: (packets: number) => void;
  /** The list of NFQUEUEs, or null if it cannot be read. */
  readonly readQueues?: () => readonly KernelQueue[] | null;
}

export class LostWatch {
  private readonly options: LostWatchOptions;
  private readonly timer: NodeJS.Timeout;

  constructor(options: LostWatchOptions) {
    this.options = options;
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Looks for lost packets. If these devices went down, theirs are lost first. */
  look(downIfIndexes: ReadonlySet<number> | null = null): void {
    const { first, count, waitingOf, letGo, onFound, readQueues = readKernelQueues } = this.options;
    const indexes = Array.from({ length: count }, (_, nfqueue) => nfqueue);
    const holding = indexes.filter((nfqueue) => waitingOf(nfqueue) > 0);
    if (holding.length === 0) return;
    const queues = readQueues();
    let found = 0;
    for (const nfqueue of holding) {
      const queue = queues?.find(({ number }) => number === first + nfqueue);
      const missing = (): number => (queue ? waitingOf(nfqueue) - queue.heldPackets : 0);
      if (downIfIndexes !== null) {
        const most = queues === null ? Number.POSITIVE_INFINITY : missing();
        if (most > 0) found += letGo({ nfqueue, most, ifIndexes: downIfIndexes });
      }
      if (missing() > 0) found += letGo({ nfqueue, most: missing(), ifIndexes: null });
    }
    if (found > 0) onFound(found);
  }
}

function readKernelQueues(): KernelQueue[] | null {
  try {
    return parseNfqueues(readFileSync(NFQUEUES_FILE, 'utf8'));
  } catch (error) {
    // In a user namespace its root may not read it.
    if (isSystemError(error)) return null;
    throw error;
  }
}
