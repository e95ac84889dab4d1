/**
 * Room in a full leaf: from which victim packets are evicted for an arriving one.
 *
 * A victim is an `each` bucket of the leaf or of a class around it, a flow queue of a fair leaf, or a band of
 * a short-first leaf; the FIFO of a fifo leaf is none. An ancestor's bucket counts with its full length; only
 * this leaf's packets are evicted from it. The arriving packet counts as part of its own victim (RFC 8290
 * section 4.1.3), and the longest victim loses from its head.
 *
 *     limit 10   victims A 6, B 3   arriving 2 for B   B would have 5: A loses 1
 *                                   arriving 4 for B   B would have 7: B loses the 3 that it has
 *                                   arriving 4 for C   C would have 4: A loses 3
 *                                   arriving 7 for C   C would have 7 and has none: the packet is dropped
 *
 * So one flow cannot lock others out. Nothing is dropped in vain: either one victim has all that must go, or
 * only the arriving packet is dropped. While the leaf keeps its limit, the longest victim of others is longer
 * than the arriving packet and has enough; packets that must not be dropped are the only exception.
 */
import { NONE } from '../../base/none.ts';
import type { Chain } from '../classes/classes.ts';
import type { EachTable } from '../each/each.ts';
import type { HeldTable } from '../packets/held.ts';
import type { LeafQueues } from '../queues/leaf-queues.ts';
import type { Admission } from './admission.ts';

export class Room {
  private readonly held: HeldTable;
  private readonly admission: Admission;
  private readonly each: EachTable;
  private readonly queues: LeafQueues;
  /** Classes with `each` buckets in which packets wait. */
  private readonly waits: Chain;
  // Written by find(), read by evict() until the next find().
  /** The victim; NONE if there is room already. */
  private lastVictim = NONE;
  /** Whether it is an `each` bucket, else one of the leaf's queues. */
  private lastIsBucket = false;
  /** Packets that may go at once from a flow queue, beyond the need, while it has more bytes than this. */
  private lastBatch = 0;
  private lastUntilBytes = 0;

  constructor(held: HeldTable, admission: Admission, each: EachTable, queues: LeafQueues, waits: Chain) {
    this.held = held;
    this.admission = admission;
    this.each = each;
    this.queues = queues;
    this.waits = waits;
  }

  /** Whether packet `h` gets into the leaf, if need be after evictions. Evicts nothing yet. */
  find(leaf: number, h: number): boolean {
    const { admission, queues } = this;
    const lengthBytes = this.held.lengthBytes[h];
    this.lastVictim = NONE;
    if (!admission.isFull(leaf, lengthBytes)) return true;
    const ownBytes = this.chooseOwn(leaf, h);
    this.chooseLongest(leaf, ownBytes + lengthBytes);
    const victim = this.lastVictim;
    if (victim === NONE) return false;
    const packets = admission.excessPackets(leaf);
    const bytes = admission.excessBytes(leaf, lengthBytes);
    this.lastBatch = 1;
    if (this.lastIsBucket) return this.each.canSpare(victim, leaf, packets, bytes);
    this.lastBatch = queues.evictionsMax(leaf);
    this.lastUntilBytes = queues.victimBytes(leaf, victim) / 2;
    return queues.canSpare(leaf, victim, packets, bytes);
  }

  /**
   * Takes the next packet that must go before `h` gets in, for which find() has just returned true. NONE if
   * none must.
   */
  evict(leaf: number, h: number): number {
    const victim = this.lastVictim;
    if (victim === NONE) return NONE;
    const hasMore = this.lastBatch > 1 && this.queues.victimBytes(leaf, victim) > this.lastUntilBytes;
    if (!this.admission.isFull(leaf, this.held.lengthBytes[h])) {
      // Beyond the need only packets go that may be dropped.
      if (!hasMore || !this.queues.canSpare(leaf, victim, 1, 0)) return NONE;
    }
    this.lastBatch--;
    return this.lastIsBucket ? this.each.evict(victim, leaf) : this.queues.evict(leaf, victim);
  }

  /** Chooses the victim in which `h` would wait, and returns its bytes. */
  private chooseOwn(leaf: number, h: number): number {
    const { each, queues, waits } = this;
    for (let row = waits.from[leaf]; row !== NONE; row = waits.above[row]) {
      const e = each.find(row, h);
      const bytes = each.waitingBytes(e);
      if (bytes === 0) continue;
      this.lastVictim = e;
      this.lastIsBucket = true;
      return bytes;
    }
    const victim = queues.victimOf(leaf, h);
    const bytes = queues.victimBytes(leaf, victim);
    if (bytes > 0) this.lastVictim = victim;
    this.lastIsBucket = false;
    return bytes;
  }

  /** Chooses the longest victim instead if it has more than `bytes`. */
  private chooseLongest(leaf: number, bytes: number): void {
    const { each, queues, waits } = this;
    let most = bytes;
    for (let row = waits.from[leaf]; row !== NONE; row = waits.above[row]) {
      const e = each.longest(row, leaf);
      if (each.waitingBytes(e) <= most) continue;
      most = each.waitingBytes(e);
      this.lastVictim = e;
      this.lastIsBucket = true;
    }
    const victim = queues.longestVictim(leaf);
    if (queues.victimBytes(leaf, victim) > most) {
      this.lastVictim = victim;
      this.lastIsBucket = false;
    }
  }
}
