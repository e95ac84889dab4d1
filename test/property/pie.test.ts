/** The invariants of src/algo/aqm/pie.ts, and PIE against its slow twin. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createPieQueues,
  type PieParameters,
  pieAdvance,
  pieArrive,
  pieDeparted,
  pieReset,
  pieSignal,
} from '../../src/algo/aqm/pie.ts';
import { runs } from '../effort.ts';
import { SlowPie } from '../oracle/pie.ts';
import { arriveAs, departedAs, PIE_BASIC, PIE_ENHANCED } from '../reference/pie-forms.ts';

const SEED = Number(process.env.SEED ?? 75);
const MS = 1e6;

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const parameters: fc.Arbitrary<PieParameters> = fc.record({
  targetNs: fc.constantFrom(5 * MS, 15 * MS, 20 * MS),
  updateNs: fc.constantFrom(15 * MS, 30 * MS),
  burstNs: fc.constantFrom(0, 150 * MS),
  alpha: fc.constantFrom(0.125, 1),
  beta: fc.constantFrom(1.25, 5),
  meanPacketBytes: fc.constantFrom(1, 1000),
  markBelow: fc.constant(0.1),
});

/** An arrival or a departure after a gap, with a delay that wanders. */
const event = fc.record({
  gapNs: fc.oneof({ weight: 20, arbitrary: fc.nat(10 * MS) }, { weight: 1, arbitrary: fc.nat(10_000 * MS) }),
  isArrival: fc.boolean(),
  delayNs: fc.oneof(fc.constant(0), fc.nat(60 * MS)),
  backlogBytes: fc.nat(20_000),
  unit,
});
const events = fc.array(event, { minLength: 20, maxLength: 300, size: 'max' });

test('invariant 1: what the pseudo code of the RFC does, update by update and packet by packet', () => {
  let signals = 0;
  fc.assert(
    fc.property(parameters, fc.boolean(), events, (p, enhanced, list) => {
      const form = enhanced ? PIE_ENHANCED : PIE_BASIC;
      const q = createPieQueues(1);
      pieReset(q, 0, p, 0);
      const twin = new SlowPie({
        ...{ ref: p.targetNs / 1e9, alpha: p.alpha, beta: p.beta, tUpdate: p.updateNs / 1e9 },
        ...{ maxBurst: p.burstNs / 1e9, meanPktSize: p.meanPacketBytes, enhanced },
      });
      let nowNs = 0;
      let nextNs = p.updateNs;
      let delayNs = 0;
      for (const { gapNs, isArrival, delayNs: waitedNs, backlogBytes, unit: chance } of list) {
        nowNs += gapNs;
        for (; nextNs <= nowNs; nextNs += p.updateNs) twin.calculateDropProb(delayNs / 1e9);
        if (isArrival) {
          const isSignal = arriveAs(form, q, 0, p, backlogBytes, chance, nowNs);
          expect(Math.abs((q.probability[0] as number) - twin.dropProb)).toBeLessThan(1e-9);
          const expected = twin.enqueue(backlogBytes, chance);
          if (isSignal !== expected) {
            // Two ways of rounding: there is nothing to compare where the numbers themselves are that near.
            const sum = twin.accuProb + (expected ? 0.85 : 0);
            const near = [twin.dropProb - chance, sum - 0.85, sum - 8.5, twin.dropProb - 0.2];
            expect(Math.min(...near.map(Math.abs))).toBeLessThan(1e-9);
            return;
          }
          if (isSignal) signals++;
        } else {
          departedAs(form, q, 0, p, waitedNs, waitedNs === 0, nowNs);
          delayNs = waitedNs;
        }
      }
    }),
    { seed: SEED, numRuns: runs(300) },
  );
  expect(signals, 'the runs reach the interesting part').toBeGreaterThan(runs(300));
});

test('invariant 2: looking seldom equals looking often', () => {
  const spans = fc.array(fc.nat(4000 * MS), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(parameters, unit, fc.nat(60 * MS), spans, (p, probability, delayNs, list) => {
      const [often, seldom] = [0, 1].map(() => {
        const q = createPieQueues(1);
        pieReset(q, 0, p, 0);
        q.probability[0] = probability;
        q.delayNs[0] = delayNs;
        return q;
      });
      let nowNs = 0;
      for (const spanNs of list) {
        nowNs += spanNs;
        pieAdvance(often, 0, p, nowNs);
      }
      pieAdvance(seldom, 0, p, nowNs);
      expect(seldom).toEqual(often);
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 3: p is a probability, and allowance and small queues are safe', () => {
  fc.assert(
    fc.property(parameters, events, (p, list) => {
      const q = createPieQueues(1);
      pieReset(q, 0, p, 0);
      let nowNs = 0;
      for (const { gapNs, delayNs, backlogBytes, unit: chance } of list) {
        nowNs += gapNs;
        pieDeparted(q, 0, p, delayNs, false, nowNs);
        expect(q.probability[0]).toBeGreaterThanOrEqual(0);
        expect(q.probability[0]).toBeLessThanOrEqual(1);
        const isSafe = (q.allowanceNs[0] as number) > 0 || backlogBytes <= 2 * p.meanPacketBytes;
        const isSignal = pieArrive(q, 0, p, backlogBytes, chance, nowNs);
        if (isSafe) expect(isSignal).toBe(false);
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 4: derandomised signals are neither close together nor far apart', () => {
  const p: PieParameters = {
    ...{ targetNs: 15 * MS, updateNs: 15 * MS, burstNs: 0, alpha: 0.125, beta: 1.25 },
    ...{ meanPacketBytes: 1000, markBelow: 0.1 },
  };
  const chances = fc.array(fc.tuple(fc.double({ min: 0.001, max: 1, noNaN: true }), unit), {
    maxLength: 300,
    size: 'max',
  });
  fc.assert(
    fc.property(chances, (list) => {
      const q = createPieQueues(1);
      q.delayOldNs[0] = 20 * MS;
      let sum = 0;
      for (const [probability, chance] of list) {
        q.probability[0] = probability;
        sum += probability;
        const signal = pieSignal(q, 0, p, 10_000, chance);
        expect(sum).toBeLessThan(8.5 + 1);
        if (!signal) continue;
        expect(sum).toBeGreaterThanOrEqual(0.85);
        sum = 0;
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});
