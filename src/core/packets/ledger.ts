/**
 * Counts what becomes of packets: received, sent by a leaf, accepted, dropped and why, marked, lost. The only
 * writer of counts: the columns of the backlog, which lie in the same buffer, belong to backlog.ts. It
 * decides nothing. Only ceilings that move are decided by what it counts (tree/recent-use.ts).
 *
 *   received  ->  sent by the leaf of each tree  ->  accepted  ->  or lost, if the kernel no longer had it
 *                 or dropped by one              ->  dropped   ->  or lost
 */
import { HISTOGRAM_BINS, histogramBin } from '../../base/histogram.ts';
import { NONE } from '../../base/none.ts';
import { FLAG_CE, type HeldTable } from './held.ts';
import { createStats, type Regrouping, regroupStats, type Stats, TOTAL } from './stats.ts';

/** Why a packet is dropped. */
export const DROP_TAIL = 0;
export const DROP_EARLY = 1;
export const DROP_POLICE = 2;
export const DROP_AQM = 3;
/** By a module: before any class, so the class would have had it. */
export const DROP_MODULE = 4;

export class Ledger {
  readonly stats: Stats;
  private readonly held: HeldTable;
  // Columns that every packet writes, here too: one load less each.
  private totals!: Float64Array;
  private sentPackets!: Float64Array;
  private sentBytes!: Float64Array;
  private delay!: Float64Array;
  private lateness!: Float64Array;

  constructor(classes: number, held: HeldTable) {
    this.stats = createStats(classes);
    this.held = held;
    this.useColumns();
  }

  /** A packet was read and is held until its verdict. */
  received(lengthBytes: number): void {
    const { totals } = this;
    totals[TOTAL.receivedPackets] += 1;
    totals[TOTAL.receivedBytes] += lengthBytes;
    totals[TOTAL.heldPackets] += 1;
    totals[TOTAL.heldBytes] += lengthBytes;
  }

  /** The leaf of packet `h` sends it. */
  sent(h: number, nowNs: number): void {
    const { held } = this;
    const leaf = held.leaf[h];
    this.sentPackets[leaf] += 1;
    this.sentBytes[leaf] += held.lengthBytes[h];
    const enteredNs = held.enteredNs(h);
    const readyNs = held.readyNs(h);
    this.delay[leaf * HISTOGRAM_BINS + histogramBin((nowNs - enteredNs) / 1e3)] += 1;
    if (readyNs > enteredNs) this.lateness[histogramBin(Math.max(0, nowNs - readyNs) / 1e3)] += 1;
    if ((held.flags[h] & FLAG_CE) !== 0) this.stats.marked[leaf] += 1;
  }

  /** The verdict on packet `h` is to accept it. */
  accepted(h: number): void {
    const { totals } = this;
    const lengthBytes = this.held.lengthBytes[h];
    totals[TOTAL.acceptedPackets] += 1;
    totals[TOTAL.acceptedBytes] += lengthBytes;
    totals[TOTAL.heldPackets] -= 1;
    totals[TOTAL.heldBytes] -= lengthBytes;
  }

  /**
   * The verdict on packet `h` is to drop it; its leaf has `reason` (DROP_*) for that. Without a leaf a limit
   * of its host has, or a module at a hook without classes.
   */
  dropped(h: number, reason: number): void {
    const { totals } = this;
    const lengthBytes = this.held.lengthBytes[h];
    const leaf = this.held.leaf[h];
    if (leaf !== NONE) this.dropsFor(reason)[leaf] += 1;
    if (reason === DROP_MODULE) totals[TOTAL.modulePackets] += 1;
    totals[TOTAL.droppedPackets] += 1;
    totals[TOTAL.droppedBytes] += lengthBytes;
    totals[TOTAL.heldPackets] -= 1;
    totals[TOTAL.heldBytes] -= lengthBytes;
  }

  /**
   * The kernel no longer had a packet when its verdict came. `leaf` and `leafBefore` have counted it as sent,
   * unless NONE.
   */
  lost(lengthBytes: number, wasAccepted: boolean, leaf: number, leafBefore: number): void {
    const { totals } = this;
    totals[wasAccepted ? TOTAL.acceptedPackets : TOTAL.droppedPackets] -= 1;
    totals[wasAccepted ? TOTAL.acceptedBytes : TOTAL.droppedBytes] -= lengthBytes;
    totals[TOTAL.lostPackets] += 1;
    totals[TOTAL.lostBytes] += lengthBytes;
    this.unsend(leaf, lengthBytes);
    this.unsend(leafBefore, lengthBytes);
  }

  /** A held packet has another length: it counts as if it had come with that. */
  resized(byBytes: number): void {
    this.totals[TOTAL.receivedBytes] += byBytes;
    this.totals[TOTAL.heldBytes] += byBytes;
  }

  /** A packet that no tree takes is accepted. */
  unmatched(): void {
    this.totals[TOTAL.unmatchedPackets] += 1;
  }

  /** A packet passes all trees at once because too many are held. */
  heldFull(): void {
    this.totals[TOTAL.heldFull] += 1;
  }

  /** No `each` bucket could be made for a packet. */
  eachFull(): void {
    this.totals[TOTAL.eachFull] += 1;
  }

  /** No flow queue could be made for a packet. */
  fairFull(): void {
    this.totals[TOTAL.fairFull] += 1;
  }

  /** `leaf` has one flow more, or one less (`by` -1). */
  flows(leaf: number, by: number): void {
    this.stats.flows[leaf] += by;
  }

  flowEvicted(): void {
    this.totals[TOTAL.flowsEvicted] += 1;
  }

  /** The kernel was asked whose socket a local flow has. */
  ownerAsked(): void {
    this.totals[TOTAL.ownerQuestions] += 1;
  }

  /** A local flow was classified, and nobody knows whose it is. */
  ownerUnknown(): void {
    this.totals[TOTAL.ownersUnknown] += 1;
  }

  /** There is one `each` bucket more, or one less (`by` -1). */
  eachBuckets(by: number): void {
    this.totals[TOTAL.eachBuckets] += by;
  }

  eachEvicted(): void {
    this.totals[TOTAL.eachEvicted] += 1;
  }

  /** The ceiling of class `c` is this from now on. */
  ceiling(c: number, bytesPerSec: number): void {
    this.stats.ceilBytesPerSec[c] = bytesPerSec;
  }

  /** Class `c` paces so many connections from now on, each of which may have this share. */
  paced(c: number, connections: number, shareBytesPerSec: number): void {
    this.stats.pacedConnections[c] = connections;
    this.stats.shareBytesPerSec[c] = shareBytesPerSec;
  }

  /** An ACK leaves with a smaller window, for class `c`. */
  windowRewritten(c: number): void {
    this.stats.windowsRewritten[c] += 1;
  }

  /** An ACK has to wait, for class `c`. */
  ackHeld(c: number): void {
    this.stats.acksHeld[c] += 1;
  }

  /** Counts a batch. `flows` is the number of flows that are known now. */
  batch(flows: number): void {
    this.totals[TOTAL.batches] += 1;
    this.totals[TOTAL.flows] = flows;
  }

  /**
   * Classes have changed. The columns of the backlog lie in the same buffer and move too, so its regroup()
   * must be called next.
   */
  regroup(change: Regrouping): void {
    regroupStats(this.stats, change);
    this.useColumns();
  }

  private useColumns(): void {
    const { totals, sentPackets, sentBytes, delay, lateness } = this.stats;
    this.totals = totals;
    this.sentPackets = sentPackets;
    this.sentBytes = sentBytes;
    this.delay = delay;
    this.lateness = lateness;
  }

  private dropsFor(reason: number): Float64Array {
    const { stats } = this;
    if (reason === DROP_TAIL) return stats.dropTail;
    if (reason === DROP_EARLY) return stats.dropEarly;
    if (reason === DROP_MODULE) return stats.dropModule;
    return reason === DROP_POLICE ? stats.dropPolice : stats.dropAqm;
  }

  private unsend(leaf: number, lengthBytes: number): void {
    if (leaf === NONE) return;
    this.sentPackets[leaf] -= 1;
    this.sentBytes[leaf] -= lengthBytes;
  }
}
