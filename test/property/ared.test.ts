/** The invariants of src/algo/aqm/ared.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aredAdvance, aredStep, createAred } from '../../src/algo/aqm/ared.ts';
import { createRedQueues, redBecameIdle } from '../../src/algo/aqm/red.ts';
import { runs } from '../effort.ts';

const PARAMS = {
  ...{ minBytes: 5000, maxBytes: 15_000, probability: 0.1, weight: 0.002 },
  ...{ gentle: true, byteMode: false, meanPacketBytes: 1000 },
};
const SEED = Number(process.env.SEED ?? 74);

test('invariant 1: maxp stays where its steps may take it', () => {
  const positions = fc.array(fc.double({ min: -1, max: 3, noNaN: true }), { maxLength: 200, size: 'max' });
  fc.assert(
    fc.property(fc.double({ min: 0.009, max: 0.51, noNaN: true }), positions, (start, list) => {
      let probability = start;
      for (const position of list) {
        probability = aredStep(probability, position);
        expect(probability).toBeGreaterThanOrEqual(0.009);
        expect(probability).toBeLessThanOrEqual(0.51);
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 2: looking seldom equals looking often', () => {
  const span = fc.nat(3_000_000_000);
  const state = fc.record({
    avgBytes: fc.nat(40_000),
    backlogBytes: fc.constantFrom(0, 5000),
    idleSinceNs: fc.nat(2_000_000_000),
    probability: fc.double({ min: 0.009, max: 0.5, noNaN: true }),
  });
  fc.assert(
    fc.property(state, fc.array(span, { minLength: 1, maxLength: 20 }), (from, spans) => {
      const [often, seldom] = [0, 1].map(() => {
        const red = createRedQueues(1);
        red.avgBytes[0] = from.avgBytes;
        redBecameIdle(red, 0, from.idleSinceNs);
        const ared = createAred(PARAMS, 0);
        ared.probability = from.probability;
        return { red, ared };
      });
      let nowNs = 0;
      for (const spanNs of spans) {
        nowNs += spanNs;
        aredAdvance(often.ared, often.red, 0, from.backlogBytes, 80, nowNs);
      }
      aredAdvance(seldom.ared, seldom.red, 0, from.backlogBytes, 80, nowNs);
      expect(seldom.ared).toEqual(often.ared);
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});
