/** Packets of a flow leave in the order in which they came, whatever waits beside them. */
import { expect, test } from 'vitest';
import { MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const to = (dport: number) => [{ dport: [{ from: dport, to: dport }] }];

test('a packet that passes at once does not overtake one of its flow from the same batch', () => {
  // The slow class holds its second packet between two packets of the fast one.
  const leaves = [{ name: 'slow', match: to(1), ceil: 1000, burst: 1000 }];
  const world = new World(shaper({ wan: { up: { rate: 1e6, burst: 1e6, leaves } } }));
  const fast = (t: number) => up(t, 1000, { shape: udp(1) });
  const slow = (t: number) => up(t, 1000, { shape: udp(2, { dport: 1 }) });
  world.inject([slow(0), fast(0), slow(0), fast(0), fast(0), fast(1), fast(1)]);
  world.run(10 * MS);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 4, 5, 6, 7]);
  world.run(2 * SECOND);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 4, 5, 6, 7, 3]);
});

test('packets that were delayed by their own bucket stay in order with later ones that need not wait', () => {
  const each = { by: 'flow', rateBytesPerSec: 10_000, burstBytes: 1500, exceed: 'delay' } as const;
  const world = new World(
    shaper({ wan: { up: { rate: 1e6, burst: 1e5, leaves: [{ name: 'default', each }] } } }),
  );
  world.inject(repeat(6, 0, (t, n) => up(t, n % 2 === 0 ? 1500 : 40)));
  world.inject(repeat(4, 90 * MS, (t) => up(t, 40), 10 * MS));
  world.run(2 * SECOND);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('at the orderly stop packets of a flow are accepted in order, whichever queue each waits in', () => {
  // A flow of 1000 B packets: its bucket lets three go, of which the root lets one go.
  const each = { by: 'flow', rateBytesPerSec: 1000, burstBytes: 3000, exceed: 'delay' } as const;
  const world = new World(
    shaper({ wan: { up: { rate: 1000, burst: 1000, leaves: [{ name: 'default', each }] } } }),
  );
  world.inject(repeat(6, 0, (t) => up(t, 1000)));
  world.run(0);
  expect(world.accepted().map((v) => v.id)).toEqual([1]);
  world.engine.releaseAll(world.port, MS);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('at the stop what has crossed the first link already goes before what has not', () => {
  const slow = { rate: 1000, burst: 1000 };
  const spec = shaper({ lan: { down: { rate: 1000, burst: 2000 } }, wan: { up: slow } });
  const world = new World(spec);
  world.inject(repeat(5, 0, (t) => up(t, 1000, { shape: udp(), ifIndexIn: 1, ifIndexOut: 2 })));
  world.run(0);
  expect(world.accepted().map((v) => v.id)).toEqual([1]);
  expect(world.classOf('wan/up/default').backlog).toBe(1);
  world.engine.releaseAll(world.port, MS);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3, 4, 5]);
});
