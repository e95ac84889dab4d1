/**
 * An open file: what a program reads of it, and how what it writes becomes one value.
 *
 * Each write(2) is one change, with its whole text, as in sysfs. So `echo 4mbit > bandwidth` is one change,
 * and two lines that a program writes one after the other are two. A text that did not end its line is gone
 * on with: if the next write of the same open file begins where that one ended, both texts together are the
 * next change. So `dd bs=1` of "25" and a line end sets 2, then 25, and ends with what it was given; if the
 * beginning is no value of its own, its write fails and nothing has changed.
 */
import { FILE_VALUE_BYTES_MAX } from '../../limits.ts';
import { FileError } from './filesystem.ts';

const LINE_END = 10;
const NOTHING = new Uint8Array();

export class OpenFile {
  readonly nodeId: number;
  /** With O_APPEND the kernel makes up an offset from a size that says nothing. */
  readonly #isAppend: boolean;
  /** What this program reads; null: to be taken anew. */
  text: Uint8Array | null = null;
  #unfinished: Uint8Array = NOTHING;
  #endsAt = 0;

  constructor(nodeId: number, isAppend: boolean) {
    this.nodeId = nodeId;
    this.#isAppend = isAppend;
  }

  /** The value that a write makes. EFBIG: no value is so long. */
  join(offset: number, data: Uint8Array): Uint8Array {
    const goesOn = this.#isAppend || offset === this.#endsAt;
    const whole = goesOn && this.#unfinished.length > 0 ? Buffer.concat([this.#unfinished, data]) : data;
    this.#unfinished = NOTHING;
    if (whole.length > FILE_VALUE_BYTES_MAX) throw new FileError('EFBIG');
    return whole;
  }

  /** The value was taken, up to this offset. */
  taken(whole: Uint8Array, endsAt: number): void {
    this.#unfinished = whole.at(-1) === LINE_END ? NOTHING : whole;
    this.#endsAt = endsAt;
    this.text = null;
  }
}
