/** Packets of a flow leave in the order in which they came, whatever waits beside them. */
import { describe, expect, test } from 'vitest';
import type { SimArrival } from '../port/sim-port.ts';
import { changeClass } from './class-edits.ts';
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

test('at the stop what waits for an outer bucket goes before what waits for an inner one', () => {
  const each = { by: 'flow', burstBytes: 1000, exceed: 'delay' } as const;
  const inner = { name: 'default', each: { ...each, rateBytesPerSec: 10_000 } };
  const outer = { name: 'a', match: to(5000), each: { ...each, rateBytesPerSec: 100 }, classes: [inner] };
  const world = new World(shaper({ wan: { up: { rate: 1e6, burst: 1e6, leaves: [outer] } } }));
  world.inject(repeat(6, 0, (t) => up(t, 1000)));
  world.run(150 * MS);
  expect(world.accepted().map((v) => v.id)).toEqual([1]);
  world.engine.releaseAll(world.port, 150 * MS);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('at the stop what waits for a bucket of the second link goes before what waits for the first', () => {
  const each = { by: 'flow', rateBytesPerSec: 100, burstBytes: 1000, exceed: 'delay' } as const;
  const wan = { up: { rate: 1e6, burst: 1e6, leaves: [{ name: 'default', each }] } };
  const world = new World(shaper({ lan: { down: { rate: 1000, burst: 3000 } }, wan }));
  world.inject(repeat(6, 0, (t) => up(t, 1000, { ifIndexIn: 1, ifIndexOut: 2 })));
  world.run(0);
  expect(world.classOf('wan/up/default').backlog).toBe(2);
  world.engine.releaseAll(world.port, MS);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3, 4, 5, 6]);
});

describe('a short packet of a short-first leaf is not overtaken by a longer one behind it', () => {
  // With all three there, 4500 bytes went before the second, 1600 before the third.
  const packets = (more: Partial<SimArrival> = {}) => [1500, 100, 3000].map((bytes) => up(0, bytes, more));
  const queue = { discipline: 'short-first', shortBytes: 3000 } as const;
  const slow = { rate: 500, burst: 1500 };

  test('when both have waited in an `each` bucket', () => {
    const each = { by: 'flow', rateBytesPerSec: 1e5, burstBytes: 1500, exceed: 'delay' } as const;
    const world = new World(shaper({ wan: { up: { ...slow, leaves: [{ name: 'default', each, queue }] } } }));
    world.inject(packets());
    world.run(20 * SECOND);
    expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3]);
  });

  test('when both have waited in the tree of another link', () => {
    const wan = { up: { ...slow, leaves: [{ name: 'default', queue }] } };
    const world = new World(shaper({ lan: { down: { rate: 1e5, burst: 1500 } }, wan }));
    world.inject(packets({ ifIndexIn: 1, ifIndexOut: 2 }));
    world.run(20 * SECOND);
    expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3]);
  });

  test('when both waited before the leaf became short-first', () => {
    const spec = shaper({ wan: { up: slow } });
    const world = new World(spec);
    world.inject(packets());
    world.run(0);
    const before = spec.links[0].up!.children[0].queue!;
    const edited = changeClass(spec, 'wan/up/default', { queue: { ...before, ...queue } });
    world.engine.reconfigure(world.port, edited, MS);
    world.run(20 * SECOND);
    expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3]);
  });
});
