/** Packets that leave the stage of limits: those that go on to their classes, and those that are dropped. */
import { NONE } from '../../base/none.ts';
import type { HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import { DROP_TAIL } from '../packets/ledger.ts';

const READY = 0;
/** Those that are dropped stand at DROPPED + the reason. */
const DROPPED = 1;
const REASONS = 4;

export class Leaving {
  /** Whether there are packets that nobody has taken since they came here. */
  isAny = false;
  /** Why the packet of the last popDropped() is dropped: DROP_* of the ledger. */
  lastReason = DROP_TAIL;
  private readonly fifos: HeldFifos;
  private dropped = 0;

  constructor(held: HeldTable) {
    this.fifos = new HeldFifos(DROPPED + REASONS, held);
  }

  get isEmpty(): boolean {
    return this.fifos.isEmpty(READY) && this.dropped === 0;
  }

  goesOn(h: number): void {
    this.fifos.push(READY, h);
    this.isAny = true;
  }

  drop(h: number, reason: number): void {
    this.fifos.push(DROPPED + reason, h);
    this.dropped++;
    this.isAny = true;
  }

  /** The next packet that goes on; NONE if none does. */
  popReady(): number {
    return this.fifos.isEmpty(READY) ? NONE : this.fifos.shift(READY);
  }

  /** The next packet that is dropped for `lastReason`; NONE if none is. */
  popDropped(): number {
    if (this.dropped === 0) {
      this.isAny = !this.fifos.isEmpty(READY);
      return NONE;
    }
    for (let reason = 0; reason < REASONS; reason++) {
      if (this.fifos.isEmpty(DROPPED + reason)) continue;
      this.lastReason = reason;
      this.dropped--;
      return this.fifos.shift(DROPPED + reason);
    }
    return NONE;
  }

  /** Takes out all packets that go on. */
  takeReady(): number[] {
    return this.fifos.takeAll(READY);
  }

  /** All packets that go on. They stay. */
  listReady(): number[] {
    return this.fifos.list(READY);
  }
}
