import { expect, test } from 'vitest';
import {
  aredAdvance,
  aredMinPackets,
  aredStart,
  aredStep,
  aredWeight,
  createAred,
} from '../../../../src/algo/aqm/ared.ts';
import { createRedQueues, redBecameIdle } from '../../../../src/algo/aqm/red.ts';

const SECOND = 1e9;
const PARAMS = {
  ...{ minBytes: 5000, maxBytes: 15_000, probability: 0.1, weight: 0.002 },
  ...{ gentle: true, byteMode: false, meanPacketBytes: 1000 },
};

test('the worked example of the header: parameters of 10 Mbit/s', () => {
  expect(aredWeight(1250)).toBeCloseTo(0.0008, 6);
  expect(aredMinPackets(1250, 5e6)).toBe(5);
});

test.each([
  [14_000, [0.11, 0.12]],
  [6000, [0.09, 0.081]],
  [10_000, [0.1, 0.1]],
])('the worked example of the header: an average of %i bytes', (avgBytes, expected) => {
  const a = createAred(PARAMS, 0);
  const r = createRedQueues(1);
  r.avgBytes[0] = avgBytes;
  expected.forEach((probability, n) => {
    aredAdvance(a, r, 0, 3000, 800, (n + 1) * 0.5 * SECOND - 1);
    aredAdvance(a, r, 0, 3000, 800, (n + 1) * 0.5 * SECOND);
    expect(a.probability).toBeCloseTo(probability, 12);
  });
});

test('an idle queue is judged by its decayed average, not by the one it was left with', () => {
  const a = createAred(PARAMS, 0);
  const r = createRedQueues(1);
  r.avgBytes[0] = 14_000;
  redBecameIdle(r, 0, 0.6 * SECOND);
  // A step while it was busy, one 0.4 s after: 500 packets of 0.8 ms, avg 14000 * 0.998^500 = 5145.
  aredAdvance(a, r, 0, 0, 800, 1.1 * SECOND);
  expect(a.probability).toBeCloseTo(0.11 * 0.9, 12);
});

test('a high rate has high thresholds and a slow average', () => {
  expect(aredMinPackets(37_500, 5e6)).toBe(93.75);
  expect(aredWeight(37_500)).toBeCloseTo(2.667e-5, 8);
});

test('a day of idleness costs no more than a minute: maxp rests at its floor', () => {
  const a = createAred(PARAMS, 0);
  const r = createRedQueues(1);
  aredAdvance(a, r, 0, 0, 800, 86_400 * SECOND);
  expect(a.probability).toBeLessThan(0.01);
  expect(a.probability).toBeGreaterThanOrEqual(0.009);
  expect(a.nextStepNs).toBe(86_400.5 * SECOND);
});

test('steps stop at the bounds as printed in the paper', () => {
  expect(aredStep(0.5, 0.7)).toBeCloseTo(0.51, 12);
  expect(aredStep(0.501, 0.7)).toBe(0.501);
  expect(aredStep(0.01, 0.3)).toBeCloseTo(0.009, 12);
  expect(aredStep(0.0099, 0.3)).toBe(0.0099);
});

test('the first step is due a whole period after the start', () => {
  const fresh = createAred(PARAMS, 0);
  aredStart(fresh, 9 * SECOND);
  expect([fresh.probability, fresh.nextStepNs]).toEqual([0.1, 9.5 * SECOND]);
});
