/**
 * Which flows came by the wrong one of their direction's two queues (see queue-plan.ts): fast ones by the
 * queue without superpackets, slow ones by the queue with them. Verdicts ask for a connection mark, so that
 * the packets that follow come by the other.
 */
import { NONE } from '../../base/none.ts';
import { MARK_FAST, MARK_SLOW } from '../../spec/mark-codes.ts';
import { letsSuperpacketsPass, type QueuePlan } from '../../spec/queue-plan.ts';
import type { ClassInfo } from '../classes/classes.ts';

export class Steering {
  /** By queue index: what a verdict asks for to move a flow away from it; 0: flows stay. */
  readonly codes: Uint8Array;
  /** By class: it and all above let superpackets pass. */
  private fast = new Uint8Array(0);

  constructor(plan: QueuePlan, classes: readonly ClassInfo[]) {
    this.codes = new Uint8Array(plan.gso.length);
    for (const { nfqueue, fastNfqueue } of plan.directions) {
      if (fastNfqueue === null) continue;
      this.codes[nfqueue] = MARK_FAST;
      this.codes[fastNfqueue] = MARK_SLOW;
    }
    this.update(classes);
  }

  /**
   * Looks at all rates again, after one or the classes have changed; flows move as their next packets come.
   */
  update(classes: readonly ClassInfo[]): void {
    this.fast = new Uint8Array(classes.length);
    for (const [row, { spec, parent }] of classes.entries()) {
      const above = parent === NONE || this.fast[parent] === 1;
      this.fast[row] = above && letsSuperpacketsPass(spec) ? 1 : 0;
    }
  }

  /** Whether packets that pass these leaves (NONE: none) should come by another queue. */
  moves(nfqueue: number, leaf: number, nextLeaf: number): boolean {
    const code = this.codes[nfqueue];
    if (code === 0 || leaf === NONE) return false;
    const fast = this.fast[leaf] === 1 && (nextLeaf === NONE || this.fast[nextLeaf] === 1);
    return fast === (code === MARK_FAST);
  }
}
