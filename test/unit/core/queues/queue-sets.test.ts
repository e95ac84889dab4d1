import { expect, test } from 'vitest';
import { leafKinds, QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { classesOf, LEAF } from './leaf.ts';

test('an inner class has no queues; a leaf has those of its discipline, at the rate of its ceiling', () => {
  const kindOf = (queue: Parameters<typeof classesOf>[0]) => leafKinds(classesOf(queue))[LEAF];
  expect(leafKinds(classesOf({}))[0]).toBe(null);
  const fair = kindOf({ discipline: 'fair', isolation: 'dual-src' });
  expect([fair?.fair?.loadOfSource, fair?.shortFirst, fair?.quantumBytes]).toEqual([true, null, 1514]);
  const short = kindOf({ discipline: 'short-first', shortBytes: 3000 });
  expect([short?.fair, short?.shortFirst?.thresholdBytes]).toEqual([null, 3000]);
  const codel = { targetNs: 5e6, intervalNs: 1e8 };
  const fifo = kindOf({ discipline: 'fifo', ecn: true, aqm: { kind: 'codel', codel } });
  expect([fifo?.fair, fifo?.shortFirst]).toEqual([null, null]);
  expect(fifo?.codel).toEqual({ ...codel, mtuBytes: 1500, ecn: true });
});

test('each class has the set of its row', () => {
  expect([...QueueSets.ofLeaves(classesOf({})).classOf]).toEqual([0, 1]);
});
