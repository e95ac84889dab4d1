/**
 * Room in a full leaf. What waits in a leaf waits in piles: an `each` bucket of the leaf or of a class around it, a queue of a fair leaf,
 * a line of a short-first one; the one line of a fifo is no pile. A bucket of a class around it counts as long as it is, and loses packets of the leaf. The arriving packet is thought to be in its pile already, as in RFC 8290 section 4.1.3, and the longest pile loses
 * from its head:
 *
 *     limit 10   piles  A 6  B 3   arriving 2 for B   B would have 5: A loses 1
 *                                  arriving 4 for B   B would have 7: it loses 3, which is what it has
 *                                  arriving 4 for C   C would have 4: A loses 3
 *                                  arriving 7 for C   C would have 7 and has nothing to lose: the packet is dropped
 *
 * So one flow cannot lock others out, and nothing is dropped in vain: either the one pile has all that is needed, or the
 * arriving packet is dropped and nothing else. While the leaf keeps its limit the longest pile of another has more than the packet
 * is long, so it always has enough; only packets that must not be dropped make it otherwise.
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
  /** What find() chose: the pile, of which kind it is; NONE: there is room. */
  private pile = NONE;
  private isBucket = false;
  /** Of a queue: packets that go at once, and the bytes at which that is enough. */
  private batch = 0;
  private untilBytes = 0;

  constructor(held: HeldTable, admission: Admission, each: EachTable, queues: LeafQueues, waits: Chain) {
    this.held = held;
    this.admission = admission;
    this.each = each;
    this.queues = queues;
    this.waits = waits;
  }

  /** Whether packet `h` gets into the leaf, perhaps after evictions; nothing is changed yet. */
  find(leaf: number, h: number): boolean {
    const { admission } = this;
    const lengthBytes = this.held.lengthBytes[h];
    this.pile = NONE;
    if (!admission.isFull(leaf, lengthBytes)) return true;
    const ownBytes = this.chooseOwn(leaf, h);
    this.chooseLongest(leaf, ownBytes + lengthBytes);
    if (this.pile === NONE) return false;
    const packets = admission.excessPackets(leaf);
    const bytes = admission.excessBytes(leaf, lengthBytes);
    this.batch = 1;
    if (this.isBucket) return this.each.canSpare(this.pile, leaf, packets, bytes);
    this.batch = this.queues.evictionsMax(leaf);
    this.untilBytes = this.queues.victimBytes(leaf, this.pile) / 2;
    return this.queues.canSpare(leaf, this.pile, packets, bytes);
  }

  /** After find() said true for `h`: the next packet that must be dropped before it gets in; NONE: none. */
  evict(leaf: number, h: number): number {
    const { pile } = this;
    if (pile === NONE) return NONE;
    const more = this.batch > 1 && this.queues.victimBytes(leaf, pile) > this.untilBytes;
    if (!this.admission.isFull(leaf, this.held.lengthBytes[h])) {
      // What is beyond the need goes only if it may.
      if (!more || !this.queues.canSpare(leaf, pile, 1, 0)) return NONE;
    }
    this.batch--;
    return this.isBucket ? this.each.evict(pile, leaf) : this.queues.evict(leaf, pile);
  }

  /** The pile in which `h` would wait, and its bytes. */
  private chooseOwn(leaf: number, h: number): number {
    const { each, queues, waits } = this;
    for (let row = waits.from[leaf]; row !== NONE; row = waits.above[row]) {
      const e = each.find(row, h);
      const bytes = each.waitingBytes(e);
      if (bytes === 0) continue;
      this.pile = e;
      this.isBucket = true;
      return bytes;
    }
    const pile = queues.victimOf(leaf, h);
    const bytes = queues.victimBytes(leaf, pile);
    if (bytes > 0) this.pile = pile;
    this.isBucket = false;
    return bytes;
  }

  /** Another pile, if it is longer than `bytes`. */
  private chooseLongest(leaf: number, bytes: number): void {
    const { each, queues, waits } = this;
    let most = bytes;
    for (let row = waits.from[leaf]; row !== NONE; row = waits.above[row]) {
      const e = each.longest(row, leaf);
      if (each.waitingBytes(e) <= most) continue;
      most = each.waitingBytes(e);
      this.pile = e;
      this.isBucket = true;
    }
    const pile = queues.longestVictim(leaf);
    if (queues.victimBytes(leaf, pile) > most) {
      this.pile = pile;
      this.isBucket = false;
    }
  }
}
