/**
 * Finds flows that use the wrong one of their direction's two NFQUEUEs (spec/queue-plan.ts): fast flows
 * belong in the one with superpackets, slow flows into the one without. Verdicts ask for a connection mark,
 * so that later packets use the other NFQUEUE.
 */
import { NONE } from '../../base/none.ts';
import { MARK_FAST, MARK_SLOW } from '../../spec/mark-codes.ts';
import { letsSuperpacketsPass, type QueuePlan } from '../../spec/queue-plan.ts';
import type { ClassInfo } from '../classes/classes.ts';

export class Steering {
  /** By NFQUEUE index: the code with which a verdict moves a flow to the other one; 0 if flows stay. */
  codes: Uint8Array = new Uint8Array(0);
  /** By class: 1 if the class and all above it let superpackets pass. */
  private fast = new Uint8Array(0);

  constructor(plan: QueuePlan, classes: readonly ClassInfo[]) {
    this.usePlan(plan);
    this.update(classes);
  }

  /** Goes by another plan. An NFQUEUE that it has no more keeps a row: packets that came by it may wait. */
  usePlan(plan: QueuePlan): void {
    this.codes = new Uint8Array(Math.max(this.codes.length, plan.gso.length));
    for (const { nfqueue, fastNfqueue } of plan.directions) {
      if (fastNfqueue === null) continue;
      this.codes[nfqueue] = MARK_FAST;
      this.codes[fastNfqueue] = MARK_SLOW;
    }
  }

  /**
   * Reads all rates again after a change of classes. A flow moves when its next packet comes.
   */
  update(classes: readonly ClassInfo[]): void {
    this.fast = new Uint8Array(classes.length);
    for (const [row, { spec, parent }] of classes.entries()) {
      const above = parent === NONE || this.fast[parent] === 1;
      this.fast[row] = above && letsSuperpacketsPass(spec) ? 1 : 0;
    }
  }

  /** Whether packets that pass these leaves (or NONE) should come by another NFQUEUE. */
  moves(nfqueue: number, leaf: number, nextLeaf: number): boolean {
    const code = this.codes[nfqueue];
    if (code === 0 || leaf === NONE) return false;
    const fast = this.fast[leaf] === 1 && (nextLeaf === NONE || this.fast[nextLeaf] === 1);
    return fast === (code === MARK_FAST);
  }
}
