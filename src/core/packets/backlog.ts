/**
 * What waits in each leaf now: packets that the leaf has taken and neither sent nor dropped yet. Limits, AQM
 * and room decide by it; nothing decides by the counts of the ledger.
 *
 * Its columns lie in the buffer of the statistics, so that one copy makes a snapshot of both.
 */
import type { HeldTable } from './held.ts';
import type { Stats } from './stats.ts';

type Columns = Pick<Stats, 'backlogPackets' | 'backlogBytes' | 'exemptPackets' | 'exemptBytes'>;

export class Backlog {
  private readonly columns: Columns;
  private readonly held: HeldTable;
  private waitingPackets: Float64Array;
  private waitingBytes: Float64Array;
  /** The part of them that must not be dropped. */
  private waitingExemptPackets: Float64Array;
  private waitingExemptBytes: Float64Array;

  constructor(columns: Columns, held: HeldTable) {
    this.columns = columns;
    this.held = held;
    this.waitingPackets = columns.backlogPackets;
    this.waitingBytes = columns.backlogBytes;
    this.waitingExemptPackets = columns.exemptPackets;
    this.waitingExemptBytes = columns.exemptBytes;
  }

  /** Classes have changed, and the statistics have their new columns. */
  regroup(): void {
    this.waitingPackets = this.columns.backlogPackets;
    this.waitingBytes = this.columns.backlogBytes;
    this.waitingExemptPackets = this.columns.exemptPackets;
    this.waitingExemptBytes = this.columns.exemptBytes;
  }

  packets(leaf: number): number {
    return this.waitingPackets[leaf];
  }

  bytes(leaf: number): number {
    return this.waitingBytes[leaf];
  }

  /** Packets that must not be dropped. */
  exemptPackets(leaf: number): number {
    return this.waitingExemptPackets[leaf];
  }

  exemptBytes(leaf: number): number {
    return this.waitingExemptBytes[leaf];
  }

  /** The leaf of packet `h` takes it. Whether it may be dropped is settled. */
  enter(h: number): void {
    const leaf = this.held.leaf[h];
    this.waitingPackets[leaf] += 1;
    this.waitingBytes[leaf] += this.held.lengthBytes[h];
    if (this.held.neverDrop(h)) this.countExempt(h, leaf, 1);
  }

  /** Packet `h` is sent by its leaf, or dropped there. */
  leave(h: number): void {
    const leaf = this.held.leaf[h];
    this.waitingPackets[leaf] -= 1;
    this.waitingBytes[leaf] -= this.held.lengthBytes[h];
    if (this.held.neverDrop(h)) this.countExempt(h, leaf, -1);
  }

  /** Packet `h` waits in leaf `to` instead of leaf `from`. */
  move(h: number, from: number, to: number): void {
    const lengthBytes = this.held.lengthBytes[h];
    this.waitingPackets[from] -= 1;
    this.waitingBytes[from] -= lengthBytes;
    this.waitingPackets[to] += 1;
    this.waitingBytes[to] += lengthBytes;
    if (!this.held.neverDrop(h)) return;
    this.countExempt(h, from, -1);
    this.countExempt(h, to, 1);
  }

  /** `packets` is 1 or -1. */
  private countExempt(h: number, leaf: number, packets: number): void {
    this.waitingExemptPackets[leaf] += packets;
    this.waitingExemptBytes[leaf] += packets * this.held.lengthBytes[h];
  }
}
