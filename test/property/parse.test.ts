/**
 * The parser against its slow twin, on packets put together from parts, and on hand-written ones mutated at
 * random. `PARSE_FUZZ=10000000 npx vitest run test/property/parse.test.ts` sets the number of mutated
 * packets, `SEED` the seed.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.ts';
import { ARRIVAL_ROWS } from '../../src/limits.ts';
import { createBatch } from '../../src/packet/batch.ts';
import { createParsed, type Parsed, parseBatch } from '../../src/packet/parse.ts';
import { runs } from '../effort.ts';
import { type Description, describePacket } from '../oracle/parse.ts';
import { createBench, parseAll, rowOf } from '../unit/packet/harness.ts';
import { bytesOf, SAMPLES } from '../unit/packet/samples.ts';

const SEED = Number(process.env.SEED ?? 1);
const FUZZ_PACKETS = Number(process.env.PARSE_FUZZ ?? runs(200_000));

const byte = fc.nat(255);
const bytes = (count: number): fc.Arbitrary<number[]> =>
  fc.array(byte, { minLength: count, maxLength: count });
const header = fc.constantFrom(0, 1, 6, 17, 43, 44, 47, 50, 51, 58, 59, 60, 132, 136, 255);
const tail = fc.array(byte, { maxLength: 48 });
const mostlySmall = fc.oneof({ weight: 9, arbitrary: fc.nat(2) }, byte);

const ipv4 = fc
  .tuple(fc.constantFrom(4, 5, 5, 5, 6, 15), byte, bytes(4), bytes(2), byte, header, bytes(10), tail)
  .map(([words, tos, id, fragment, ttl, protocol, rest, more]) => {
    const fragmentBytes = fragment[0]! > 80 ? [0x40, 0] : fragment;
    return [0x40 + words, tos, ...id, ...fragmentBytes, ttl, protocol, ...rest, ...more];
  });
const extension = fc
  .tuple(header, mostlySmall, bytes(6), fc.array(byte, { maxLength: 16 }))
  .map((parts) => parts.flat());
const ipv6 = fc
  .tuple(fc.nat(15), bytes(5), header, byte, bytes(32), fc.array(extension, { maxLength: 10 }), tail)
  .map(([low, rest, next, hops, addresses, extensions, more]) =>
    [0x60 + low, rest, next, hops, addresses, extensions.flat(), more].flat(),
  );
const packet = fc
  .tuple(fc.oneof(ipv4, ipv6, fc.array(byte, { maxLength: 128 })), fc.nat(200))
  .map(([all, cut]) => Uint8Array.from(all.slice(0, cut > 100 ? all.length : cut)));

describe('parser', () => {
  test('agrees with its slow twin on packets made of parts', () => {
    const bench = createBench();
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 8 }), byte, (packets, poison) => {
        expect(parseAll(bench, packets, poison)).toEqual(packets.map(describePacket));
      }),
      { numRuns: runs(1000), seed: SEED },
    );
  });

  test(`agrees with it on ${FUZZ_PACKETS} mutated packets, and never looks beyond the copy`, () => {
    const fuzz = new Fuzz(SEED);
    for (let done = 0; done < FUZZ_PACKETS; done += ARRIVAL_ROWS) fuzz.batch();
    expect(fuzz.packetsWithPorts).toBeGreaterThan(FUZZ_PACKETS / 20);
  }, 3_600_000);
});

const STRIDE_BYTES = 320;
const MUTANT_BYTES_MAX = 200;

/**
 * Parses each batch of mutants twice, the bytes around the copies differing: equal columns mean they were not
 * read.
 */
class Fuzz {
  packetsWithPorts = 0;
  private readonly prng: Prng;
  private readonly samples = SAMPLES.map((sample) => bytesOf(sample.hex));
  private readonly arrivals = createBatch().arrivals;
  private readonly slab = new Uint8Array(ARRIVAL_ROWS * STRIDE_BYTES);
  private readonly mutants = Array.from({ length: ARRIVAL_ROWS }, () => new Uint8Array(MUTANT_BYTES_MAX));
  private readonly once = createParsed();
  private readonly again = createParsed();

  constructor(seed: number) {
    this.prng = new Prng(seed);
  }

  batch(): void {
    for (let p = 0; p < ARRIVAL_ROWS; p++) this.arrivals.copiedBytes[p] = this.mutate(this.mutants[p]!);
    this.parse(0x00, this.once);
    this.parse(0xff, this.again);
    for (let p = 0; p < ARRIVAL_ROWS; p++) this.check(p);
  }

  private below(n: number): number {
    return this.prng.nextUint32() % n;
  }

  /** Fills `mutant`; returns how many of its bytes count. */
  private mutate(mutant: Uint8Array): number {
    for (let i = 0; i < mutant.length; i++) mutant[i] = this.prng.nextUint32();
    if (this.below(8) !== 0) mutant.set(this.samples[this.below(this.samples.length)]!);
    else mutant[0] = this.below(2) === 0 ? 0x40 + this.below(16) : 0x60;
    for (let n = this.below(5); n > 0; n--) {
      // The first 64 bytes hold nearly all that is parsed.
      const at = this.below(4) === 0 ? this.below(mutant.length) : this.below(64);
      mutant[at] = this.below(2) === 0 ? this.prng.nextUint32() : mutant[at]! ^ (1 << this.below(8));
    }
    return this.below(3) === 0 ? this.below(mutant.length + 1) : mutant.length;
  }

  private parse(poison: number, parsed: Parsed): void {
    const { slab, arrivals, mutants } = this;
    slab.fill(poison);
    for (let p = 0; p < ARRIVAL_ROWS; p++) {
      const offset = p * STRIDE_BYTES + 64 + (p % 4);
      arrivals.slabOffset[p] = offset;
      slab.set(mutants[p]!.subarray(0, arrivals.copiedBytes[p]), offset);
    }
    parseBatch(arrivals, slab, ARRIVAL_ROWS, parsed);
  }

  private check(p: number): void {
    const copy = this.mutants[p]!.subarray(0, this.arrivals.copiedBytes[p]);
    const expected = describePacket(copy);
    if (!rowIs(this.once, p, expected) || !rowIs(this.again, p, expected)) {
      const what = `seed ${SEED}, packet ${Buffer.from(copy).toString('hex')}`;
      expect(rowOf(this.once, p), what).toEqual(expected);
      expect(rowOf(this.again, p), `bytes beyond the copy were read: ${what}`).toEqual(expected);
    }
    this.packetsWithPorts += expected.hasPorts;
  }
}

const SCALARS = [
  ...['family', 'protocol', 'sport', 'dport', 'hasPorts', 'dscp', 'ecn'],
  ...['fragment', 'fragmentId', 'tcpFlags', 'icmpError', 'l4Offset'],
] as const as readonly Exclude<keyof Description, 'src' | 'dst'>[];

/** rowOf(parsed, p) equals `d`, without making objects: this runs ten million times. */
function rowIs(parsed: Parsed, p: number, d: Description): boolean {
  for (const name of SCALARS) if (parsed[name][p] !== d[name]) return false;
  const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = parsed;
  const [s0, s1, s2, s3] = d.src;
  const [d0, d1, d2, d3] = d.dst;
  const sameSource = src0[p] === s0 && src1[p] === s1 && src2[p] === s2 && src3[p] === s3;
  return sameSource && dst0[p] === d0 && dst1[p] === d1 && dst2[p] === d2 && dst3[p] === d3;
}
