/**
 * What becomes of packets, counted: admitted to a leaf, sent by it, accepted or dropped at last. One place, so that the books of
 * classes, flows and totals move together.
 */
import { HISTOGRAM_BINS, histogramBin } from '../../base/histogram.ts';
import { NONE } from '../../base/none.ts';
import type { Admission } from '../admission/admission.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { FLAG_CE, FLAG_ECT, FLAG_MARKED, type HeldTable } from '../packets/held.ts';
import type { Stats } from '../packets/stats.ts';
import type { VerdictWriter } from './writer.ts';

export class Outcomes {
  private readonly stats: Stats;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly admission: Admission;
  private readonly verdicts: VerdictWriter;

  constructor(
    stats: Stats,
    held: HeldTable,
    flows: FlowTable,
    admission: Admission,
    verdicts: VerdictWriter,
  ) {
    this.stats = stats;
    this.held = held;
    this.flows = flows;
    this.admission = admission;
    this.verdicts = verdicts;
  }

  /** Packet `h` is in its leaf from now on. */
  admitted(h: number): void {
    const leaf = this.held.leaf[h];
    this.stats.backlogPackets[leaf] += 1;
    this.stats.backlogBytes[leaf] += this.held.lengthBytes[h];
  }

  /** Packet `h` leaves its leaf towards the next tree or its verdict. */
  sent(h: number, nowNs: number): void {
    const { held, stats } = this;
    const leaf = held.leaf[h];
    this.left(h, nowNs);
    stats.sentPackets[leaf] += 1;
    stats.sentBytes[leaf] += held.lengthBytes[h];
    const enteredNs = held.enteredNs(h);
    const atNs = held.readyNs(h);
    stats.delay[leaf * HISTOGRAM_BINS + histogramBin((nowNs - enteredNs) / 1e3)] += 1;
    if (atNs > enteredNs) stats.lateness[histogramBin(Math.max(0, nowNs - atNs) / 1e3)] += 1;
    if ((held.flags[h] & FLAG_CE) !== 0) {
      stats.marked[leaf] += 1;
      held.flags[h] = (held.flags[h] & ~FLAG_CE) | FLAG_MARKED;
    }
  }

  /** Asks for a mark instead of a drop; false when the packet cannot carry one. */
  mark(h: number): boolean {
    const { flags } = this.held;
    if ((flags[h] & FLAG_ECT) === 0) return false;
    flags[h] |= FLAG_CE;
    return true;
  }

  accept(h: number): void {
    this.unlinkFlow(h);
    this.verdicts.accept(h);
  }

  drop(h: number): void {
    this.unlinkFlow(h);
    this.verdicts.drop(h);
  }

  /** Drops a packet that was already admitted to its leaf. */
  withdraw(h: number, nowNs: number): void {
    this.left(h, nowNs);
    this.drop(h);
  }

  private left(h: number, nowNs: number): void {
    const { stats, held } = this;
    const leaf = held.leaf[h];
    stats.backlogPackets[leaf] -= 1;
    stats.backlogBytes[leaf] -= held.lengthBytes[h];
    this.admission.departed(leaf, nowNs, nowNs - held.enteredNs(h));
  }

  private unlinkFlow(h: number): void {
    const f = this.held.flow[h];
    if (f !== NONE) this.flows.packetAnswered(f);
  }
}
