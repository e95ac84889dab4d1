/**
 * Rows by size, in groups, so that one of the largest of a group is found without a search: logarithmic bins,
 * each a list. The row found is the largest or less than an eighth smaller. Cost: a few operations when a
 * size moves to another bin.
 */
import { HISTOGRAM_BINS, histogramBin } from './histogram.ts';
import { NodeLists } from './node-lists.ts';
import { NONE } from './none.ts';

export class SizeBins {
  private readonly lists: NodeLists;
  /** Bin of each row; 0: in none. */
  private readonly bin: Uint8Array;
  /** No bin of the group above this one has rows. */
  private readonly top: Uint8Array;

  constructor(rows: number, groups: number) {
    this.lists = new NodeLists(rows, groups * HISTOGRAM_BINS);
    this.bin = new Uint8Array(rows);
    this.top = new Uint8Array(groups);
  }

  /** The row of `group` has this size now; 0 takes it out. */
  set(group: number, row: number, size: number): void {
    const bin = histogramBin(size);
    const before = this.bin[row];
    if (bin === before) return;
    if (before !== 0) this.lists.remove(group * HISTOGRAM_BINS + before, row);
    this.bin[row] = bin;
    if (bin === 0) return;
    this.lists.append(group * HISTOGRAM_BINS + bin, row);
    if (bin > this.top[group]) this.top[group] = bin;
  }

  /** A row of the group whose size no other exceeds by an eighth or more; NONE when all are 0. */
  largest(group: number): number {
    const row = this.firstFrom(group, this.top[group]);
    this.top[group] = row === NONE ? 0 : this.bin[row];
    return row;
  }

  /**
   * The row behind `row`, which has a size, in the order that begins with largest(): none behind is larger by
   * an eighth; NONE: the last.
   */
  after(group: number, row: number): number {
    const bin = this.bin[row];
    const behind = this.lists.after(group * HISTOGRAM_BINS + bin, row);
    return behind === NONE ? this.firstFrom(group, bin - 1) : behind;
  }

  /** The first row of the group in this bin or, if it is empty, below. */
  private firstFrom(group: number, top: number): number {
    for (let bin = top; bin > 0; bin--) {
      const list = group * HISTOGRAM_BINS + bin;
      if (!this.lists.isEmpty(list)) return this.lists.first(list);
    }
    return NONE;
  }
}
