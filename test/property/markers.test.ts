/** The invariants of src/algo/buckets/markers.ts, and the markers against their exact twin. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createMarkerBuckets,
  fillMarker,
  GREEN,
  type MarkerParameters,
  markerColour,
  RED,
  YELLOW,
} from '../../src/algo/buckets/markers.ts';
import { runs } from '../effort.ts';
import { SlowMarker } from '../oracle/markers.ts';

const SEED = Number(process.env.SEED ?? 76);
const NAMES = ['green', 'yellow', 'red'] as const;

const parameters: fc.Arbitrary<MarkerParameters> = fc
  .record({
    kind: fc.constantFrom('single-rate' as const, 'two-rate' as const, 'two-rate-4115' as const),
    committedBytesPerSec: fc.constantFrom(1000, 125_000, 46_000_000),
    committedBytes: fc.constantFrom(0, 1500, 4000),
    more: fc.constantFrom(0, 1000, 125_000),
    excessBytes: fc.constantFrom(0, 1500, 6000),
  })
  .map(({ more, ...rest }) => ({ ...rest, excessBytesPerSec: rest.committedBytesPerSec + more }));
const packet = fc.tuple(
  fc.oneof(fc.constant(0), fc.nat(20_000_000), fc.nat(2_000_000_000)),
  fc.constantFrom(40, 576, 1500, 4000),
  fc.constantFrom(GREEN, YELLOW, RED),
);
const packets = fc.array(packet, { minLength: 10, maxLength: 200, size: 'max' });

test('invariants 1 and 3: the colours of the RFCs, exactly, never a better one, red takes nothing', () => {
  fc.assert(
    fc.property(parameters, packets, fc.boolean(), (p, list, isAware) => {
      const m = createMarkerBuckets(2);
      fillMarker(m, 1, p, 0);
      const twin = new SlowMarker(p);
      let nowNs = 0;
      for (const [gapNs, lengthBytes, came] of list) {
        nowNs += gapNs;
        const before = isAware ? came : GREEN;
        const colour = markerColour(m, 1, p, lengthBytes, before, nowNs);
        expect(NAMES[colour]).toBe(twin.colour(nowNs, lengthBytes, NAMES[before]));
        expect(colour).toBeGreaterThanOrEqual(before);
        expect(Math.abs((m.committedTokens[1] as number) - Number(twin.tc) / 1e9)).toBeLessThan(1e-6);
        expect(Math.abs((m.excessTokens[1] as number) - Number(twin.te) / 1e9)).toBeLessThan(1e-6);
      }
      expect([m.committedTokens[0], m.excessTokens[0]], 'the other row').toEqual([0, 0]);
    }),
    { seed: SEED, numRuns: runs(400) },
  );
});

test('invariant 2: green keeps to the committed profile, and all but red to both together', () => {
  fc.assert(
    fc.property(parameters, packets, (p, list) => {
      const m = createMarkerBuckets(1);
      fillMarker(m, 0, p, 0);
      let nowNs = 0;
      let green = 0;
      let passed = 0;
      const { committedBytes: cbs, committedBytesPerSec: cir } = p;
      const { excessBytes: ebs, excessBytesPerSec: eir } = p;
      for (const [gapNs, lengthBytes] of list) {
        nowNs += gapNs;
        const colour = markerColour(m, 0, p, lengthBytes, GREEN, nowNs);
        if (colour === GREEN) green += lengthBytes;
        if (colour !== RED) passed += lengthBytes;
        const seconds = nowNs / 1e9;
        const both = {
          'single-rate': cbs + ebs + cir * seconds,
          'two-rate': ebs + eir * seconds,
          'two-rate-4115': cbs + ebs + (cir + eir) * seconds,
        };
        // The rounding of a few hundred additions.
        expect(green).toBeLessThanOrEqual(cbs + cir * seconds + 1e-3);
        expect(passed).toBeLessThanOrEqual(both[p.kind] + 1e-3);
      }
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});
