/** A full leaf with `each`: who loses packets. */
import { expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

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

test('nor does a host that keeps to its rate beside one that floods, where the bucket is that of the class around the leaf', () => {
  const each = { by: 'host', rateBytesPerSec: 10_000, burstBytes: 3000, exceed: 'delay' } as const;
  const web = { name: 'web', match: [{ dport: [{ from: 80, to: 80 }] }], limitBytes: 30_000 };
  const spec = shaper({ wan: { up: { rate: 1e6, burst: 1e5, each, leaves: [web] } } });
  const world = new World(spec);
  const of = (host: number) => udp(1, { dport: 80, src: ipv4(10, 0, 0, host) });
  const flood = repeat(1000, 10 * MS, (t) => up(t, 1000, { shape: of(1) }));
  const calm = repeat(20, 500 * MS, (t) => up(t, 1000, { shape: of(2) }), 5 * MS);
  const arrivals = [...flood, ...calm].sort((a, b) => a.timeNs - b.timeNs);
  world.inject(arrivals);
  world.run(60 * SECOND);
  expect(world.accepted().filter(({ id }) => calm.includes(arrivals[id - 1]))).toHaveLength(20);
});
