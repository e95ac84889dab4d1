/** The invariants of src/algo/aqm/wred.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createRedQueues,
  type RedParameters,
  redBecameIdle,
  redObserve,
  redPacketProbability,
  redSignal,
} from '../../src/algo/aqm/red.ts';
import { createWredQueues, wredObserve, wredSignal } from '../../src/algo/aqm/wred.ts';
import { runs } from '../effort.ts';

const SEED = Number(process.env.SEED ?? 73);

const profile: fc.Arbitrary<RedParameters> = fc
  .record({
    minBytes: fc.integer({ min: 1, max: 30_000 }),
    width: fc.integer({ min: 1, max: 60_000 }),
    probability: fc.double({ min: 0.001, max: 1, noNaN: true }),
    weight: fc.constantFrom(0.002, 0.5),
    gentle: fc.boolean(),
    byteMode: fc.boolean(),
    meanPacketBytes: fc.constant(1000),
  })
  .map(({ width, ...rest }) => ({ ...rest, maxBytes: rest.minBytes + width }));
const arrival = fc.record({
  gapNs: fc.nat(5_000_000),
  backlogBytes: fc.oneof(fc.constant(0), fc.nat(100_000)),
  lengthBytes: fc.constantFrom(40, 1500),
  unit: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  worth: fc.nat(2),
});
const arrivals = fc.array(arrival, { minLength: 1, maxLength: 150, size: 'max' });

test('invariant 1: with one profile it is RED', () => {
  fc.assert(
    fc.property(profile, arrivals, (red, list) => {
      const w = createWredQueues(2, 3);
      const r = createRedQueues(1);
      let nowNs = 0;
      for (const { gapNs, backlogBytes, lengthBytes, unit } of list) {
        nowNs += gapNs;
        if (backlogBytes === 0) {
          redBecameIdle(w.red, 1, nowNs - gapNs);
          redBecameIdle(r, 0, nowNs - gapNs);
        }
        wredObserve(w, 1, { profiles: [red] }, backlogBytes, 80, nowNs);
        redObserve(r, 0, red, backlogBytes, 80, nowNs);
        const found = wredSignal(w, 1, { profiles: [red] }, 0, lengthBytes, unit);
        expect(found).toBe(redSignal(r, 0, red, lengthBytes, unit));
        expect([w.red.avgBytes[1], w.count[3]]).toEqual([r.avgBytes[0], r.count[0]]);
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 2: the average does not depend on the worth of the packets', () => {
  const profiles = fc.array(profile, { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(profiles, arrivals, (list, packets) => {
      const p = { profiles: list };
      const mixed = createWredQueues(1, 3);
      const alike = createWredQueues(1, 3);
      let nowNs = 0;
      for (const { gapNs, backlogBytes, lengthBytes, unit, worth } of packets) {
        nowNs += gapNs;
        wredObserve(mixed, 0, p, backlogBytes, 80, nowNs);
        wredObserve(alike, 0, p, backlogBytes, 80, nowNs);
        wredSignal(mixed, 0, p, worth, lengthBytes, unit);
        wredSignal(alike, 0, p, 0, lengthBytes, unit);
        expect(mixed.red.avgBytes[0]).toBe(alike.red.avgBytes[0]);
      }
    }),
    { seed: SEED, numRuns: runs(100) },
  );
});

test('invariant 3: lower thresholds or a higher maxp never make a packet safer', () => {
  const lower = fc.record({ down: fc.nat(20_000), up: fc.double({ min: 0, max: 1, noNaN: true }) });
  fc.assert(
    fc.property(profile, lower, fc.nat(200_000), (red, { down, up }, avgBytes) => {
      const by = Math.min(down, red.minBytes - 1);
      const worse: RedParameters = {
        ...red,
        minBytes: red.minBytes - by,
        maxBytes: red.maxBytes - by,
        probability: red.probability + (1 - red.probability) * up,
      };
      const [a, b] = [red, worse].map((p) => redPacketProbability(p, avgBytes, 1000));
      expect(b - a).toBeGreaterThanOrEqual(-1e-12);
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});
