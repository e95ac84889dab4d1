/** A full leaf with `each`: who loses packets. */
import { expect, test } from 'vitest';
import { MS, SECOND, shaper, udp, up, World } from './world.ts';

test('a flow that keeps to its rate loses nothing beside one that floods the leaf', () => {
  const each = { by: 'flow', rateBytesPerSec: 125_000, burstBytes: 3000, exceed: 'delay' } as const;
  const leaves = [{ name: 'default', each, limitBytes: 30_000 }];
  const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } }));
  const flood = Array.from({ length: 20_000 }, (_, n) => up(n * MS, 1500, { shape: udp(1) }));
  const calm = Array.from({ length: 1500 }, (_, n) => up(n * 13 * MS + 1, 1500, { shape: udp(2) }));
  const arrivals = [...flood, ...calm].sort((a, b) => a.timeNs - b.timeNs);
  world.inject(arrivals);
  world.run(30 * SECOND);
  const passed = world
    .accepted()
    .filter(({ id }) => arrivals[id - 1].shape === calm[0].shape || arrivals[id - 1].timeNs % MS === 1);
  expect(passed).toHaveLength(1500);
});
