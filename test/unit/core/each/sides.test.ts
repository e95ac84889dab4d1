import { expect, test } from 'vitest';
import type { Isolation } from '../../../../src/algo/queues/host-isolation.ts';
import { isolationWithin, SIDE_FLOW } from '../../../../src/core/each/sides.ts';
import { SIDE_DST, SIDE_SRC } from '../../../../src/core/flows/flow-hosts.ts';

test.each<[Isolation, flow: Isolation, src: Isolation, dst: Isolation]>([
  ['dual-src', 'flow', 'flow', 'dual-src'],
  ['dual-dst', 'flow', 'dual-dst', 'flow'],
  ['triple', 'flow', 'dual-dst', 'dual-src'],
  ['flow', 'flow', 'flow', 'flow'],
  ['src', 'src', 'src', 'src'],
  ['dst', 'dst', 'dst', 'dst'],
  ['host', 'host', 'host', 'host'],
])('%s within the bucket of a flow, a source and a destination', (isolation, flow, src, dst) => {
  const within = [SIDE_FLOW, SIDE_SRC, SIDE_DST].map((side) => isolationWithin(isolation, side));
  expect(within).toEqual([flow, src, dst]);
});
