/**
 * What waits in each leaf now: packets that the leaf has taken and neither sent nor dropped yet. Limits, AQM
 * and room decide by it; nothing decides by the counts of the ledger.
 *
 * Its two columns lie in the buffer of the statistics, so that one copy makes a snapshot of both.
 */
import type { HeldTable } from './held.ts';
import type { Stats } from './stats.ts';

type Columns = Pick<Stats, 'backlogPackets' | 'backlogBytes'>;

export class Backlog {
  private readonly columns: Columns;
  private readonly held: HeldTable;
  private waitingPackets: Float64Array;
  private waitingBytes: Float64Array;

  constructor(columns: Columns, held: HeldTable) {
    this.columns = columns;
    this.held = held;
    this.waitingPackets = columns.backlogPackets;
    this.waitingBytes = columns.backlogBytes;
  }

  /** Classes have changed, and the statistics have their new columns. */
  regroup(): void {
    this.waitingPackets = this.columns.backlogPackets;
    this.waitingBytes = this.columns.backlogBytes;
  }

  packets(leaf: number): number {
    return this.waitingPackets[leaf];
  }

  bytes(leaf: number): number {
    return this.waitingBytes[leaf];
  }

  /** The leaf of packet `h` takes it. */
  enter(h: number): void {
    const leaf = this.held.leaf[h];
    this.waitingPackets[leaf] += 1;
    this.waitingBytes[leaf] += this.held.lengthBytes[h];
  }

  /** Packet `h` is sent by its leaf, or dropped there. */
  leave(h: number): void {
    const leaf = this.held.leaf[h];
    this.waitingPackets[leaf] -= 1;
    this.waitingBytes[leaf] -= this.held.lengthBytes[h];
  }

  /** Packet `h` waits in leaf `to` instead of leaf `from`. */
  move(h: number, from: number, to: number): void {
    const lengthBytes = this.held.lengthBytes[h];
    this.waitingPackets[from] -= 1;
    this.waitingBytes[from] -= lengthBytes;
    this.waitingPackets[to] += 1;
    this.waitingBytes[to] += lengthBytes;
  }
}
