import { describe, expect, test } from 'vitest';
import { ARRIVAL_ROWS } from '../../../src/limits.ts';
import { parseBatch } from '../../../src/packet/parse.ts';
import { describePacket, unknownPacket } from '../../oracle/parse.ts';
import { createBench, parseAll, rowOf } from './harness.ts';
import { bytesOf, SAMPLES } from './samples.ts';

const bench = createBench();

describe('parseBatch', () => {
  test.each(SAMPLES)('$name', ({ hex, expect: expected }) => {
    const [row] = parseAll(bench, [bytesOf(hex)], 0xaa);
    expect(row).toEqual({ ...unknownPacket(), ...expected });
  });

  test.each(SAMPLES)('the slow twin agrees: $name', ({ hex, expect: expected }) => {
    expect(describePacket(bytesOf(hex))).toEqual({ ...unknownPacket(), ...expected });
  });

  test('rows do not see each other, nor what an earlier batch left', () => {
    const packets = Array.from({ length: ARRIVAL_ROWS }, (_, p) => bytesOf(SAMPLES[p % SAMPLES.length]!.hex));
    const shifted = packets.map((_, p) => packets[(p + 7) % packets.length]!);
    parseAll(bench, packets, 0x55);
    expect(parseAll(bench, shifted, 0x55)).toEqual(shifted.map(describePacket));
  });

  test('rows beyond the count stay as they were', () => {
    parseAll(bench, [bytesOf(SAMPLES[0]!.hex), bytesOf(SAMPLES[1]!.hex)], 0);
    const before = rowOf(bench.parsed, 1);
    bench.slab.fill(0);
    parseBatch(bench.arrivals, bench.slab, 1, bench.parsed);
    expect(rowOf(bench.parsed, 1)).toEqual(before);
    expect(rowOf(bench.parsed, 0)).toEqual(unknownPacket());
  });

  test('a copy that claims to run past the slab is read up to its end', () => {
    const bytes = bytesOf(SAMPLES[0]!.hex);
    const offset = bench.slab.length - 24;
    bench.slab.set(bytes.subarray(0, 24), offset);
    bench.arrivals.slabOffset[0] = offset;
    bench.arrivals.copiedBytes[0] = bytes.length;
    parseBatch(bench.arrivals, bench.slab, 1, bench.parsed);
    expect(rowOf(bench.parsed, 0)).toEqual(describePacket(bytes.subarray(0, 24)));
  });
});
