/** The invariants of src/algo/host-isolation.ts, and shares in a round robin that counts bytes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bulkFlowJoined,
  bulkFlowLeft,
  createHostLoads,
  ISOLATION,
  type Isolation,
  turnBytes,
} from '../../src/algo/host-isolation.ts';
import { InvariantError } from '../../src/base/assert.ts';
import { NONE } from '../../src/base/none.ts';

const SEED = Number(process.env.SEED ?? 80);
const HOSTS = 4;
const flow = fc.tuple(fc.nat(HOSTS - 1), fc.nat(HOSTS - 1));

test('invariant 1: the turns of a host’s flows add up to one quantum', () => {
  fc.assert(
    fc.property(fc.array(flow, { minLength: 1, maxLength: 60 }), (flows) => {
      const loads = createHostLoads(HOSTS);
      for (const [src, dst] of flows) bulkFlowJoined(loads, src, dst);
      for (const [mode, end] of [
        ['dual-src', 0],
        ['dual-dst', 1],
      ] as const) {
        const sums = new Float64Array(HOSTS);
        for (const pair of flows) sums[pair[end]] += turnBytes(loads, ISOLATION[mode], 1514, ...pair);
        for (const pair of flows) expect(sums[pair[end]]).toBeCloseTo(1514, 9);
      }
      for (const pair of flows) {
        const [triple, src, dst] = (['triple', 'dual-src', 'dual-dst'] as const).map((mode) =>
          turnBytes(loads, ISOLATION[mode], 1514, ...pair),
        ) as [number, number, number];
        expect(triple).toBe(Math.min(src, dst));
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test('invariant 2: counts are what joined and did not leave', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(flow, fc.boolean()), { maxLength: 100 }), (list) => {
      const loads = createHostLoads(HOSTS);
      const joined: [number, number][] = [];
      for (const [pair, leaves] of list) {
        const leaving = leaves ? joined.pop() : undefined;
        if (leaving) bulkFlowLeft(loads, ...leaving);
        else {
          joined.push(pair);
          bulkFlowJoined(loads, ...pair);
        }
        for (let h = 0; h < HOSTS; h++) {
          expect(loads.asSource[h]).toBe(joined.filter(([src]) => src === h).length);
          expect(loads.asDestination[h]).toBe(joined.filter(([, dst]) => dst === h).length);
        }
      }
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test('leaving twice is a broken invariant, and a host not asked for is not counted', () => {
  const loads = createHostLoads(2);
  bulkFlowJoined(loads, 0, NONE);
  expect([...loads.asSource, ...loads.asDestination]).toEqual([1, 0, 0, 0]);
  bulkFlowLeft(loads, 0, NONE);
  expect(() => bulkFlowLeft(loads, 0, NONE)).toThrow(InvariantError);
  expect(() => bulkFlowLeft(loads, NONE, 1)).toThrow(InvariantError);
});

test('the worked example of the header: seven flows against one, and no byte lost', () => {
  const loads = createHostLoads(2);
  for (let n = 0; n < 7; n++) bulkFlowJoined(loads, 0, NONE);
  bulkFlowJoined(loads, 1, NONE);
  const rounds = 1000;
  const perFlow = rounds * turnBytes(loads, ISOLATION['dual-src'], 1514, 0, NONE);
  expect(7 * perFlow).toBeCloseTo(rounds * turnBytes(loads, ISOLATION['dual-src'], 1514, 1, NONE), 6);
});

test.each([
  ['flow', [true, true, true, false, false]],
  ['host', [false, true, true, false, false]],
  ['src', [false, true, false, false, false]],
  ['dst', [false, false, true, false, false]],
  ['dual-src', [true, true, true, true, false]],
  ['dual-dst', [true, true, true, false, true]],
  ['triple', [true, true, true, true, true]],
] as [Isolation, boolean[]][])('%s: what finds the queue, and whose flows count', (mode, expected) => {
  const { byPorts, bySource, byDestination, loadOfSource, loadOfDestination } = ISOLATION[mode];
  expect([byPorts, bySource, byDestination, loadOfSource, loadOfDestination]).toEqual(expected);
});
