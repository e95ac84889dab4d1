/**
 * FIFOs of held packets, one per row of another table. Heads and tails are columns of their own, or words of
 * the other table's records; a row is then the place of its record.
 */
import { NONE } from '../../base/none.ts';
import type { HeldTable } from './held.ts';

/** Asked for in the place of a leaf: packets of any. */
export const ANY_LEAF = -2;
/** Packets looked at for one of a leaf. */
const LEAF_LOOKS = 16;
/** Packets passed over, because they must stay, in search of some that may be dropped. */
const SPARE_LOOKS = 256;

export class HeldFifos {
  readonly head: Int32Array;
  private readonly tail: Int32Array;
  private readonly next: Int32Array;
  private readonly held: HeldTable;

  /** `head` and `tail` are given if they are words of records. Every head must be NONE at first. */
  constructor(
    rows: number,
    held: HeldTable,
    head: Int32Array = new Int32Array(rows).fill(NONE),
    tail: Int32Array = new Int32Array(rows).fill(NONE),
  ) {
    this.head = head;
    this.tail = tail;
    this.next = held.next;
    this.held = held;
  }

  isEmpty(row: number): boolean {
    return this.head[row] === NONE;
  }

  push(row: number, h: number): void {
    this.next[h] = NONE;
    if (this.head[row] === NONE) this.head[row] = h;
    else this.next[this.tail[row]] = h;
    this.tail[row] = h;
  }

  /** Takes `h` out, which is behind `before`, or is the head if `before` is NONE. */
  unlink(row: number, h: number, before: number): void {
    if (before === NONE) this.head[row] = this.next[h];
    else this.next[before] = this.next[h];
    if (this.tail[row] === h) this.tail[row] = before;
  }

  /** Takes the head, which must exist. */
  shift(row: number): number {
    const h = this.head[row];
    this.head[row] = this.next[h];
    return h;
  }

  /** All packets, first to last. They stay. */
  list(row: number): number[] {
    const all: number[] = [];
    for (let h = this.head[row]; h !== NONE; h = this.next[h]) all.push(h);
    return all;
  }

  /** Takes all packets out, first to last. */
  takeAll(row: number): number[] {
    const all = this.list(row);
    this.head[row] = NONE;
    return all;
  }

  /** Whether one of the first packets is of `leaf`. */
  hasOf(row: number, leaf: number): boolean {
    let h = this.head[row];
    for (let n = 0; n < LEAF_LOOKS && h !== NONE; n++, h = this.next[h])
      if (this.held.leaf[h] === leaf) return true;
    return false;
  }

  /**
   * Whether the FIFO has at least `packets` packets and `bytes` bytes of `leaf` that may be dropped, with few
   * others among them.
   */
  canSpare(row: number, leaf: number, packets: number, bytes: number): boolean {
    const { held } = this;
    let packetsLeft = packets;
    let bytesLeft = bytes;
    let looks = SPARE_LOOKS;
    for (let h = this.head[row]; h !== NONE && (packetsLeft > 0 || bytesLeft > 0); h = this.next[h]) {
      if (!this.isDroppable(h, leaf)) {
        if (--looks === 0) return false;
        continue;
      }
      packetsLeft--;
      bytesLeft -= held.lengthBytes[h];
    }
    return packetsLeft <= 0 && bytesLeft <= 0;
  }

  /**
   * Takes the first packet of `leaf` that may be dropped, which must exist. Packets before it keep their
   * places.
   */
  shiftDroppable(row: number, leaf: number): number {
    const { next } = this;
    let before = NONE;
    let h = this.head[row];
    while (!this.isDroppable(h, leaf)) {
      before = h;
      h = next[h];
    }
    this.unlink(row, h, before);
    return h;
  }

  private isDroppable(h: number, leaf: number): boolean {
    const { held } = this;
    return !held.neverDrop(h) && (leaf === ANY_LEAF || held.leaf[h] === leaf);
  }
}
