/**
 * Has connections marked whose answers come only then (DirectionPlan.isByMark). SYNs come in any case, so
 * what they tell is known when the first other answer comes.
 *
 * A packet of a paced class asks if it has SYN, or if no answer came for a second: the connection became
 * paced late, or the mark was lost. Answers that come say that it is there. It stays until the connection
 * ends; the answers of one that is paced no more come and pass.
 */
import { NONE } from '../../base/none.ts';
import type { QueuePlan } from '../../spec/queue-plan.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { FLAG_FETCH, type HeldTable } from '../packets/held.ts';

const ASK_AGAIN_NS = 1e9;

export class AnswerMarks {
  /** Whether any answers come by mark. */
  isUsed = false;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  /** By class: 1 if it is paced or in a paced one, and its answers come by mark. */
  private byMark = new Uint8Array(0);

  constructor(held: HeldTable, flows: FlowTable) {
    this.held = held;
    this.flows = flows;
  }

  /** Goes by these classes and this plan. `pacedBy` is as in Pacing. */
  use(classes: readonly ClassInfo[], pacedBy: ArrayLike<number>, { directions }: QueuePlan): void {
    const halves = directions.filter(({ isByMark }) => isByMark === true);
    this.isUsed = halves.length > 0;
    this.byMark = Uint8Array.from(classes, ({ link, direction }, row) => {
      const answers = halves.some((half) => half.device === link.device && half.direction !== direction);
      return answers && pacedBy[row] !== NONE ? 1 : 0;
    });
  }

  /** Packet `h` of flow `d`, which has its leaves, asks for the mark if the connection needs it. */
  ask(d: number, h: number, isSyn: boolean, nowNs: number): void {
    const { held, flows } = this;
    if (!this.isByMark(held.leaf[h]) && !this.isByMark(held.nextLeaf[h])) return;
    const f = isSyn ? NONE : flows.tcp.view.reverseOf(d);
    if (f === NONE || nowNs - flows.lastSeenNs(f) > ASK_AGAIN_NS) held.flags[h] |= FLAG_FETCH;
  }

  private isByMark(leaf: number): boolean {
    return leaf !== NONE && this.byMark[leaf] === 1;
  }
}
