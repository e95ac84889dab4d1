/** Prefixes as pairs of masks and values, IPv4 and IPv6 apart. */
import { prefixMasks, wordMask } from '../../base/prefix.ts';
import type { PrefixSpec } from '../../spec/spec.ts';

export class PrefixSet {
  private readonly v4Mask: Uint32Array;
  private readonly v4Value: Uint32Array;
  /** Four words each. */
  private readonly v6Mask: Uint32Array;
  private readonly v6Value: Uint32Array;

  constructor(prefixes: readonly PrefixSpec[]) {
    const v4 = prefixes.filter((prefix) => prefix.family === 4);
    const v6 = prefixes.filter((prefix) => prefix.family === 6);
    this.v4Mask = Uint32Array.from(v4, (prefix) => wordMask(prefix.bits));
    this.v4Value = Uint32Array.from(v4, (prefix) => prefix.words[0] & wordMask(prefix.bits));
    this.v6Mask = Uint32Array.from(v6.flatMap((prefix) => prefixMasks(prefix.bits)));
    this.v6Value = Uint32Array.from(v6.flatMap((prefix) => [...prefix.words])).map(
      (word, i) => word & this.v6Mask[i],
    );
  }

  has(family: number, w0: number, w1: number, w2: number, w3: number): boolean {
    if (family === 4) return this.hasV4(w0);
    return family === 6 && this.hasV6(w0, w1, w2, w3);
  }

  private hasV4(address: number): boolean {
    const { v4Mask, v4Value } = this;
    for (let i = 0; i < v4Mask.length; i++) if ((address & v4Mask[i]) >>> 0 === v4Value[i]) return true;
    return false;
  }

  private hasV6(a0: number, a1: number, a2: number, a3: number): boolean {
    const { v6Mask: m, v6Value: v } = this;
    for (let i = 0; i < m.length; i += 4) {
      if (
        (a0 & m[i]) >>> 0 === v[i] &&
        (a1 & m[i + 1]) >>> 0 === v[i + 1] &&
        (a2 & m[i + 2]) >>> 0 === v[i + 2] &&
        (a3 & m[i + 3]) >>> 0 === v[i + 3]
      ) {
        return true;
      }
    }
    return false;
  }
}
