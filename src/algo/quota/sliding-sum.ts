/**
 * Bytes of many hosts over a window that slides, both directions.
 *
 * Reference: Datar, Gionis, Indyk, Motwani, "Maintaining stream statistics over sliding windows" (2002), 1.1:
 * the last bucket alone is uncertain. Theirs grow with age; these are equal, so that sums are known at once.
 *
 * Model. Time is cut into buckets of one width; bucket k is [k * width, (k + 1) * width).
 *
 *         gone       counts                            newest
 *     ... | k-4 |  | k-3 | k-2 | k-1 | k   |          bucket k counts while k > floor((now - over) / width)
 *                    <------ over ------> now
 *
 * So traffic counts until it is `over` old and at most one width longer or shorter, never twice. The sum of
 * each host is kept up to date: traffic adds to it, a bucket that is gone takes its bytes away.
 *
 * | parameter | unit | range | default                         |
 * |-----------|------|-------|---------------------------------|
 * | overNs    | ns   | > 0   | by window                       |
 * | widthNs   | ns   | > 0   | over / 240, a second at least   |
 *
 * Worked example: four hours in buckets of five minutes. 1 GB at 100 s is in bucket 0 and counts until
 * 14,400 s: floor((14,400 - 14,400) / 300) is 0, so bucket 0 is gone then.
 *
 * Invariants (test/property/sliding-sum):
 *  1. A sum is that of a list of all events, to the byte, while it is below 2^53.
 *  2. The end that is told of a sum above a mark is the first instant at which it is not.
 *
 * Departures: a bucket holds 32 bits, and the rare ones above have the rest in a map: half the memory. The
 * bucket of now stands in columns of its own, so that counting of many hosts runs through memory in order.
 * Cost: 8 bytes a bucket, 1.9 kB a host and window; reading is one load, counting four. Once a width all
 * hosts are visited: 1 ms for 10,000 hosts.
 */

/** A window has about so many buckets. */
const BUCKETS = 240;
const WIDTH_NS_MIN = 1e9;
/** Hosts of one page. Pages come when one of them counts. */
const PAGE_ROWS = 64;
const PAGE_SHIFT = 6;
const CELL_MAX = 0xffffffff;
const CELL_CARRY = 2 ** 32;

/** Width of the buckets of a window: whole nanoseconds, so that its edges are exact. */
export function bucketWidthNs(overNs: number): number {
  return Math.max(Math.floor(overNs / BUCKETS), WIDTH_NS_MIN);
}

export class SlidingSums {
  readonly overNs: number;
  readonly widthNs: number;
  /** By row. */
  upBytes = new Float64Array(PAGE_ROWS);
  downBytes = new Float64Array(PAGE_ROWS);
  /** What of it is in the bucket of now. */
  #openUp = new Float64Array(PAGE_ROWS);
  #openDown = new Float64Array(PAGE_ROWS);
  /** The bucket of now. */
  newest = Number.NEGATIVE_INFINITY;
  /** The last bucket that counts no more. */
  gone = Number.NEGATIVE_INFINITY;
  readonly #buckets: number;
  /** Cells of up and down of one bucket stand side by side. The bucket of now is not among them. */
  #pages: (Uint32Array | undefined)[] = [];
  /** By place of the cell: multiples of 2^32 that it could not hold. */
  readonly #carries = new Map<number, number>();

  constructor(overNs: number, widthNs: number = bucketWidthNs(overNs)) {
    this.overNs = overNs;
    this.widthNs = widthNs;
    this.#buckets = Math.ceil(overNs / widthNs);
  }

  /** Makes room for rows below `rows`. */
  reserve(rows: number): void {
    if (rows <= this.upBytes.length) return;
    const length = Math.max(rows, 2 * this.upBytes.length);
    this.upBytes = longer(this.upBytes, length);
    this.downBytes = longer(this.downBytes, length);
    this.#openUp = longer(this.#openUp, length);
    this.#openDown = longer(this.#openDown, length);
  }

  /** Lets the window slide. An instant before the last one changes nothing. */
  advance(nowNs: number): void {
    const newest = Math.floor(nowNs / this.widthNs);
    if (newest < this.newest) return;
    const gone = Math.floor((nowNs - this.overNs) / this.widthNs);
    if (gone >= this.newest) this.#clearAll();
    else {
      if (newest > this.newest) this.#close();
      for (let k = this.gone + 1; k <= gone; k++) this.#expire(k);
    }
    this.newest = newest;
    this.gone = Math.max(this.gone, gone);
  }

  /** Adds to the bucket of now. */
  add(row: number, upBytes: number, downBytes: number): void {
    this.#openUp[row] += upBytes;
    this.#openDown[row] += downBytes;
    this.upBytes[row] += upBytes;
    this.downBytes[row] += downBytes;
  }

  /** Adds to a bucket that counts; false if it is gone, or still to come. */
  addTo(row: number, bucket: number, upBytes: number, downBytes: number): boolean {
    if (!this.#counts(bucket)) return false;
    if (bucket === this.newest) {
      this.add(row, upBytes, downBytes);
      return true;
    }
    const cell = this.#cellOf(row, bucket);
    const page = this.#pageOf(row);
    this.#addToCell(page, cell, upBytes);
    this.#addToCell(page, cell + 1, downBytes);
    this.upBytes[row] += upBytes;
    this.downBytes[row] += downBytes;
    return true;
  }

  upBytesAt(row: number, bucket: number): number {
    if (bucket === this.newest) return this.#openUp[row];
    return this.#counts(bucket) ? this.#valueOf(this.#cellOf(row, bucket)) : 0;
  }

  downBytesAt(row: number, bucket: number): number {
    if (bucket === this.newest) return this.#openDown[row];
    return this.#counts(bucket) ? this.#valueOf(this.#cellOf(row, bucket) + 1) : 0;
  }

  isEmpty(row: number): boolean {
    return this.upBytes[row] === 0 && this.downBytes[row] === 0;
  }

  /** The first instant at which `bucket` counts no more. */
  endNs(bucket: number): number {
    return bucket * this.widthNs + this.overNs;
  }

  /** When the sum has fallen to `markBytes` if nothing is added. -Infinity: it is not above it now. */
  fallsToNs(row: number, ofUp: boolean, ofDown: boolean, markBytes: number): number {
    let sum = (ofUp ? this.upBytes[row] : 0) + (ofDown ? this.downBytes[row] : 0);
    if (sum <= markBytes) return Number.NEGATIVE_INFINITY;
    for (let k = this.gone + 1; k <= this.newest; k++) {
      if (ofUp) sum -= this.upBytesAt(row, k);
      if (ofDown) sum -= this.downBytesAt(row, k);
      if (sum <= markBytes) return this.endNs(k);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Forgets all bytes of a row. */
  clear(row: number): void {
    this.upBytes[row] = 0;
    this.downBytes[row] = 0;
    this.#openUp[row] = 0;
    this.#openDown[row] = 0;
    const page = this.#pages[row >> PAGE_SHIFT];
    if (!page) return;
    const first = this.#firstCellOf(row);
    const base = first % page.length;
    page.fill(0, base, base + 2 * this.#buckets);
    if (this.#carries.size === 0) return;
    for (let i = 0; i < 2 * this.#buckets; i++) this.#carries.delete(first + i);
  }

  /** Gives all bytes of `from` to `into`, each in its bucket. */
  merge(from: number, into: number): void {
    for (let k = this.gone + 1; k <= this.newest; k++) {
      this.addTo(into, k, this.upBytesAt(from, k), this.downBytesAt(from, k));
    }
    this.clear(from);
  }

  #counts(bucket: number): boolean {
    return bucket > this.gone && bucket <= this.newest;
  }

  #firstCellOf(row: number): number {
    return row * 2 * this.#buckets;
  }

  #cellOf(row: number, bucket: number): number {
    const place = bucket % this.#buckets;
    return this.#firstCellOf(row) + 2 * (place < 0 ? place + this.#buckets : place);
  }

  #pageOf(row: number): Uint32Array {
    const index = row >> PAGE_SHIFT;
    this.#pages[index] ??= new Uint32Array(PAGE_ROWS * 2 * this.#buckets);
    return this.#pages[index];
  }

  #addToCell(page: Uint32Array, cell: number, bytes: number): void {
    const i = cell % page.length;
    const sum = page[i] + bytes;
    if (sum <= CELL_MAX) {
      page[i] = sum;
      return;
    }
    const low = sum % CELL_CARRY;
    page[i] = low;
    this.#carries.set(cell, (this.#carries.get(cell) ?? 0) + (sum - low));
  }

  #valueOf(cell: number): number {
    const pageCells = PAGE_ROWS * 2 * this.#buckets;
    const page = this.#pages[Math.floor(cell / pageCells)];
    if (!page) return 0;
    return page[cell % pageCells] + (this.#carries.get(cell) ?? 0);
  }

  /** The bucket of now comes to the others. */
  #close(): void {
    for (let row = 0; row < this.#openUp.length; row++) {
      const up = this.#openUp[row];
      const down = this.#openDown[row];
      if (up === 0 && down === 0) continue;
      const page = this.#pageOf(row);
      const cell = this.#cellOf(row, this.newest);
      this.#addToCell(page, cell, up);
      this.#addToCell(page, cell + 1, down);
    }
    this.#openUp.fill(0);
    this.#openDown.fill(0);
  }

  #expire(bucket: number): void {
    const firstOfAll = this.#cellOf(0, bucket);
    const step = 2 * this.#buckets;
    for (let p = 0; p < this.#pages.length; p++) {
      const page = this.#pages[p];
      if (!page) continue;
      let row = p << PAGE_SHIFT;
      for (let i = firstOfAll; i < page.length; i += step, row++) {
        if (page[i] === 0 && page[i + 1] === 0 && this.#carries.size === 0) continue;
        const cell = this.#firstCellOf(row) + firstOfAll;
        this.upBytes[row] -= this.#valueOf(cell);
        this.downBytes[row] -= this.#valueOf(cell + 1);
        page[i] = 0;
        page[i + 1] = 0;
        this.#carries.delete(cell);
        this.#carries.delete(cell + 1);
      }
    }
  }

  #clearAll(): void {
    this.#pages = [];
    this.#carries.clear();
    this.upBytes.fill(0);
    this.downBytes.fill(0);
    this.#openUp.fill(0);
    this.#openDown.fill(0);
  }
}

function longer(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(length);
  copy.set(column);
  return copy;
}
