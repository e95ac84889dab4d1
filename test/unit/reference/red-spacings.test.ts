import { expect, test } from 'vitest';
import { createRedQueues, type RedParameters } from '../../../src/algo/aqm/red.ts';
import { type RedSpacing, spacedProbability, spacedSignal } from '../../reference/red-spacings.ts';

const P: RedParameters = {
  ...{ minBytes: 5000, maxBytes: 15_000, probability: 0.1, weight: 0.002 },
  ...{ gentle: false, byteMode: false, meanPacketBytes: 1000 },
};

test('at pb 0.02 the paper signals by the 50th packet, DPDK by the 100th, ns waits for the 50th first', () => {
  const at = (spacing: RedSpacing) =>
    [0, 49, 50, 99].map((count) => Math.round(spacedProbability(0.02, count, spacing) * 1e4) / 1e4);
  expect(at('floyd')).toEqual([0.02, 1, 1, 1]);
  expect(at('half')).toEqual([0.01, 0.0196, 0.02, 1]);
  expect(at('wait')).toEqual([0, 0, 0.02, 1]);
});

test('signals come with the spacing asked for, and beyond max with every packet', () => {
  const queues = createRedQueues(1);
  queues.avgBytes[0] = 10_000;
  const signals = Array.from({ length: 45 }, () => spacedSignal(queues, 0, P, 1000, 1 - 2 ** -32, 'wait'));
  // pb 0.05, and the count begins at 0: certain at 39, where 2 - 39 * 0.05 is 0.05.
  expect(signals.indexOf(true)).toBe(39);
  queues.avgBytes[0] = 15_000;
  expect(spacedSignal(queues, 0, P, 1000, 1 - 2 ** -32, 'wait')).toBe(true);
});
