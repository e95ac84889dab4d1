/**
 * Room in a full leaf: whoever holds the most loses packets for an arriving one.
 *
 * The payer is an `each` bucket of the leaf or of a class around it, or somebody among the leaf's queues
 * (set-queues.ts): in a fair leaf a host with its longest flow queue, or a flow queue; in a short-first leaf
 * a band; in a fifo leaf nobody. An ancestor's bucket counts with its full length; only this leaf's packets
 * are evicted from it. The arriving packet counts as part of its own bucket, host or queue (RFC 8290 section
 * 4.1.3), and the payer loses from its head. Within a bucket somebody pays as among the leaf's queues.
 *
 *     limit 10   queues A 6, B 3    arriving 2 for B   B would have 5: A loses 1
 *                                   arriving 4 for B   B would have 7: B loses the 3 that it has
 *                                   arriving 4 for C   C would have 4: A loses 3
 *                                   arriving 7 for B   B would have 10, and 3 are not enough: the packet is
 *                                                      dropped
 *
 * Like is compared with like. Where hosts share the leaf, a bucket counts with what its host has among the
 * queues. If that host is the payer among them, its longest flow queue is compared with the bucket. The sum
 * of a host would always pay beside buckets of single flows, and the line would run dry while packets wait in
 * buckets.
 *
 * Whoever holds a single packet, the arriving one included, does not pay while others hold more than one
 * (queues/payer-weight.ts). Then the payer may not have enough, and several pay, one packet after the other,
 * always whoever holds the most at that moment:
 *
 *     limit 1000   200 hosts with 5 packets of 1 each   arriving 15 for another host   15 of them lose 1 each
 *
 * So nobody can lock others out, neither by much traffic nor by many hosts, flows or buckets with short
 * packets. Nothing is dropped in vain: either the payers have all that must go, or only the arriving packet
 * is dropped. Packets that must not be dropped, or that are of other leaves, are the only exception: then the
 * leaf exceeds its limit, by one packet at most. In a leaf for few packets a single one pays.
 */
import { NONE } from '../../base/none.ts';
import type { Chain } from '../classes/classes.ts';
import type { EachTable } from '../each/each.ts';
import type { HeldTable } from '../packets/held.ts';
import { payerWeight } from '../queues/payer-weight.ts';
import type { SetQueues } from '../queues/set-queues.ts';
import type { Admission } from './admission.ts';

export class Room {
  private readonly held: HeldTable;
  private readonly admission: Admission;
  private readonly each: EachTable;
  private readonly queues: SetQueues;
  /** Classes with `each` buckets in which packets wait. */
  private readonly waits: Chain;
  // Written by find(), read by evict() until the next find().
  /** Whether there was no room, so that somebody pays. */
  private lastPays = false;
  /** Whether several pay, one packet after the other. */
  private lastIsShared = false;
  /** The `each` bucket that pays; NONE if somebody among the leaf's queues does. */
  lastBucket = NONE;

  constructor(held: HeldTable, admission: Admission, each: EachTable, queues: SetQueues, waits: Chain) {
    this.held = held;
    this.admission = admission;
    this.each = each;
    this.queues = queues;
    this.waits = waits;
  }

  /** Whether packet `h` gets into the leaf, if need be after evictions. Evicts nothing yet. */
  find(leaf: number, h: number): boolean {
    const { admission, queues, each } = this;
    const lengthBytes = this.held.lengthBytes[h];
    this.lastPays = false;
    this.lastIsShared = false;
    if (!admission.isFull(leaf, h)) return true;
    this.lastPays = true;
    const packets = admission.excessPackets(leaf);
    const bytes = admission.excessBytes(leaf, lengthBytes);
    const own = this.ownBucket(leaf, h);
    const queueWeight = queues.findPayer(leaf, own === NONE ? h : NONE);
    this.chooseBucket(leaf, own, lengthBytes, queueWeight);
    if (this.canSpare(leaf, h, packets, bytes)) return true;
    const paysItself = (this.lastBucket === NONE ? queues : each.bucketQueues.queues).lastIsOwn;
    this.lastIsShared = !paysItself && admission.holdsMany(leaf, lengthBytes) && this.findNext(leaf);
    return this.lastIsShared;
  }

  /**
   * Takes the next packet that must go before `h` gets in, for which find() has just returned true. NONE if
   * none must, or if none is left that may be dropped.
   */
  evict(leaf: number, h: number, nowNs: number): number {
    if (!this.lastPays) return NONE;
    const isNeeded = this.admission.isFull(leaf, h);
    if (this.lastIsShared && !(isNeeded && this.findNext(leaf))) return NONE;
    if (this.lastBucket === NONE) return this.queues.evict(leaf, leaf, isNeeded);
    return isNeeded ? this.each.evict(this.lastBucket, leaf, nowNs) : NONE;
  }

  /**
   * Finds whoever holds the most now, apart from the arriving packet. Returns whether it can lose a packet.
   */
  private findNext(leaf: number): boolean {
    this.chooseBucket(leaf, NONE, 0, this.queues.findPayer(leaf, NONE));
    return this.canSpare(leaf, NONE, 1, 0);
  }

  private canSpare(leaf: number, h: number, packets: number, bytes: number): boolean {
    if (this.lastBucket !== NONE) return this.each.canSpare(this.lastBucket, leaf, h, packets, bytes);
    return this.queues.canSpare(leaf, leaf, packets, bytes);
  }

  /** The bucket in which `h` would wait because others wait there. NONE if it would wait for the ceilings. */
  private ownBucket(leaf: number, h: number): number {
    const { each, waits } = this;
    for (let row = waits.from[leaf]; row !== NONE; row = waits.above[row]) {
      const e = each.find(row, h);
      if (each.waitingBytes(e) > 0) return e;
    }
    return NONE;
  }

  /**
   * The bucket that pays: `own` with the arriving bytes or the longest one, unless the payer among the queues
   * pays.
   */
  private chooseBucket(leaf: number, own: number, arrivingBytes: number, queueWeight: number): void {
    const { each, waits } = this;
    let best = own;
    let most = own === NONE ? 0 : payerWeight(each.waitingBytes(own) + arrivingBytes, true);
    for (let row = waits.from[leaf]; row !== NONE; row = waits.above[row]) {
      const e = each.longest(row, leaf);
      const weight = e === NONE ? 0 : payerWeight(each.waitingBytes(e), each.waitingPackets(e) > 1);
      if (weight <= most) continue;
      most = weight;
      best = e;
    }
    this.lastBucket = NONE;
    if (best === NONE) return;
    const isSeveral = best === own || each.waitingPackets(best) > 1;
    const bytes = each.waitingBytes(best) + (best === own ? arrivingBytes : 0);
    const isTie = best === own && most === queueWeight;
    if (isTie || this.queues.isOutweighed(leaf, queueWeight, each.headOf(best), bytes, isSeveral))
      this.lastBucket = best;
  }
}
