/**
 * Numbers of sets by the inode of a socket: open addressing with linear probing at a load of at most one
 * half. Each update fills it anew; its memory is kept while it suffices.
 */
import { NONE } from '../../base/none.ts';

/** 2^32 divided by the golden ratio: spreads inodes, which are given in sequence. */
const SPREAD = 0x9e3779b1;
const SLOTS_MIN = 16;

export class InodeSets {
  size = 0;
  /** By slot; 0 is free, because no socket has inode 0. */
  private inodes = new Float64Array(SLOTS_MIN);
  private sets = new Int32Array(SLOTS_MIN);

  /** Forgets everything, and has room for `count` inodes. */
  begin(count: number): void {
    let slots = SLOTS_MIN;
    while (slots < 2 * count) slots *= 2;
    // A table that was large once and is small now gives its memory back.
    if (slots > this.inodes.length || 8 * slots < this.inodes.length) {
      this.inodes = new Float64Array(slots);
      this.sets = new Int32Array(slots);
    } else this.inodes.fill(0);
    this.size = 0;
  }

  /** The socket has this set from now on. No more of them than begin() was told. */
  set(inode: number, set: number): void {
    if (inode === 0) return;
    const slot = this.slotOf(inode);
    if (this.inodes[slot] === 0) this.size += 1;
    this.inodes[slot] = inode;
    this.sets[slot] = set;
  }

  /** The set of a socket; NONE if nobody has told it. */
  get(inode: number): number {
    const slot = this.slotOf(inode);
    return inode !== 0 && this.inodes[slot] === inode ? this.sets[slot] : NONE;
  }

  /** The slot that has the inode, or the free one where it belongs. */
  private slotOf(inode: number): number {
    const { inodes } = this;
    const mask = inodes.length - 1;
    let slot = (Math.imul(inode | 0, SPREAD) >>> 8) & mask;
    while (inodes[slot] !== 0 && inodes[slot] !== inode) slot = (slot + 1) & mask;
    return slot;
  }
}
