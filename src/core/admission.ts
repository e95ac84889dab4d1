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

  /**
   * Decides and counts the reason of a drop. The limit compares with what waits already: an empty queue takes any packet, so
   * that a superpacket larger than the limit is not locked out.
   */
  admit(leaf: number, now: number, lengthBytes: number, mayDrop: boolean): boolean {
    const queue = this.queues[leaf];
    if (queue === null) return true;
    const { stats } = this;
    const backlogBytes = stats.backlogBytes[leaf];
    if (queue.red !== null) {
      redObserve(this.red, leaf, queue.red, now, backlogBytes, this.trees.nsPerByte(leaf));
      if (redSignal(this.red, leaf, queue.red, lengthBytes, this.prng.nextUnit()) && mayDrop) {
        stats.dropEarly[leaf] += 1;
        return false;
      }
    }
    const backlogPackets = stats.backlogPackets[leaf];
    const full = backlogBytes + lengthBytes > queue.limitBytes || backlogPackets + 1 > queue.limitPackets;
    if (full && backlogPackets > 0 && mayDrop) {
      stats.dropTail[leaf] += 1;
      return false;
    }
    return true;
  }

  /** The leaf's last packet left at `now`. */
  becameEmpty(leaf: number, now: number): void {
    if (this.queues[leaf]?.red) redBecameIdle(this.red, leaf, now);
  }
}
