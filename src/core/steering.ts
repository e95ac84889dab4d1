/**
 * Which flows came by the wrong one of their direction's two queues (see queue-plan.ts): fast ones by the queue without superpackets,
 * slow ones by the queue with them. Verdicts ask for a connection mark, so that the packets that follow come by the other.
 */
import { NONE } from '../base/none.ts';
import type { ClassInfo } from './classes.ts';
import { NO_LEAF } from './held.ts';
import { MARK_FAST, MARK_SLOW } from './mark-codes.ts';
import { letsSuperpacketsPass, type QueuePlan } from './queue-plan.ts';

export class Steering {
  /** By queue index: what a verdict asks for to move a flow away from it; 0: flows stay. */
  readonly codes: Uint8Array;
  /** By class: it and all above let superpackets pass. */
  private fast = new Uint8Array(0);

  constructor(plan: QueuePlan, classes: readonly ClassInfo[]) {
    this.codes = new Uint8Array(plan.gso.length);
    for (const { queue, fastQueue } of plan.directions) {
      if (fastQueue === null) continue;
      this.codes[queue] = MARK_FAST;
      this.codes[fastQueue] = MARK_SLOW;
    }
    this.update(classes);
  }

  /** Looks at all rates again, after one or the classes have changed; flows move as their next packets come. */
  update(classes: readonly ClassInfo[]): void {
    this.fast = new Uint8Array(classes.length);
    for (const [row, { spec, parent }] of classes.entries()) {
      const above = parent === NONE || this.fast[parent] === 1;
      this.fast[row] = above && letsSuperpacketsPass(spec) ? 1 : 0;
    }
  }

  /** Whether packets that pass these leaves (NO_LEAF: none) should come by another queue. */
  moves(queue: number, leaf: number, nextLeaf: number): boolean {
    const code = this.codes[queue];
    if (code === 0 || leaf === NO_LEAF) return false;
    const fast = this.fast[leaf] === 1 && (nextLeaf === NO_LEAF || this.fast[nextLeaf] === 1);
    return fast === (code === MARK_FAST);
  }
}
