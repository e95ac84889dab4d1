/**
 * Rows found by a key of a fixed number of 32-bit words: open addressing with linear probing at a load of at most one
 * half, keyed hash, deletion by shifting back (Knuth, TAOCP 3, 6.4 algorithm R), so no tombstones and no rehash ever.
 * Rows stay where they are while they live; a caller keeps further columns by row number.
 *
 *   slots  [ - 5 - 2 9 - - 1 ]   row numbers, NONE where free; 2 x rows of them
 *   keys   row 0 | row 1 | ...   `words` words each
 */
import { hashWords } from './hash.ts';
import { NONE } from './none.ts';

export class KeyTable {
  readonly rows: number;
  /** Rows in use. */
  size = 0;
  /** Rows ever handed out: a sweep need not look beyond. */
  highWater = 0;
  /** The key to find or insert; the caller fills it before each call. */
  readonly key: Uint32Array;
  /** Words of each row, `words` apart. */
  readonly keys: Uint32Array;
  readonly words: number;
  private readonly key0: number;
  private readonly key1: number;
  private readonly slots: Uint32Array;
  private readonly slotMask: number;
  private readonly hashes: Uint32Array;
  private readonly freeRows: Uint32Array;
  private freeCount = 0;

  /** `rows` must be a power of two; `key0`, `key1` are the secret. */
  constructor(rows: number, words: number, key0: number, key1: number) {
    this.rows = rows;
    this.words = words;
    this.key0 = key0;
    this.key1 = key1;
    this.key = new Uint32Array(words);
    this.keys = new Uint32Array(rows * words);
    this.slots = new Uint32Array(2 * rows).fill(NONE);
    this.slotMask = 2 * rows - 1;
    this.hashes = new Uint32Array(rows);
    this.freeRows = new Uint32Array(rows);
  }

  /** Hash of the first `count` words of `key`; the words beyond must follow from them (be zero, say). */
  hash(count: number): number {
    return hashWords(this.key0, this.key1, this.key, count);
  }

  /** Row of `key`, whose hash the caller has; NONE when absent. */
  find(hash: number): number {
    const { slots, slotMask, hashes } = this;
    for (let slot = hash & slotMask; ; slot = (slot + 1) & slotMask) {
      const row = slots[slot];
      if (row === NONE) return NONE;
      if (hashes[row] === hash && this.matches(row)) return row;
    }
  }

  /** A new row for `key`, which must be absent; NONE when all rows are in use. */
  insert(hash: number): number {
    const row = this.takeRow();
    if (row === NONE) return NONE;
    const { slots, slotMask, words } = this;
    let slot = hash & slotMask;
    while (slots[slot] !== NONE) slot = (slot + 1) & slotMask;
    slots[slot] = row;
    this.hashes[row] = hash;
    const base = row * words;
    for (let w = 0; w < words; w++) this.keys[base + w] = this.key[w];
    return row;
  }

  /** Forgets a row in use. */
  remove(row: number): void {
    const { slots, slotMask, hashes } = this;
    let hole = hashes[row] & slotMask;
    while (slots[hole] !== row) hole = (hole + 1) & slotMask;
    for (let slot = (hole + 1) & slotMask; ; slot = (slot + 1) & slotMask) {
      const other = slots[slot];
      if (other === NONE) break;
      // `other` may move into the hole unless its home lies cyclically after the hole.
      const home = hashes[other] & slotMask;
      if (((slot - home) & slotMask) < ((slot - hole) & slotMask)) continue;
      slots[hole] = other;
      hole = slot;
    }
    slots[hole] = NONE;
    this.freeRows[this.freeCount++] = row;
    this.size--;
  }

  private takeRow(): number {
    let row: number;
    if (this.freeCount > 0) row = this.freeRows[--this.freeCount];
    else if (this.highWater < this.rows) row = this.highWater++;
    else return NONE;
    this.size++;
    return row;
  }

  private matches(row: number): boolean {
    const { key, keys, words } = this;
    const base = row * words;
    for (let w = 0; w < words; w++) if (keys[base + w] !== key[w]) return false;
    return true;
  }
}
