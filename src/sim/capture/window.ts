/**
 * A file seen through a window of bounded size, so that captures of any length need little memory.
 *
 *   file    |......[ window of WINDOW_BYTES ]..............................|
 *                   ^ at(position, count) gives the index of `position` in `bytes`
 *
 * Reading forward costs one call of the source per window. Nothing of the operating system is known here: the
 * caller gives the function that reads.
 */

/** Reads up to `into.length` bytes from `position` of the file. Returns the number read, 0 at the end. */
export type ReadAt = (into: Uint8Array, position: number) => number;

const WINDOW_BYTES = 1 << 20;

export class ByteWindow {
  /** Contents of the window. A later call of at() may replace them. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly readAt: ReadAt;
  private start = 0;
  private filled = 0;

  constructor(readAt: ReadAt) {
    this.readAt = readAt;
    this.bytes = new Uint8Array(WINDOW_BYTES);
    this.view = new DataView(this.bytes.buffer);
  }

  /**
   * Index in `bytes` of the byte at `position`, with `count` bytes behind it (at most WINDOW_BYTES). Returns
   * -1 if the file ends before them.
   */
  at(position: number, count: number): number {
    const index = position - this.start;
    if (index >= 0 && index + count <= this.filled) return index;
    this.start = position;
    this.filled = 0;
    while (this.filled < WINDOW_BYTES) {
      const read = this.readAt(this.bytes.subarray(this.filled), position + this.filled);
      if (read === 0) break;
      this.filled += read;
    }
    return count <= this.filled ? 0 : -1;
  }
}

/** A file that is in memory as a whole. */
export function readAtOf(bytes: Uint8Array): ReadAt {
  return (into, position) => {
    const part = bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  };
}
