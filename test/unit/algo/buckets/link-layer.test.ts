import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  FRAMING_ATM,
  FRAMING_NONE,
  FRAMING_PTM,
  LINK_LAYERS,
  type LinkLayer,
  segmentsOf,
  superpacketWireBytes,
  wireBytes,
} from '../../../../src/algo/buckets/link-layer.ts';

const SEED = Number(process.env.SEED ?? 77);
const layers: fc.Arbitrary<LinkLayer> = fc.record({
  overheadBytes: fc.integer({ min: -64, max: 256 }),
  mpuBytes: fc.nat(256),
  framing: fc.constantFrom(FRAMING_NONE, FRAMING_ATM, FRAMING_PTM),
});
const preset = (name: string): LinkLayer => LINK_LAYERS[name] as LinkLayer;

test('the worked example of the header', () => {
  expect(wireBytes(preset('pppoe-llcsnap'), 1500)).toBe(1749);
  expect(wireBytes(preset('pppoe-llcsnap'), 40)).toBe(106);
  expect(wireBytes(preset('ethernet'), 40)).toBe(84);
  expect(segmentsOf(14_640, 40, 1460)).toBe(10);
  expect(superpacketWireBytes(preset('ethernet'), 14_640, 40, 1460)).toBe(15_380);
});

test('the minimum counts after the overhead and before the framing', () => {
  expect(wireBytes({ overheadBytes: 44, mpuBytes: 96, framing: FRAMING_ATM }, 40)).toBe(106);
  expect(wireBytes({ overheadBytes: 44, mpuBytes: 97, framing: FRAMING_ATM }, 40)).toBe(159);
  expect(wireBytes(preset('docsis'), 40)).toBe(64);
});

test('a VLAN tag makes an Ethernet frame four bytes longer, up to its minimum', () => {
  const tagged = {
    ...preset('ethernet'),
    overheadBytes: preset('ethernet').overheadBytes + 4,
  };
  expect([28, 1500].map((ip) => wireBytes(tagged, ip))).toEqual([84, 1542]);
});

test('invariant 1: longer never takes less, and nothing is free', () => {
  fc.assert(
    fc.property(layers, fc.integer({ min: 20, max: 70_000 }), (l, ipBytes) => {
      expect(wireBytes(l, ipBytes)).toBeGreaterThanOrEqual(1);
      expect(wireBytes(l, ipBytes + 1)).toBeGreaterThanOrEqual(wireBytes(l, ipBytes));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test('invariant 2: a superpacket takes what its segments take', () => {
  const sizes = fc.record({
    header: fc.integer({ min: 28, max: 120 }),
    segment: fc.integer({ min: 536, max: 9000 }),
    payload: fc.nat(65_000),
  });
  fc.assert(
    fc.property(layers, sizes, (l, { header, segment, payload }) => {
      let expected = 0;
      let left = payload;
      do {
        const bytes = Math.min(left, segment);
        expected += wireBytes(l, header + bytes);
        left -= bytes;
      } while (left > 0);
      expect(superpacketWireBytes(l, header + payload, header, segment)).toBe(expected);
    }),
    { seed: SEED, numRuns: 500 },
  );
});
