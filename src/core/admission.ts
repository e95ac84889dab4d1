/** Whether a leaf's queue takes one more packet: its limit, and RED where configured. */
import { createRedQueues, type RedQueues, redBecameIdle, redObserve, redSignal } from '../algo/red.ts';
import type { Prng } from '../base/prng.ts';
import type { ClassInfo } from './classes.ts';
import type { QueueSpec } from './spec.ts';
import type { Stats } from './stats.ts';
import type { Trees } from './trees.ts';

export class Admission {
  private readonly queues: readonly (QueueSpec | null)[];
  private readonly red: RedQueues;
  private readonly stats: Stats;
  private readonly trees: Trees;
  private readonly prng: Prng;

  constructor(classes: readonly ClassInfo[], stats: Stats, trees: Trees, prng: Prng) {
    this.queues = classes.map((info) => info.spec.queue);
    this.red = createRedQueues(classes.length);
    this.stats = stats;
    this.trees = trees;
    this.prng = prng;
  }

  /** Whether RED signals the packet. Moves the leaf's average: call once for every arrival. */
  signals(leaf: number, now: number, lengthBytes: number): boolean {
    const aqm = this.queues[leaf]?.aqm;
    if (aqm?.kind !== 'red') return false;
    const { red } = aqm;
    redObserve(this.red, leaf, red, now, this.stats.backlogBytes[leaf], this.trees.nsPerByte(leaf));
    return redSignal(this.red, leaf, red, lengthBytes, this.prng.nextUnit());
  }

  /**
   * Whether the leaf's limit leaves no room for the packet. An empty queue has room for any, so that a superpacket
   * larger than the limit is not locked out.
   */
  isFull(leaf: number, lengthBytes: number): boolean {
    const queue = this.queues[leaf];
    const backlogPackets = this.stats.backlogPackets[leaf];
    if (queue === null || backlogPackets === 0) return false;
    const bytes = this.stats.backlogBytes[leaf] + lengthBytes;
    return bytes > queue.limitBytes || backlogPackets + 1 > queue.limitPackets;
  }

  /** The leaf's last packet left at `now`. */
  becameEmpty(leaf: number, now: number): void {
    if (this.queues[leaf]?.aqm.kind === 'red') redBecameIdle(this.red, leaf, now);
  }
}
