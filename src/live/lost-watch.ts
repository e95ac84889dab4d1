/**
 * Finds packets that the kernel discarded while we hold them: its list of NFQUEUEs counts fewer than we do. A
 * device that went down discards what came or leaves by it; a deleted base chain discards all that waits.
 *
 * The list also counts packets that we have not read yet, so it never shows more lost packets than there are.
 * Where it cannot be read, the word of the kernel that a device went down is enough.
 *
 * It looks only while packets wait, so that a program without packets sleeps.
 */
import type { LostPackets } from '../core/lost.ts';
import { type KernelQueue, readKernelQueues } from '../io/proc/nfqueues.ts';

/** Most losses are told: by a device that goes down, or by a verdict that the kernel refuses. */
const LOOK_MS = 250;
/**
 * So many looks remember which devices went down: packets that were unread at that time are missed later.
 */
const DOWN_LOOKS = 4;

export interface LostWatchOptions {
  readonly first: number;
  /** So many NFQUEUEs may be open. */
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
  /** null: nothing to look for. */
  private timer: NodeJS.Timeout | null = null;
  private down: ReadonlySet<number> = new Set();
  private downLooks = 0;
  private isClosed = false;

  constructor(options: LostWatchOptions) {
    this.options = options;
  }

  /** Packets wait. Looks from now on, until none does. */
  watch(): void {
    if (this.timer !== null || this.isClosed) return;
    this.timer = setInterval(() => this.lookAgain(), LOOK_MS);
    this.timer.unref();
  }

  close(): void {
    this.isClosed = true;
    this.rest();
  }

  private lookAgain(): void {
    this.look();
    if (this.downLooks > 0 && --this.downLooks === 0) this.down = new Set();
    if (this.downLooks === 0 && this.holding().length === 0) this.rest();
  }

  private rest(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Indexes of the NFQUEUEs whose packets wait. */
  private holding(): number[] {
    const { count, waitingOf } = this.options;
    return Array.from({ length: count }, (_, nfqueue) => nfqueue).filter((nfqueue) => waitingOf(nfqueue) > 0);
  }

  /** Looks for lost packets. If these devices went down, theirs are lost first, in the next looks as well. */
  look(down: ReadonlySet<number> | null = null): void {
    if (down !== null) {
      this.down = new Set([...this.down, ...down]);
      this.downLooks = DOWN_LOOKS;
      this.watch();
    }
    const { first, waitingOf, letGo, onFound } = this.options;
    const holding = this.holding();
    if (holding.length === 0) return;
    const kernel = this.heldByKernel(holding);
    let found = 0;
    for (const nfqueue of holding) {
      const held = kernel === null ? waitingOf(nfqueue) : (kernel.get(first + nfqueue) ?? waitingOf(nfqueue));
      const missing = (): number => waitingOf(nfqueue) - held;
      const isTold = kernel === null && down !== null;
      const most = isTold ? Number.POSITIVE_INFINITY : missing();
      if (most > 0 && this.down.size > 0) found += letGo({ nfqueue, most, ifIndexes: this.down });
      if (missing() > 0) found += letGo({ nfqueue, most: missing(), ifIndexes: null });
    }
    if (found > 0) onFound(found);
  }

  /**
   * Packets that the kernel has, by the number of the NFQUEUE; null if it does not say. It counts a packet
   * just after its message can be read, so it is asked again before a packet is taken for lost.
   */
  private heldByKernel(holding: readonly number[]): Map<number, number> | null {
    const { first, waitingOf, readQueues = readKernelQueues } = this.options;
    const counts = new Map<number, number>();
    const isMissing = (): boolean =>
      holding.some(
        (nfqueue) => waitingOf(nfqueue) > (counts.get(first + nfqueue) ?? Number.POSITIVE_INFINITY),
      );
    for (let reads = 0; reads === 0 || (reads === 1 && isMissing()); reads++) {
      const queues = readQueues();
      if (queues === null) return null;
      for (const { number, heldPackets } of queues)
        counts.set(number, Math.max(heldPackets, counts.get(number) ?? 0));
    }
    return counts;
  }
}
