/** A packet that crosses two shaped links: one hold, one verdict, both trees. */
import { expect, test } from 'vitest';
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../src/packet/batch.ts';
import { MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const LAN = 1;
const WAN = 2;
const both = { ifIndexIn: LAN, ifIndexOut: WAN };
const to = (dport: number) => [{ dport: [{ from: dport, to: dport }] }];

test('the down tree of the first link is passed first, then the up tree of the second', () => {
  const spec = shaper({
    lan: { down: { rate: 250_000, burst: 1500 } },
    wan: { up: { rate: 125_000, burst: 1500 } },
  });
  const world = new World(spec);
  world.inject(repeat(4, 0, (t) => up(t, 1500, both)));
  world.run(0);
  expect([world.classOf('lan/down/default').backlog, world.classOf('wan/up/default').backlog]).toEqual([
    3, 0,
  ]);
  world.run(6 * MS);
  expect([world.classOf('lan/down/default').backlog, world.classOf('wan/up/default').backlog]).toEqual([
    2, 1,
  ]);
  world.run(SECOND);
  expect(world.acceptedNs()).toEqual([0, 12, 24, 36].map((ms) => ms * MS));
});

test('totals count it once, each class once', () => {
  const spec = shaper({ lan: { down: { rate: 1e6, burst: 1500 } }, wan: { up: { rate: 1e6, burst: 1500 } } });
  const world = new World(spec);
  world.inject(repeat(10, MS, (t) => up(t, 1500, both)));
  world.run(SECOND);
  expect(world.totals).toMatchObject({ receivedPackets: 10, acceptedPackets: 10, acceptedBytes: 15_000 });
  expect(world.classOf('lan/down/default')).toMatchObject({ sent: 10, bytes: 15_000, flows: 1 });
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 10, bytes: 15_000, flows: 1 });
});

test('one dropped by the second was sent by the first, and is dropped once', () => {
  const spec = shaper({
    lan: { down: { rate: 1e6, burst: 15_000 } },
    wan: { up: { rate: 125_000, burst: 1500, leaves: [{ name: 'default', limitPackets: 2 }] } },
  });
  const world = new World(spec);
  world.inject(repeat(10, 0, (t) => up(t, 1500, both)));
  world.run(SECOND);
  expect(world.classOf('lan/down/default')).toMatchObject({ sent: 10, drops: [0, 0, 0] });
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 3, drops: [7, 0, 0] });
  expect(world.totals).toMatchObject({ acceptedPackets: 3, droppedPackets: 7, droppedBytes: 10_500 });
});

test('each link charges its own overhead', () => {
  const spec = shaper({
    lan: { overheadBytes: 500, down: { rate: 200_000, burst: 2000 } },
    wan: { overheadBytes: 1000, up: { rate: 125_000, burst: 2500 } },
  });
  const world = new World(spec);
  world.inject(repeat(3, 0, (t) => up(t, 1500, both)));
  world.run(SECOND);
  // 10 ms each by the first, 20 ms each by the second.
  expect(world.acceptedNs()).toEqual([0, 20, 40].map((ms) => ms * MS));
});

test('a packet is classified in each tree by that tree’s matchers', () => {
  const spec = shaper({
    lan: { down: { rate: 1e6, burst: 1e4, leaves: [{ name: 'web', match: to(80) }] } },
    wan: { up: { rate: 1e6, burst: 1e4, leaves: [{ name: 'udp', match: [{ proto: [17] }] }] } },
  });
  const world = new World(spec);
  world.inject([up(0, 100, { ...both, shape: udp(1, { dport: 80 }) }), up(0, 100, both)]);
  world.run(SECOND);
  const sent = ['lan/down/web', 'lan/down/default', 'wan/up/udp', 'wan/up/default'].map(
    (p) => world.classOf(p).sent,
  );
  expect(sent).toEqual([1, 1, 2, 0]);
});

test('a late timer at the first link costs the second nothing', () => {
  const spec = shaper({
    lan: { down: { rate: 130_000, burst: 1500 } },
    wan: { up: { rate: 125_000, burst: 1500 } },
  });
  const world = new World(spec);
  world.inject(repeat(900, 0, (t) => up(t, 1500, both)));
  world.run(10 * SECOND, 40 * MS);
  expect(world.accepted().length).toBeGreaterThanOrEqual(1 + Math.floor((10_000 - 40) / 12));
  expect(world.accepted().length).toBeLessThanOrEqual(1 + Math.floor(10_000 / 12));
});

test('local traffic passes one tree: what arrives here the down tree, what starts here the up tree', () => {
  const tree = { rate: 1e6, burst: 1e4 };
  const world = new World(shaper({ lan: { up: tree, down: tree }, wan: { up: tree, down: tree } }));
  world.inject([
    up(0, 100, { hook: NF_INET_LOCAL_IN, ifIndexIn: WAN, ifIndexOut: 0 }),
    up(0, 100, { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, ifIndexOut: LAN, shape: udp(2) }),
  ]);
  world.run(SECOND);
  const sent = ['lan/up', 'lan/down', 'wan/up', 'wan/down'].map(
    (path) => world.classOf(`${path}/default`).sent,
  );
  expect(sent).toEqual([1, 0, 0, 1]);
});

test('a packet that crosses no shaped device is accepted and counted as unmatched', () => {
  const world = new World(shaper({ wan: { up: { rate: 1, burst: 1 } } }));
  world.inject(repeat(5, 0, (t) => up(t, 1500, { ifIndexIn: 98, ifIndexOut: 99 })));
  world.run(0);
  expect(world.totals).toMatchObject({ acceptedPackets: 5, unmatchedPackets: 5, heldPackets: 0 });
});
