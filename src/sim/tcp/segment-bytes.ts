/**
 * The byte numbers of segments: where each begins and ends in its connection, modulo 2^32. Kept for segments
 * from the oldest one that matters to the newest.
 */
const SEGMENTS_AT_START = 64;

export class SegmentBytes {
  private first = new Int32Array(SEGMENTS_AT_START);
  private end = new Int32Array(SEGMENTS_AT_START);

  /** Segment `seq` has bytes [first, end). No segment before `oldest` is asked for any more. */
  put(seq: number, first: number, end: number, oldest: number): void {
    while (seq - oldest >= this.first.length) this.grow();
    const at = seq & (this.first.length - 1);
    this.first[at] = first;
    this.end[at] = end;
  }

  firstOf(seq: number): number {
    return this.first[seq & (this.first.length - 1)];
  }

  endOf(seq: number): number {
    return this.end[seq & (this.end.length - 1)];
  }

  /** Twice the length; each half holds the old rows, of which one is asked for. */
  private grow(): void {
    this.first = twice(this.first);
    this.end = twice(this.end);
  }
}

function twice(words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * words.length);
  longer.set(words);
  longer.set(words, words.length);
  return longer;
}
