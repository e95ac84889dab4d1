/** TCP rate control as the engine sees it. Nothing of it takes memory while no class has ever been paced. */
import { NONE } from '../../base/none.ts';
import type { Arrivals } from '../../packet/batch.ts';
import type { Parsed } from '../../packet/parse.ts';
import type { QueuePlan } from '../../spec/queue-plan.ts';
import { type ClassInfo, chainOf } from '../classes/classes.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { Edits } from '../packets/edits.ts';
import type { HeldTable } from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import { Pacing } from './pacing.ts';
import { type AvailableRates, type FreedConnection, Shares } from './shares.ts';

export interface PacingParts {
  readonly held: HeldTable;
  readonly flows: FlowTable;
  readonly edits: Edits;
  readonly ledger: Ledger;
}

interface Made {
  readonly pacing: Pacing;
  readonly shares: Shares;
}

export class PacingStage {
  /** Whether any class is paced. */
  isUsed = false;
  private readonly parts: PacingParts;
  private made: Made | null = null;
  private plan: QueuePlan;
  /** By NFQUEUE: 1 if the kernel drops its packets when they are edited. */
  private unedited = new Uint8Array(0);

  constructor(classes: readonly ClassInfo[], plan: QueuePlan, parts: PacingParts) {
    this.parts = parts;
    this.plan = plan;
    this.usePlan(plan);
    this.use(classes, null);
  }

  /** Goes by other classes; `heir` has the new row of each. No acknowledgement may be held. */
  regroup(classes: readonly ClassInfo[], heir: ArrayLike<number>): void {
    this.use(classes, heir);
  }

  /**
   * Goes by another plan; call regroup() then. Connections whose packets come by an NFQUEUE without edits are
   * left alone.
   */
  usePlan(plan: QueuePlan): void {
    const { gso, unedited } = plan;
    this.plan = plan;
    this.unedited = new Uint8Array(Math.max(gso.length, this.unedited.length));
    for (const nfqueue of unedited ?? []) this.unedited[nfqueue] = 1;
  }

  private use(classes: readonly ClassInfo[], heir: ArrayLike<number> | null): void {
    this.isUsed = classes.some(({ spec }) => spec.pace !== null);
    if (!this.isUsed) {
      // Nobody looks at their acknowledgements any more.
      this.made?.pacing.connections.closeAll();
      return;
    }
    const pacedBy = chainOf(classes, ({ spec }) => spec.pace !== null).from;
    if (this.made === null) {
      const { held, flows, edits, ledger } = this.parts;
      const pacing = new Pacing(held, flows, edits, ledger, pacedBy);
      const shares = new Shares(pacing, classes, flows.tcp.view, ledger);
      pacing.onBegin = (d, c) => shares.welcome(d, c);
      this.made = { pacing, shares };
    } else {
      this.made.pacing.regroup(pacedBy);
      if (heir !== null) this.made.shares.regroup(classes, heir);
    }
    this.made.pacing.marks.use(classes, pacedBy, this.plan);
  }

  /** As Pacing.take(). Only while isUsed. */
  take(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number, h: number, nowNs: number): boolean {
    if (this.unedited[arrivals.nfqueue[p]] === 1) return false;
    return this.made!.pacing.take(arrivals, slab, parsed, p, h, nowNs);
  }

  /** Packets have passed unseen. */
  loseSight(): void {
    this.made?.pacing.loseSight();
  }

  /** Finds new shares. Only while isUsed. */
  advance(available: AvailableRates, nowNs: number): void {
    this.made!.shares.advance(available, nowNs);
  }

  /** Acknowledgements that are due by `nowNs` go on; Infinity: all that are held. */
  release(nowNs: number): void {
    this.made?.pacing.acks.advance(nowNs);
  }

  /**
   * The next acknowledgement that goes on: release() or take() has let it go, before the packet at which
   * take() has just looked. NONE if there is none.
   */
  pop(): number {
    return this.made === null ? NONE : this.made.pacing.acks.pop();
  }

  /** Instant at which an acknowledgement goes on; Infinity if none is held. */
  nextDueNs(): number {
    return this.made === null ? Number.POSITIVE_INFINITY : this.made.pacing.acks.nextDueNs();
  }

  /** Connections that pacing has given way to since the last call. */
  freed(): readonly FreedConnection[] {
    return this.made === null ? [] : this.made.shares.freed();
  }
}
