import { expect, test } from 'vitest';
import {
  createRedQueues,
  type RedParameters,
  type RedQueues,
  redAverageAt,
  redBaseProbability,
  redBecameIdle,
  redIsForced,
  redObserve,
  redPacketProbability,
  redSignal,
  redSpacedProbability,
} from '../../../../src/algo/aqm/red.ts';

const P: RedParameters = {
  minBytes: 5000,
  maxBytes: 15_000,
  probability: 0.1,
  weight: 0.002,
  gentle: false,
  byteMode: false,
  meanPacketBytes: 1000,
};
const NEVER = 1 - 2 ** -32;

function queueWithAverage(avgBytes: number): RedQueues {
  const r = createRedQueues(1);
  r.avgBytes[0] = avgBytes;
  return r;
}

test('the worked example of the header: at half way pb is 0.05, the 10th packet has pa 0.1, the 19th is signalled', () => {
  const base = redBaseProbability(P, 10_000);
  expect(base).toBeCloseTo(0.05, 12);
  expect(redSpacedProbability(base, 10)).toBeCloseTo(0.1, 12);
  const r = queueWithAverage(10_000);
  expect(redSignal(r, 0, P, 1000, 0)).toBe(true);
  const signals = Array.from({ length: 19 }, () => redSignal(r, 0, P, 1000, NEVER));
  expect(signals.indexOf(true)).toBe(18);
});

test('the probability climbs from 0 at min to maxp at max, and is forced beyond', () => {
  expect([4999, 5000, 7500, 15_000, 1e9].map((avg) => redBaseProbability(P, avg))).toEqual([
    0, 0, 0.025, 1, 1,
  ]);
});

test('gentle climbs on from maxp at max to 1 at twice max, without a step', () => {
  const gentle = { ...P, gentle: true };
  expect(redBaseProbability(gentle, 14_999.999)).toBeCloseTo(0.1, 6);
  expect(redBaseProbability(gentle, 15_000)).toBeCloseTo(0.1, 12);
  expect(redBaseProbability(gentle, 22_500)).toBeCloseTo(0.55, 12);
  expect(redBaseProbability(gentle, 29_999.999)).toBeCloseTo(1, 6);
  expect(redBaseProbability(gentle, 30_000)).toBe(1);
});

test('byte mode scales by the size of the packet, up to 1, and leaves the forced region forced', () => {
  const byteMode = { ...P, byteMode: true };
  expect(redPacketProbability(byteMode, 10_000, 1000)).toBeCloseTo(0.05, 12);
  expect(redPacketProbability(byteMode, 10_000, 40)).toBeCloseTo(0.002, 12);
  expect(redPacketProbability(byteMode, 10_000, 65_000)).toBe(1);
  expect(redPacketProbability(byteMode, 15_000, 40)).toBe(1);
  expect(redPacketProbability(P, 10_000, 40)).toBeCloseTo(0.05, 12);
});

test('the average moves by weight times the difference for every arrival that finds a queue', () => {
  const r = queueWithAverage(1000);
  redObserve(r, 0, { ...P, weight: 0.25 }, 5000, 1, 0);
  expect(r.avgBytes[0]).toBe(2000);
  redObserve(r, 0, { ...P, weight: 0.25 }, 1000, 1, 1e12);
  expect(r.avgBytes[0]).toBe(1750);
});

test('an idle queue decays by one factor per mean packet that its rate would have sent', () => {
  const r = queueWithAverage(8000);
  redBecameIdle(r, 0, 5e6);
  // 1000 B at 100 ns each: a packet takes 0.1 ms.
  redObserve(r, 0, { ...P, weight: 0.5 }, 0, 100, 5e6 + 3e5);
  expect(r.avgBytes[0]).toBe(1000);
});

test('idle time counts with the rate of the present, half the rate decays half as fast', () => {
  const r = queueWithAverage(8000);
  redBecameIdle(r, 0, 0);
  redObserve(r, 0, { ...P, weight: 0.5 }, 0, 200, 4e5);
  expect(r.avgBytes[0]).toBe(2000);
});

test('an unlimited class forgets its average as soon as it is idle for any time, and not before', () => {
  const r = queueWithAverage(8000);
  redBecameIdle(r, 0, 100);
  redObserve(r, 0, P, 0, 0, 100);
  expect(r.avgBytes[0]).toBe(8000);
  redObserve(r, 0, P, 0, 0, 101);
  expect(r.avgBytes[0]).toBe(0);
});

test('below min the count starts anew, so that the next climb begins with a whole gap', () => {
  const r = queueWithAverage(10_000);
  for (let i = 0; i < 15; i++) redSignal(r, 0, P, 1000, NEVER);
  expect(r.count[0]).toBe(14);
  r.avgBytes[0] = 4000;
  expect(redSignal(r, 0, P, 1000, 0)).toBe(false);
  expect(r.count[0]).toBe(-1);
});

test('in the forced region every packet is signalled, whatever chance says', () => {
  const r = queueWithAverage(15_000);
  for (let i = 0; i < 5; i++) expect(redSignal(r, 0, P, 1000, NEVER)).toBe(true);
});

test('queues do not touch each other', () => {
  const r = createRedQueues(3);
  redObserve(r, 1, { ...P, weight: 1 }, 9000, 1, 0);
  redSignal(r, 1, P, 1000, NEVER);
  redBecameIdle(r, 1, 77);
  expect([...r.avgBytes]).toEqual([0, 9000, 0]);
  expect([...r.count]).toEqual([-1, 0, -1]);
  expect([...r.idleSinceNs]).toEqual([0, 77, 0]);
});

test('at min itself nothing is signalled yet, but packets count', () => {
  const r = queueWithAverage(5000);
  for (let i = 0; i < 3; i++) expect(redSignal(r, 0, P, 1000, 0)).toBe(false);
  expect(r.count[0]).toBe(2);
});

test('forced is beyond max, gentle beyond twice max, and not what byte mode makes certain', () => {
  const forced = (params: RedParameters) =>
    [14_999, 15_000, 29_999, 30_000].map((avg) => redIsForced(params, avg));
  expect(forced(P)).toEqual([false, true, true, true]);
  expect(forced({ ...P, gentle: true, byteMode: true })).toEqual([false, false, false, true]);
});

test('looking at the average does not move it, nor the start of the idle time', () => {
  const r = queueWithAverage(8000);
  redBecameIdle(r, 0, 0);
  const params = { ...P, weight: 0.5 };
  expect([1e5, 2e5, 1e5].map((nowNs) => redAverageAt(r, 0, params, 0, 100, nowNs))).toEqual([
    4000, 2000, 4000,
  ]);
  expect(redAverageAt(r, 0, params, 1, 100, 1e9), 'a backlog does not decay').toBe(8000);
  expect([r.avgBytes[0], r.idleSinceNs[0]]).toEqual([8000, 0]);
});
