/**
 * Closes NFQUEUEs that a change has left without use: when no packet of theirs waits any more, and no packet
 * that was on its way there under the rules of before can still come.
 */
import type { KernelQueue } from '../io/proc/nfqueues.ts';

const LOOK_MS = 100;
/** So many looks in turn must find nothing. A packet passes our rules within microseconds. */
const LOOKS = 3;

export interface RetiringOptions {
  readonly port: {
    readonly open: readonly number[];
    closeNfqueue(nfqueue: number): void;
  };
  /** Number of the NFQUEUE with index 0. */
  readonly first: number;
  /** NFQUEUEs that are in use from the start. */
  readonly count: number;
  /** Packets of an NFQUEUE, by its index, that were read and have no verdict yet. */
  readonly waitingOf: (nfqueue: number) => number;
  /** The kernel's list of NFQUEUEs, or null if it cannot be read. */
  readonly readQueues: () => readonly KernelQueue[] | null;
  readonly onClosed: (nfqueue: number, last: KernelQueue | null) => void;
}

export class RetiringNfqueues {
  private readonly options: RetiringOptions;
  /** By unused NFQUEUE: looks in turn that found nothing. */
  private readonly emptyLooks = new Map<number, number>();
  private count: number;
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  constructor(options: RetiringOptions) {
    this.options = options;
    this.count = options.count;
  }

  /** The NFQUEUEs [0, count) are in use from now on. All others close when nothing waits for them. */
  use(count: number): void {
    this.count = count;
    for (const nfqueue of this.emptyLooks.keys()) if (nfqueue < count) this.emptyLooks.delete(nfqueue);
    if (this.unused.length > 0) this.wait();
  }

  close(): void {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private get unused(): number[] {
    return this.options.port.open.filter((nfqueue) => nfqueue >= this.count);
  }

  private wait(): void {
    if (this.timer || this.isClosed) return;
    this.timer = setTimeout(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  private look(): void {
    this.timer = null;
    const { port, first, waitingOf, readQueues, onClosed } = this.options;
    const { unused } = this;
    if (unused.length === 0) return;
    const queues = readQueues();
    for (const nfqueue of unused) {
      const queue = queues?.find(({ number }) => number === first + nfqueue) ?? null;
      const isEmpty = waitingOf(nfqueue) === 0 && (queue?.heldPackets ?? 0) === 0;
      const looks = isEmpty ? (this.emptyLooks.get(nfqueue) ?? 0) + 1 : 0;
      this.emptyLooks.set(nfqueue, looks);
      if (looks < LOOKS) continue;
      port.closeNfqueue(nfqueue);
      this.emptyLooks.delete(nfqueue);
      onClosed(nfqueue, queue);
    }
    this.use(this.count);
  }
}
