import { expect, test } from 'vitest';
import { planQueues } from '../../../src/core/queue-plan.ts';
import { shaper, type TreeInput } from '../../sim/world.ts';

/** A 64 KiB superpacket takes 2 ms at 32.77 MB/s. */
const FAST: TreeInput = { rate: 125e6, burst: 1e6 };
const SLOW: TreeInput = { rate: 2.5e6, burst: 3028 };

test('directions are dealt to the queues in turn', () => {
  const spec = shaper({ a: { up: SLOW, down: SLOW }, b: { down: SLOW }, c: { up: SLOW } }, { count: 3 });
  expect(planQueues(spec).directions).toEqual([
    { device: 'a0', direction: 'up', queue: 0 },
    { device: 'a0', direction: 'down', queue: 1 },
    { device: 'b0', direction: 'down', queue: 2 },
    { device: 'c0', direction: 'up', queue: 0 },
  ]);
});

test('a queue asks for superpackets when every class of every direction on it is fast', () => {
  const spec = (up: TreeInput, down: TreeInput, count: number) =>
    planQueues(shaper({ a: { up, down } }, { count })).gso;
  expect(spec(FAST, SLOW, 2)).toEqual([true, false]);
  expect(spec(FAST, FAST, 1)).toEqual([true]);
  expect(spec(FAST, SLOW, 1)).toEqual([false]);
});

test.each<[string, Partial<TreeInput>]>([
  ['ceiling of a leaf', { leaves: [{ name: 'a', ceil: 1e6 }] }],
  [
    'each of a leaf',
    { leaves: [{ name: 'a', each: { by: 'flow', rateBytesPerSec: 1e6, burstBytes: 1, exceed: 'drop' } }] },
  ],
  ['policer of a leaf', { leaves: [{ name: 'a', police: { rateBytesPerSec: 1e6, burstBytes: 1 } }] }],
  ['each of the root', { each: { by: 'host', rateBytesPerSec: 1e6, burstBytes: 1, exceed: 'delay' } }],
  ['policer of the root', { police: { rateBytesPerSec: 1e6, burstBytes: 1 } }],
])('one slow %s makes the direction slow', (_, slow) => {
  expect(planQueues(shaper({ a: { up: { ...FAST, ...slow } } }, { count: 1 })).gso).toEqual([false]);
});

test('the border is where a superpacket takes two milliseconds', () => {
  const at = (rate: number) => planQueues(shaper({ a: { up: { rate, burst: 1 } } }, { count: 1 })).gso[0];
  expect(at(65_535 / 0.002)).toBe(true);
  expect(at(65_535 / 0.002 - 1)).toBe(false);
});

test('queues without superpackets come first, so that a packet of two links goes to the slower one’s', () => {
  const spec = shaper({ a: { up: FAST }, b: { up: SLOW }, c: { up: FAST } }, { count: 4 });
  expect(planQueues(spec).directions.map((d) => d.device)).toEqual(['b0', 'a0', 'c0']);
});

test('a switch in the configuration overrules the rates; queues without a direction never ask', () => {
  const links = { a: { up: FAST, down: SLOW } };
  expect(planQueues(shaper(links, { count: 3, gso: true })).gso).toEqual([true, true, false]);
  expect(planQueues(shaper(links, { count: 3, gso: false })).gso).toEqual([false, false, false]);
});
