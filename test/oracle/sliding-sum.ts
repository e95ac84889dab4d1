/** Slow twin of sliding sums: a list of all that was counted, added up whenever somebody asks. */

interface Counted {
  readonly bucket: number;
  upBytes: number;
  downBytes: number;
}

export class SlowSums {
  readonly #overNs: number;
  readonly #widthNs: number;
  readonly #counted: Counted[][] = [];

  /** Both whole numbers, as all instants are: so division has a remainder and no rounding. */
  constructor(overNs: number, widthNs: number) {
    this.#overNs = overNs;
    this.#widthNs = widthNs;
  }

  bucketOf(atNs: number): number {
    const remainder = atNs % this.#widthNs;
    return (atNs - (remainder < 0 ? remainder + this.#widthNs : remainder)) / this.#widthNs;
  }

  count(row: number, upBytes: number, downBytes: number, atNs: number): void {
    this.#counted[row] ??= [];
    const bucket = this.bucketOf(atNs);
    const last = this.#counted[row].at(-1);
    if (last?.bucket === bucket) {
      last.upBytes += upBytes;
      last.downBytes += downBytes;
    } else this.#counted[row].push({ bucket, upBytes, downBytes });
    // Far beyond what counts: only so that the list does not grow for ever.
    const old = this.bucketOf(atNs - 2 * this.#overNs) - 2;
    if (this.#counted[row].length > 20 + (2 * this.#overNs) / this.#widthNs) {
      this.#counted[row] = this.#counted[row].filter((counted) => counted.bucket > old);
    }
  }

  upBytes(row: number, nowNs: number): number {
    const gone = this.bucketOf(nowNs - this.#overNs);
    let sum = 0;
    for (const { bucket, upBytes } of this.#counted[row] ?? []) if (bucket > gone) sum += upBytes;
    return sum;
  }

  downBytes(row: number, nowNs: number): number {
    const gone = this.bucketOf(nowNs - this.#overNs);
    let sum = 0;
    for (const { bucket, downBytes } of this.#counted[row] ?? []) if (bucket > gone) sum += downBytes;
    return sum;
  }

  clear(row: number): void {
    this.#counted[row] = [];
  }

  merge(from: number, into: number): void {
    this.#counted[into] = [...(this.#counted[into] ?? []), ...(this.#counted[from] ?? [])];
    this.clear(from);
  }

  copy(): SlowSums {
    const copy = new SlowSums(this.#overNs, this.#widthNs);
    this.#counted.forEach((counted, row) => {
      copy.#counted[row] = counted.map((one) => ({ ...one }));
    });
    return copy;
  }
}
