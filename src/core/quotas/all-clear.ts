/**
 * Whether a whole batch passes the limits of hosts: nothing holds for any of them, and none can exceed its
 * maximum with what is in our hands. That is so for nearly every batch of a house in which nobody is limited,
 * and then no packet is asked.
 *
 *   hosts 7, 8, 9   have 40, 12 and 90 MB left: while no more than 12 MB have passed since, none is over
 *
 * A look at all hosts finds the one that has the least left. It costs some 10 us a thousand hosts, so it is
 * repeated after a while only.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { HOST_GENERATION, HOST_SHIFT } from '../hosts/host-layout.ts';
import type { HostTable } from '../hosts/host-table.ts';
import { HAS_MAX, type LimitTable } from './limit-table.ts';

const LOOK_NS = 100e6;
/** What a packet between two inside hosts adds to their counts, by its bytes. */
const SIDES = 2;

export class AllClear {
  private readonly table: LimitTable;
  private readonly hosts: HostTable;
  /** Growth of all counts (HostTable.growthBytes) up to which no host exceeds its maximum. */
  private untilBytes = FLOAT_ZERO;
  private lookedNs = Number.NEGATIVE_INFINITY;

  constructor(table: LimitTable, hosts: HostTable) {
    this.table = table;
    this.hosts = hosts;
  }

  /** Other limits hold from now on. */
  forget(): void {
    this.untilBytes = FLOAT_ZERO;
    this.lookedNs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Whether every host stays free of limits until `bytes` more have their verdicts. All verdicts so far are
   * counted.
   */
  holdsFor(bytes: number, nowNs: number): boolean {
    if (this.table.restricted > 0) return false;
    const grownBytes = this.hosts.growthBytes + SIDES * bytes;
    if (grownBytes <= this.untilBytes) return true;
    if (nowNs - this.lookedNs < LOOK_NS) return false;
    this.lookedNs = nowNs;
    this.untilBytes = this.hosts.growthBytes + this.leastLeftBytes();
    return grownBytes <= this.untilBytes;
  }

  /** What the host that is nearest to its maximum has left. */
  private leastLeftBytes(): number {
    const { table, hosts } = this;
    const { state } = table;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < state.length; i++) {
      if (state[i] !== HAS_MAX) continue;
      if (table.generation(i) !== hosts.words[(i << HOST_SHIFT) + HOST_GENERATION]) continue;
      least = Math.min(least, table.leftBytes(i, hosts.floats));
    }
    return least;
  }
}
