/**
 * Records found by a key of a fixed number of 32-bit words: open addressing with linear probing at a load of
 * at most one half, keyed hash, deletion by shifting back (Knuth, TAOCP 3, 6.4 algorithm R), so no tombstones
 * and no rehash ever.
 *
 *   slots    [ - 80 - 32 144 - - 16 ]                   rows, NONE where free; twice as many slots as rows
 *   words    | key words | hash | the caller's fields | one record, `stride` words; the next record follows
 *
 * A record holds all of a row together, unlike the columns of a batch: rows are visited in random order, so a
 * record in one or two cache lines costs one or two misses where columns would cost one for each field.
 *
 * How records are addressed, here and in every table built on this one:
 * - A row is named by the place of its record: the index of the record's first word in `words`. It keeps that
 *   name while it is in use.
 * - A field is a constant: the number of words from the start of the record, even for a float64. With row `f`
 *   it is `words[f + FIELD]`, or `floats[(f + FIELD) >> 1]` for a float64.
 * - Columns that other modules use are views that begin at their field, so `column[f]` is the field of row
 *   `f`. A float64 column is read at `f >> 1`. Held packets (core/packets/held.ts) have such columns for all
 *   fields.
 * - A table beside this one, with one entry for each row, is asked at `f >> shift`.
 * - A loop over all rows counts `f += stride` up to `highWater`.
 */
import { invariant } from './assert.ts';
import { hashWords } from './hash.ts';
import { NONE } from './none.ts';

export class KeyTable {
  /** How many records there is room for. */
  readonly rows: number;
  /** Rows in use. */
  size = 0;
  /** End of the records that were ever in use, in words: a sweep need not look beyond. */
  highWater = 0;
  /** The key to find or insert; the caller fills it before each call. */
  readonly key: Int32Array;
  /**
   * Words of a record, a power of two so that records do not straddle cache lines; `shift` is its logarithm.
   */
  readonly stride: number;
  readonly shift: number;
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
   * `rows` must be a power of two. The caller's fields start at word keyWords + 1; float64 ones at an even
   * word. `key0` and `key1` are the secret of the hash. The records may lie in zeroed memory of the caller.
   */
  constructor(
    rows: number,
    keyWords: number,
    fieldWords: number,
    key0: number,
    key1: number,
    records: Float64Array | null = null,
  ) {
    this.rows = rows;
    this.keyWords = keyWords;
    this.shift = Math.ceil(Math.log2(keyWords + 1 + fieldWords));
    this.stride = 1 << this.shift;
    this.key0 = key0;
    this.key1 = key1;
    this.key = new Int32Array(keyWords);
    this.floats = records ?? new Float64Array((rows * this.stride) / 2);
    invariant(this.floats.length === (rows * this.stride) / 2, 'room for a record of each row');
    this.words = new Int32Array(this.floats.buffer, this.floats.byteOffset, rows * this.stride);
    this.slots = new Int32Array(2 * rows).fill(NONE);
    this.slotMask = 2 * rows - 1;
    this.freeRows = new Int32Array(rows);
  }

  /**
   * Hash of the first `count` words of `key`. These words must determine the others, which are zero for
   * example.
   */
  hash(count: number): number {
    return hashWords(this.key0, this.key1, this.key, count);
  }

  /**
   * The row at which find() looks first for this hash, nearly always its result. NONE if find() will find
   * none.
   */
  firstProbe(hash: number): number {
    return this.slots[hash & this.slotMask];
  }

  /** Row of `key`, which has this hash. Returns NONE if it is absent. */
  find(hash: number): number {
    const { slots, slotMask } = this;
    for (let slot = hash & slotMask; ; slot = (slot + 1) & slotMask) {
      const row = slots[slot];
      if (row === NONE) return NONE;
      if (this.isAt(row)) return row;
    }
  }

  /**
   * Whether `row` is in use and holds `key`. A caller that remembers a row tries it before it makes the hash.
   */
  isAt(row: number): boolean {
    const { key, words, keyWords } = this;
    for (let w = 0; w < keyWords; w++) if (words[row + w] !== key[w]) return false;
    return words[row + keyWords] !== NONE;
  }

  /**
   * A new row for `key`, which must be absent. Returns NONE when all rows are in use. The caller sets its
   * fields.
   */
  insert(hash: number): number {
    let row: number;
    if (this.freeCount > 0) {
      row = this.freeRows[--this.freeCount];
    } else if (this.highWater < this.words.length) {
      row = this.highWater;
      this.highWater += this.stride;
    } else {
      return NONE;
    }
    this.size++;
    const { slots, slotMask, words, key, keyWords } = this;
    let slot = hash & slotMask;
    while (slots[slot] !== NONE) slot = (slot + 1) & slotMask;
    slots[slot] = row;
    for (let w = 0; w < keyWords; w++) words[row + w] = key[w];
    words[row + keyWords] = hash & slotMask;
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
    this.words[row + this.keyWords] = NONE;
    this.freeRows[this.freeCount++] = row;
    this.size--;
  }

  isUsed(row: number): boolean {
    return row < this.highWater && this.words[row + this.keyWords] !== NONE;
  }

  /**
   * The slot at which the search for a row starts. The record keeps it after the key; NONE marks a free row.
   */
  private home(row: number): number {
    return this.words[row + this.keyWords];
  }
}
