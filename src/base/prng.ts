/**
 * sfc32: small fast counting generator of 32-bit words (Chris Doty-Humphrey, PractRand). It is the only
 * source of chance in base, packet, algo, core and sim, so the same seed repeats a run on every machine.
 */
export class Prng {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 0x100000000) | 0;
    this.c = 0x9e3779b9 | 0;
    for (let i = 0; i < 15; i++) this.nextUint32();
  }

  /** Uniform on 0 .. 2^32 - 1. */
  nextUint32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + t;
    this.c |= 0;
    return t >>> 0;
  }

  /** Uniform on [0, 1), with 32 bits. */
  nextUnit(): number {
    return this.nextUint32() / 0x100000000;
  }
}
