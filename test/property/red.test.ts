/** The invariants of src/algo/aqm/red.ts, and RED against its slow twin. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createRedQueues,
  type RedParameters,
  redBaseProbability,
  redBecameIdle,
  redObserve,
  redPacketProbability,
  redSignal,
  redSpacedProbability,
} from '../../src/algo/aqm/red.ts';
import { runs } from '../effort.ts';
import { SlowRed } from '../oracle/red.ts';

const SEED = Number(process.env.SEED ?? 70);

const parameters: fc.Arbitrary<RedParameters> = fc
  .record({
    minBytes: fc.integer({ min: 1, max: 30_000 }),
    width: fc.integer({ min: 1, max: 90_000 }),
    probability: fc.double({ min: 0.001, max: 1, noNaN: true }),
    weight: fc.constantFrom(0.0005, 0.002, 0.02, 0.5, 1),
    gentle: fc.boolean(),
    byteMode: fc.boolean(),
    meanPacketBytes: fc.constantFrom(500, 1000, 1500),
  })
  .map(({ width, ...rest }) => ({ ...rest, maxBytes: rest.minBytes + width }));

/** An arrival: time since the one before, bytes it finds queued, its length, chance. */
const arrival = fc.record({
  gapNs: fc.nat(20_000_000),
  backlogBytes: fc.oneof(fc.constant(0), fc.nat(200_000)),
  lengthBytes: fc.constantFrom(40, 576, 1500, 65_000),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('decides as the figure of the paper does, arrival by arrival', () => {
  const list = fc.array(arrival, { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(parameters, fc.constantFrom(8, 80, 800), list, (p, nsPerByte, arrivals) => {
      const r = createRedQueues(1);
      const twin = new SlowRed(p);
      let nowNs = 0;
      for (const { gapNs, backlogBytes, lengthBytes, random } of arrivals) {
        nowNs += gapNs;
        if (backlogBytes === 0) {
          redBecameIdle(r, 0, nowNs - gapNs / 2);
          twin.becameIdle(nowNs - gapNs / 2);
        }
        redObserve(r, 0, p, backlogBytes, nsPerByte, nowNs);
        const signal = redSignal(r, 0, p, lengthBytes, random);
        const expected = twin.arrive(nowNs, backlogBytes, lengthBytes, nsPerByte, random);
        expect(Math.abs(r.avgBytes[0] - twin.avg)).toBeLessThanOrEqual(1e-9 * Math.max(1, twin.avg));
        // Two ways of rounding: when chance falls between the two probabilities there is nothing to compare.
        const pb = redPacketProbability(p, r.avgBytes[0], lengthBytes);
        if (signal !== expected) {
          expect(Math.abs(redSpacedProbability(pb, twin.count + 1) - random)).toBeLessThan(1e-6);
          return;
        }
        expect(r.count[0]).toBe(twin.count);
      }
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});

test('invariant 1: nothing is signalled while the average is below min', () => {
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(parameters, share, fc.array(unit, { maxLength: 50 }), (p, below, chances) => {
      const r = createRedQueues(1);
      r.avgBytes[0] = p.minBytes * below;
      for (const chance of chances) expect(redSignal(r, 0, p, 65_000, chance)).toBe(false);
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});

/**
 * Invariant 2, exactly: chance runs through a grid on which each probability 1 / (n - k) falls on a whole
 * number of points, so counting them gives the distribution of the gap with no statistics.
 */
test.each([4, 5, 8, 10])('invariant 2: at pb = 1/%i every gap after a signal is equally likely', (n) => {
  const GRID = 2520;
  const p = { ...FIXED, probability: 2 / n };
  let reached = 1;
  const gaps: number[] = [];
  for (let gap = 1; gap < n; gap++) {
    let signals = 0;
    for (let point = 0; point < GRID; point++) {
      const r = createRedQueues(1);
      r.avgBytes[0] = 2000;
      r.count[0] = gap - 1;
      if (redSignal(r, 0, p, 1000, (point + 0.5) / GRID)) signals++;
    }
    expect(signals, `gap ${gap}`).toBe(GRID / (n - gap));
    gaps.push((reached * signals) / GRID);
    reached *= 1 - signals / GRID;
  }
  expect(reached, 'a gap as long as 1/pb does not happen').toBe(0);
  for (const share of gaps) expect(share).toBeCloseTo(1 / (n - 1), 12);
});

const FIXED: RedParameters = {
  minBytes: 1000,
  maxBytes: 3000,
  probability: 0.5,
  weight: 0.002,
  gentle: false,
  byteMode: false,
  meanPacketBytes: 1000,
};

test('invariant 3: an empty queue decays the same however often one asks', () => {
  const spans = fc.array(fc.nat(5_000_000), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(parameters, fc.nat(100_000), spans, (p, avgBytes, gaps) => {
      const often = createRedQueues(1);
      const once = createRedQueues(1);
      often.avgBytes[0] = avgBytes;
      once.avgBytes[0] = avgBytes;
      redBecameIdle(often, 0, 1000);
      redBecameIdle(once, 0, 1000);
      let nowNs = 1000;
      for (const gapNs of gaps) {
        nowNs += gapNs;
        redObserve(often, 0, p, 0, 80, nowNs);
      }
      redObserve(once, 0, p, 0, 80, nowNs);
      expect(Math.abs(often.avgBytes[0] - once.avgBytes[0])).toBeLessThanOrEqual(1e-9 * avgBytes);
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});

test('the probability never falls as the average grows, and stays within 0 and 1', () => {
  fc.assert(
    fc.property(parameters, fc.nat(300_000), fc.nat(300_000), fc.nat(65_000), (p, a, b, lengthBytes) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      expect(redBaseProbability(p, low)).toBeLessThanOrEqual(redBaseProbability(p, high));
      for (const avg of [low, high]) {
        for (const count of [0, 1, 7, 100]) {
          const pa = redSpacedProbability(redPacketProbability(p, avg, lengthBytes), count);
          expect(pa >= 0 && pa <= 1).toBe(true);
        }
      }
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});

test('the average stays between the smallest and the largest backlog seen', () => {
  const backlogs = fc.array(fc.nat(200_000), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(parameters, backlogs, (p, list) => {
      const r = createRedQueues(1);
      let nowNs = 0;
      for (const backlogBytes of list) {
        nowNs += 1000;
        redObserve(r, 0, p, backlogBytes, 8, nowNs);
        expect(r.avgBytes[0]).toBeGreaterThanOrEqual(0);
        expect(r.avgBytes[0]).toBeLessThanOrEqual(Math.max(...list));
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});
