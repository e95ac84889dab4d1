/**
 * Requests of the kernel. A request lies in a buffer that the next one overwrites, so a handler takes what it
 * needs before it waits for anything.
 */
import { type Caller, FileError } from './filesystem.ts';
import { IN_HEADER_BYTES, read64 } from './protocol.ts';

const BODY_WORD = IN_HEADER_BYTES / 4;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of bytes. EINVAL: they are not UTF-8. */
export function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new FileError('EINVAL', 'not UTF-8');
  }
}

/** One request, read from a buffer whose beginning is a multiple of 8. */
export class Request {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  }

  /** The kernel sends whole requests; anything else is not the kernel. */
  get isWhole(): boolean {
    return this.#bytes.length >= IN_HEADER_BYTES && this.#words[0] === this.#bytes.length;
  }

  get opcode(): number {
    return this.#words[1]!;
  }

  get unique(): number {
    return read64(this.#words, 2);
  }

  get nodeId(): number {
    return read64(this.#words, 4);
  }

  get caller(): Caller {
    const [uid, gid, pid] = this.#words.subarray(6, 9);
    return { uid: uid!, gid: gid!, pid: pid! };
  }

  /** The word at a byte of the body. */
  word(at: number): number {
    return this.#words[BODY_WORD + (at >> 2)] ?? 0;
  }

  /** The number of 64 bits at a byte of the body. */
  long(at: number): number {
    return read64(this.#words, BODY_WORD + (at >> 2));
  }

  /** A copy of the data behind a structure of `from` bytes. */
  data(from: number, length: number): Uint8Array {
    const start = IN_HEADER_BYTES + from;
    // Of a Buffer, slice() is no copy.
    return new Uint8Array(this.#bytes.subarray(start, start + length));
  }

  /** As many texts as there are, each with a zero at its end, behind a structure of `from` bytes. */
  names(from = 0): string[] {
    const names: string[] = [];
    let start = IN_HEADER_BYTES + from;
    for (;;) {
      const end = this.#bytes.indexOf(0, start);
      if (end < 0) return names;
      names.push(textOf(this.#bytes.subarray(start, end)));
      start = end + 1;
    }
  }

  name(from = 0): string {
    const [name] = this.names(from);
    if (name === undefined || name === '') throw new FileError('EINVAL', 'a request without a name');
    return name;
  }
}
