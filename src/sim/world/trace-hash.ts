/**
 * A run folded into 64 bits. Any verdict or delivery that differs, or comes at another instant, changes the
 * hash.
 */
const TWO_32 = 0x100000000;

export class TraceHash {
  private a = 0x811c9dc5 | 0;
  private b = 0x9e3779b9 | 0;

  /** Adds one word. Only its low 32 bits count. */
  add(word: number): void {
    // FNV-1a in one lane, a multiply and rotate of another constant in the other.
    this.a = Math.imul(this.a ^ word, 0x01000193);
    const b = Math.imul(this.b + word, 0x85ebca6b);
    this.b = (b << 13) | (b >>> 19);
  }

  /** Adds an instant in whole nanoseconds. */
  addInstant(ns: number): void {
    const high = Math.floor(ns / TWO_32);
    // Split into machine integers, because a float passed on would be an object on the heap.
    this.add(high | 0);
    this.add((ns - high * TWO_32) | 0);
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    let { a, b } = this;
    a ^= b >>> 16;
    b ^= a >>> 15;
    return (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0');
  }
}
