/** The rows with the largest keys, without an object for each of the others. */
import { grownFloats, grownInts } from './grown.ts';

const ROWS_MIN = 256;

export class Largest {
  /** Rows that were added. */
  count = 0;
  private readonly limit: number;
  private keys = new Float64Array(ROWS_MIN);
  private rows = new Int32Array(ROWS_MIN);
  private tags = new Int32Array(ROWS_MIN);

  constructor(limit: number) {
    this.limit = limit;
  }

  /** `tag` is given back with the row. */
  add(key: number, row: number, tag: number): void {
    if (this.count === this.keys.length) {
      this.keys = grownFloats(this.keys, 2 * this.count);
      this.rows = grownInts(this.rows, 2 * this.count);
      this.tags = grownInts(this.tags, 2 * this.count);
    }
    this.keys[this.count] = key;
    this.rows[this.count] = row;
    this.tags[this.count++] = tag;
  }

  /** At most `limit` rows, the largest first. Of equal ones those that were added first. */
  take(): readonly { readonly row: number; readonly tag: number }[] {
    const { keys, rows, tags, count, limit } = this;
    const taken: number[] = [];
    const least = count <= limit ? Number.NEGATIVE_INFINITY : keys.slice(0, count).sort()[count - limit]!;
    for (let n = 0; n < count; n++) if (keys[n]! > least) taken.push(n);
    for (let n = 0; n < count && taken.length < limit; n++) if (keys[n] === least) taken.push(n);
    taken.sort((a, b) => keys[b]! - keys[a]! || a - b);
    return taken.map((n) => ({ row: rows[n]!, tag: tags[n]! }));
  }
}
