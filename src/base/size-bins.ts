/**
 * Groups of rows by size, so that one of the largest rows of a group is found without a search. Each group
 * has logarithmic bins, and each bin is a list. The row found is at most an eighth smaller than the largest,
 * or a half with coarse bins, which take an eighth of the memory. It costs a few operations when a size moves
 * to another bin.
 */
import { HISTOGRAM_BINS, histogramBin } from './histogram.ts';
import { NodeLists } from './node-lists.ts';
import { NONE } from './none.ts';

/** Fine bins that make a coarse one: those of a power of two. */
const COARSE_BITS = 3;

export class SizeBins {
  private readonly lists: NodeLists;
  /** The bin of every row; 0 for a row in none. */
  private readonly bin: Uint8Array;
  /** No bin of the group above this one has rows. */
  private top: Uint8Array;
  private readonly shift: number;
  /** Bins of a group. */
  private readonly bins: number;

  constructor(rows: number, groups: number, isCoarse = false) {
    this.shift = isCoarse ? COARSE_BITS : 0;
    this.bins = HISTOGRAM_BINS >> this.shift;
    this.lists = new NodeLists(rows, groups * this.bins);
    this.bin = new Uint8Array(rows);
    this.top = new Uint8Array(groups);
  }

  /** Takes all rows out, for so many groups from now on. No row from `rows` on was ever put in. */
  regroup(rows: number, groups: number): void {
    this.bin.fill(0, 0, rows);
    this.lists.empty(groups * this.bins);
    if (groups === this.top.length) this.top.fill(0);
    else this.top = new Uint8Array(groups);
  }

  /** Sets the size of a row of `group`. A size of 0 takes the row out. */
  set(group: number, row: number, size: number): void {
    const bin = size === 0 ? 0 : Math.max(1, histogramBin(size) >> this.shift);
    const before = this.bin[row];
    if (bin === before) return;
    if (before !== 0) this.lists.remove(group * this.bins + before, row);
    this.bin[row] = bin;
    if (bin === 0) return;
    this.lists.append(group * this.bins + bin, row);
    if (bin > this.top[group]) this.top[group] = bin;
  }

  /** The largest row of the group, to within the width of a bin. NONE if all sizes are 0. */
  largest(group: number): number {
    const row = this.firstFrom(group, this.top[group]);
    this.top[group] = row === NONE ? 0 : this.bin[row];
    return row;
  }

  /**
   * The next row after `row` in the order that begins with largest(): no later row is in a higher bin.
   * NONE if `row` is the last. The size of `row` must not be 0.
   */
  after(group: number, row: number): number {
    const bin = this.bin[row];
    const behind = this.lists.after(group * this.bins + bin, row);
    return behind === NONE ? this.firstFrom(group, bin - 1) : behind;
  }

  /** The first row of the group in this bin, or in the next lower bin that is not empty. */
  private firstFrom(group: number, top: number): number {
    for (let bin = top; bin > 0; bin--) {
      const list = group * this.bins + bin;
      if (!this.lists.isEmpty(list)) return this.lists.first(list);
    }
    return NONE;
  }
}
