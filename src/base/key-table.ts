/**
 * Records found by a key of a fixed number of 32-bit words: open addressing with linear probing at a load of at most one
 * half, keyed hash, deletion by shifting back (Knuth, TAOCP 3, 6.4 algorithm R), so no tombstones and no rehash ever.
 * Rows stay where they are while they live.
 *
 *   slots    [ - 5 - 2 9 - - 1 ]                        row numbers, NONE where free; twice the rows
 *   records  | key words | hash | the caller's fields | one row, `stride` words; the next row follows
 *
 * A record holds all of a row together, unlike the columns elsewhere: rows are visited in random order, so a row in one or
 * two cache lines costs one or two misses where columns would cost one per field.
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
  readonly key: Int32Array;
  /** Words of a record; row r starts at r * stride. A power of two: records do not straddle cache lines. */
  readonly stride: number;
  /** The records as signed words, and as float64 fields at half the index. */
  readonly words: Int32Array;
  readonly floats: Float64Array;
  private readonly keyWords: number;
  private readonly key0: number;
  private readonly key1: number;
  private readonly slots: Int32Array;
  private readonly slotMask: number;
  private readonly freeRows: Int32Array;
  private freeCount = 0;

  /**
   * `rows` must be a power of two. The caller's fields start at word keyWords + 1; float64 ones at an even word.
   * `key0` and `key1` are the secret of the hash.
   */
  constructor(rows: number, keyWords: number, fieldWords: number, key0: number, key1: number) {
    this.rows = rows;
    this.keyWords = keyWords;
    this.stride = 2 ** Math.ceil(Math.log2(keyWords + 1 + fieldWords));
    this.key0 = key0;
    this.key1 = key1;
    this.key = new Int32Array(keyWords);
    this.floats = new Float64Array((rows * this.stride) / 2);
    this.words = new Int32Array(this.floats.buffer);
    this.slots = new Int32Array(2 * rows).fill(NONE);
    this.slotMask = 2 * rows - 1;
    this.freeRows = new Int32Array(rows);
  }

  /** Hash of the first `count` words of `key`; the words beyond must follow from them (be zero, say). */
  hash(count: number): number {
    return hashWords(this.key0, this.key1, this.key, count);
  }

  /** The row that find() will look at first for this hash, and nearly always give; NONE: it will find none. */
  firstProbe(hash: number): number {
    return this.slots[hash & this.slotMask];
  }

  /** Row of `key`, whose hash the caller has; NONE when absent. */
  find(hash: number): number {
    const { slots, slotMask } = this;
    for (let slot = hash & slotMask; ; slot = (slot + 1) & slotMask) {
      const row = slots[slot];
      if (row === NONE) return NONE;
      if (this.isAt(row)) return row;
    }
  }

  /** Whether `row` is in use and holds `key`: a remembered row can be tried before hashing. */
  isAt(row: number): boolean {
    const { key, words, keyWords } = this;
    const base = row * this.stride;
    for (let w = 0; w < keyWords; w++) if (words[base + w] !== key[w]) return false;
    return words[base + keyWords] !== NONE;
  }

  /** A new row for `key`, which must be absent; NONE when all rows are in use. The caller sets its fields. */
  insert(hash: number): number {
    let row: number;
    if (this.freeCount > 0) row = this.freeRows[--this.freeCount];
    else if (this.highWater < this.rows) row = this.highWater++;
    else return NONE;
    this.size++;
    const { slots, slotMask, words, key, keyWords } = this;
    let slot = hash & slotMask;
    while (slots[slot] !== NONE) slot = (slot + 1) & slotMask;
    slots[slot] = row;
    const base = row * this.stride;
    for (let w = 0; w < keyWords; w++) words[base + w] = key[w];
    words[base + keyWords] = hash & slotMask;
    return row;
  }

  /** Forgets a row in use. */
  remove(row: number): void {
    const { slots, slotMask } = this;
    let hole = this.home(row);
    while (slots[hole] !== row) hole = (hole + 1) & slotMask;
    for (let slot = (hole + 1) & slotMask; ; slot = (slot + 1) & slotMask) {
      const other = slots[slot];
      if (other === NONE) break;
      // `other` may move into the hole unless its home lies cyclically after the hole.
      if (((slot - this.home(other)) & slotMask) < ((slot - hole) & slotMask)) continue;
      slots[hole] = other;
      hole = slot;
    }
    slots[hole] = NONE;
    this.words[row * this.stride + this.keyWords] = NONE;
    this.freeRows[this.freeCount++] = row;
    this.size--;
  }

  isUsed(row: number): boolean {
    return row < this.highWater && this.words[row * this.stride + this.keyWords] !== NONE;
  }

  /** Slot at which the search for a row starts; kept in its record after the key, NONE when the row is free. */
  private home(row: number): number {
    return this.words[row * this.stride + this.keyWords];
  }
}
