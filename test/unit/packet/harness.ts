/** Lays packets into a slab as the addon does and reads parsed rows back as objects. */
import { ARRIVAL_ROWS, SLOT_BYTES } from '../../../src/limits.ts';
import { type Arrivals, createBatch } from '../../../src/packet/batch.ts';
import { createParsed, type Parsed, parseBatch } from '../../../src/packet/parse.ts';
import type { Description } from '../../oracle/parse.ts';

export interface Bench {
  readonly slab: Uint8Array;
  readonly arrivals: Arrivals;
  readonly parsed: Parsed;
}

export function createBench(): Bench {
  const { arrivals } = createBatch();
  return { slab: new Uint8Array(ARRIVAL_ROWS * SLOT_BYTES), arrivals, parsed: createParsed() };
}

/** Puts one packet into each slot, every other byte of the slab being `poison`, and parses. */
export function parseAll(bench: Bench, packets: readonly Uint8Array[], poison: number): Description[] {
  const { slab, arrivals, parsed } = bench;
  slab.fill(poison);
  packets.forEach((bytes, p) => {
    const offset = p * SLOT_BYTES + 100 + (p % 4);
    slab.set(bytes, offset);
    arrivals.slabOffset[p] = offset;
    arrivals.copiedBytes[p] = bytes.length;
    arrivals.lengthBytes[p] = bytes.length;
  });
  parseBatch(arrivals, slab, packets.length, parsed);
  return packets.map((_, p) => rowOf(parsed, p));
}

export function rowOf(parsed: Parsed, p: number): Description {
  const { src0, src1, src2, src3, dst0, dst1, dst2, dst3, ...scalars } = parsed;
  const src = [src0[p]!, src1[p]!, src2[p]!, src3[p]!];
  const dst = [dst0[p]!, dst1[p]!, dst2[p]!, dst3[p]!];
  const rest = Object.fromEntries(Object.entries(scalars).map(([name, column]) => [name, column[p]!]));
  return { ...(rest as Omit<Description, 'src' | 'dst'>), src, dst };
}
