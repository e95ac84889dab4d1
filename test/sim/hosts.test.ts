/** Inside hosts, in exact integers: who they are, and what is counted of them. */
import { describe, expect, test } from 'vitest';
import { NEWS_MANY, NEWS_MOVED, NEWS_NEW_HOST, NEWS_PORT } from '../../src/core/hosts/host-layout.ts';
import { NF_INET_LOCAL_OUT } from '../../src/packet/batch.ts';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { gets, hostsOf, LAN, mac, newsOf, sends, WAN, withHosts } from './hosts-world.ts';
import { MS, repeat, SECOND, shaper, World } from './world.ts';

const A = ipv4(10, 0, 0, 1);
const B = ipv4(10, 0, 0, 2);
const A6 = [0x20010db8, 0, 0, 1] as const;
const OUT = ipv4(192, 0, 2, 1);
const OUT6 = [0x20010db8, 0xffff, 0, 1] as const;
const MAC_A = '02:50:00:00:00:0a';
const MAC_B = '02:50:00:00:00:0b';

/** Nothing limits. */
const OPEN = shaper({
  wan: { up: { rate: 1e9, burst: 1e6 }, down: { rate: 1e9, burst: 1e6 } },
});

function worldOf(spec = OPEN): World {
  return new World(spec);
}

describe('what is counted', () => {
  test('bytes and packets of both directions, for the host of the MAC, whatever address it has', () => {
    const world = worldOf();
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a) }),
      sends(1 * MS, 200, A6, OUT6, { mac: mac(0x0a) }),
      gets(2 * MS, 1000, A, OUT),
      gets(3 * MS, 2000, A6, OUT6),
      sends(4 * MS, 50, B, OUT, { mac: mac(0x0b) }),
    ]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [300, 2, 0], down: [3000, 2, 0], addresses: ['10.0.0.1', '2001:db8::1'] },
      [MAC_B]: { up: [50, 1, 0], down: [0, 0, 0], addresses: ['10.0.0.2'] },
    });
  });

  test('a host that got something before it was identified keeps that', () => {
    const world = worldOf();
    world.inject([
      gets(0, 700, A, OUT),
      sends(1 * MS, 100, A, OUT, { mac: mac(0x0a) }),
      gets(2 * MS, 1000, A, OUT),
    ]);
    world.run(0);
    expect(hostsOf(world)).toEqual({
      '10.0.0.1': { up: [0, 0, 0], down: [700, 1, 0], addresses: ['10.0.0.1'] },
    });
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [100, 1, 0], down: [1700, 2, 0], addresses: ['10.0.0.1'] },
    });
  });
});

describe('who a host is', () => {
  test('an address with another MAC is that host from then on, and the old one keeps its totals', () => {
    const world = worldOf();
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a) }),
      sends(1 * MS, 200, A, OUT, { mac: mac(0x0b) }),
      gets(2 * MS, 400, A, OUT),
    ]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [100, 1, 0], down: [0, 0, 0], addresses: [] },
      [MAC_B]: { up: [200, 1, 0], down: [400, 1, 0], addresses: ['10.0.0.1'] },
    });
    expect(
      newsOf(world).map(({ kind, oldMacLow, macLow, flips }) => [kind, oldMacLow, macLow, flips]),
    ).toEqual([
      [NEWS_NEW_HOST, 0, 0x0a, 0],
      [NEWS_NEW_HOST, 0, 0x0b, 0],
      [NEWS_MOVED, 0x0a, 0x0b, 1],
    ]);
  });

  test('a device with a new address keeps its totals', () => {
    const world = worldOf();
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a) }),
      sends(1 * MS, 200, B, OUT, { mac: mac(0x0a) }),
      gets(2 * MS, 400, B, OUT),
    ]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [300, 2, 0], down: [400, 1, 0], addresses: ['10.0.0.1', '10.0.0.2'] },
    });
  });

  test('two MACs that take turns at one address are told once a second, and how often', () => {
    const world = worldOf();
    const turns = repeat(2001, MS, (timeNs, n) => sends(timeNs, 100, A, OUT, { mac: mac(n % 2) }));
    world.inject(turns);
    world.run(3 * SECOND);
    const moves = newsOf(world).filter(({ kind }) => kind === NEWS_MOVED);
    // Ticks are 67 ms long.
    expect(moves.map(({ flips }) => flips)).toEqual([1, expect.any(Number)]);
    expect(moves[1].flips).toBeGreaterThan(950);
    expect(moves[1].atNs - moves[0].atNs).toBeGreaterThanOrEqual(SECOND);
    expect(hostsOf(world)).toEqual({
      '02:50:00:00:00:00': { up: [100_100, 1001, 0], down: [0, 0, 0], addresses: ['10.0.0.1'] },
      '02:50:00:00:00:01': { up: [100_000, 1000, 0], down: [0, 0, 0], addresses: [] },
    });
  });

  test('by address, MACs join nothing', () => {
    const world = worldOf(withHosts(OPEN, { identify: 'address' }));
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a) }),
      sends(1 * MS, 200, A6, OUT6, { mac: mac(0x0a) }),
    ]);
    world.run(SECOND);
    expect(Object.keys(hostsOf(world))).toEqual(['10.0.0.1', '2001:db8::1']);
  });

  test('by port, whatever MAC is set behind it', () => {
    const world = worldOf(withHosts(OPEN, { identify: 'port' }));
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a), portIn: 7 }),
      sends(1 * MS, 200, B, OUT, { mac: mac(0x0b), portIn: 7 }),
      gets(2 * MS, 1000, A, OUT),
      gets(3 * MS, 2000, B, OUT),
      sends(4 * MS, 50, A, OUT, { mac: mac(0x0a), portIn: 8 }),
      gets(5 * MS, 4000, A, OUT),
    ]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      'port 7': { up: [300, 2, 0], down: [3000, 2, 0], addresses: ['10.0.0.2'] },
      'port 8': { up: [50, 1, 0], down: [4000, 1, 0], addresses: ['10.0.0.1'] },
    });
  });

  test('a MAC at a second port is told', () => {
    const world = worldOf();
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a), portIn: 7 }),
      sends(1 * MS, 100, A, OUT, { mac: mac(0x0a), portIn: 8 }),
    ]);
    world.run(SECOND);
    expect(newsOf(world)[1]).toMatchObject({ kind: NEWS_PORT, oldIfIndex: 7, ifIndex: 8, macLow: 0x0a });
  });

  test('a MAC with more than 16 addresses at a time stays one host, and is told', () => {
    const world = worldOf();
    const inside = (n: number): number => ipv4(10, 0, 1, n);
    world.inject(repeat(20, MS, (timeNs, n) => sends(timeNs, 100, inside(n + 1), OUT, { mac: mac(0x0a) })));
    world.run(SECOND);
    const hosts = hostsOf(world);
    expect(Object.keys(hosts)).toEqual([MAC_A]);
    expect(hosts[MAC_A]).toMatchObject({ up: [2000, 20, 0], down: [0, 0, 0] });
    expect(newsOf(world).filter(({ kind }) => kind === NEWS_MANY)).toHaveLength(1);
  });

  test('behind an inner router, where neighbours are told, addresses count by themselves', () => {
    const world = worldOf();
    const onLink = [{ family: 4, words: [A, 0, 0, 0], bits: 32 }] as const;
    world.engine.updateHosts({ onLink }, 0);
    world.inject([sends(0, 100, A, OUT, { mac: mac(0x0a) }), sends(1 * MS, 100, B, OUT, { mac: mac(0x0a) })]);
    world.run(SECOND);
    expect(Object.keys(hostsOf(world)).sort()).toEqual([MAC_A, '10.0.0.2'].sort());
  });

  test('link-local addresses and groups are no hosts', () => {
    const world = worldOf();
    world.inject([
      sends(0, 100, [0xfe800000, 0, 0, 1], OUT6, { mac: mac(0x0a) }),
      gets(1 * MS, 100, [0xff020000, 0, 0, 1], OUT6),
      gets(2 * MS, 100, ipv4(224, 0, 0, 1), OUT),
      gets(3 * MS, 100, 0xffffffff, OUT),
      sends(4 * MS, 100, 0, OUT, { mac: mac(0x0a) }),
    ]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({});
  });

  test('what neighbours and leases tell identifies an address that shows no MAC', () => {
    const world = worldOf();
    const known = [
      { family: 4, words: [A], mac: mac(0x0a), ifIndex: LAN },
      { family: 6, words: A6, mac: mac(0x0a), ifIndex: 0 },
      // Behind the link: not inside.
      { family: 4, words: [B], mac: mac(0x0b), ifIndex: WAN },
    ];
    world.engine.updateHosts({ known }, 0);
    world.inject([sends(0, 100, A, OUT), gets(1 * MS, 200, A6, OUT6)]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [100, 1, 0], down: [200, 1, 0], addresses: ['10.0.0.1', '2001:db8::1'] },
    });
    world.engine.updateHosts({ known: [{ family: 4, words: [A], mac: null, ifIndex: LAN }] }, SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [100, 1, 0], down: [200, 1, 0], addresses: ['2001:db8::1'] },
      '10.0.0.1': { up: [0, 0, 0], down: [0, 0, 0], addresses: ['10.0.0.1'] },
    });
  });
});

describe('where the inside is', () => {
  test('behind the device of a link that is named as such', () => {
    const spec = shaper({
      lan: { device: 'lan0', up: { rate: 1e9, burst: 1e6 }, down: { rate: 1e9, burst: 1e6 } },
    });
    const world = worldOf(withHosts(spec, { lan: ['lan0'] }));
    // Index 1 is lan0. What leaves by it goes to hosts.
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a), ifIndexIn: 1, ifIndexOut: 50 }),
      gets(1 * MS, 1000, A, OUT, { ifIndexIn: 50, ifIndexOut: 1 }),
    ]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [100, 1, 0], down: [1000, 1, 0], addresses: ['10.0.0.1'] },
    });
  });

  test('only behind the devices that are named, and here', () => {
    const world = worldOf(withHosts(OPEN, { lan: ['eth1'] }));
    // Index 2 is eth1.
    world.inject([
      sends(0, 100, A, OUT, { mac: mac(0x0a), ifIndexIn: 2 }),
      sends(1 * MS, 200, B, OUT, { mac: mac(0x0b) }),
      gets(2 * MS, 400, A, OUT, { ifIndexOut: 2 }),
      gets(3 * MS, 800, B, OUT),
      sends(4 * MS, 1600, OUT, B, { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 }),
    ]);
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [100, 1, 0], down: [400, 1, 0], addresses: ['10.0.0.1'] },
      '192.0.2.1': { up: [1600, 1, 0], down: [0, 0, 0], addresses: ['192.0.2.1'] },
    });
  });

  test('at both ends of a packet from link to link: up for one, down for the other', () => {
    const tree = { rate: 1e9, burst: 1e6 };
    const world = worldOf(shaper({ a: { up: tree, down: tree }, b: { up: tree, down: tree } }));
    world.inject([sends(0, 100, A, B, { mac: mac(0x0a), ifIndexIn: 1, ifIndexOut: 2 })]);
    world.run(SECOND);
    // A link's device is no device of the inside, so the MAC is not that of the source.
    expect(hostsOf(world)).toEqual({
      '10.0.0.1': { up: [100, 1, 0], down: [0, 0, 0], addresses: ['10.0.0.1'] },
      '10.0.0.2': { up: [0, 0, 0], down: [100, 1, 0], addresses: ['10.0.0.2'] },
    });
  });
});

describe('what a host may have', () => {
  /** Addresses 0 to 3 are those of one device, IPv4 first, 4 that of another. */
  const inside = (n: number) => (n === 0 ? A : n === 4 ? B : ([0x20010db8, 0, n, 1] as const));
  const macOf = (n: number) => mac(n === 4 ? 0x0b : 0x0a);
  // With `triple` the load of destinations counts too: the other device has one of its own.
  const outside = (n: number) => (n === 0 ? OUT : n === 4 ? OUT + 1 : OUT6);
  const arrivals = (count: number) =>
    [0, 1, 2, 3, 4].flatMap((n) =>
      repeat(count, 0, (timeNs) => sends(timeNs, 1000, inside(n), outside(n), { mac: macOf(n) })),
    );

  test('a bucket of `each` is one for all addresses of a device', () => {
    const each = { by: 'host', rateBytesPerSec: 1000, burstBytes: 2000, exceed: 'drop' } as const;
    const world = worldOf(
      shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves: [{ name: 'default', each }] } } }),
    );
    world.inject(arrivals(3));
    world.run(SECOND);
    expect(hostsOf(world)).toEqual({
      [MAC_A]: { up: [2000, 2, 10], down: [0, 0, 0], addresses: expect.any(Array) },
      [MAC_B]: { up: [2000, 2, 1], down: [0, 0, 0], addresses: ['10.0.0.2'] },
    });
  });

  for (const isolation of ['dual-src', 'triple', 'src'] as const)
    test(`with ${isolation} a device with four addresses has one share`, () => {
      const leaf = { name: 'default', queue: { discipline: 'fair', isolation } as const };
      const world = worldOf(shaper({ wan: { up: { rate: 100_000, burst: 1000, leaves: [leaf] } } }));
      world.inject(arrivals(40));
      world.run(0.4 * SECOND);
      const { [MAC_A]: four, [MAC_B]: one } = hostsOf(world);
      // 40 packets in 0.4 s, and the burst.
      expect(four.up[1] + one.up[1]).toBe(41);
      expect(Math.abs(four.up[1] - one.up[1])).toBeLessThanOrEqual(3);
    });

  test('a flow that waits goes on, in order, with the host that its address has now', () => {
    const leaf = { name: 'default', queue: { discipline: 'fair', isolation: 'dual-src' } as const };
    const world = worldOf(shaper({ wan: { up: { rate: 100_000, burst: 1000, leaves: [leaf] } } }));
    world.inject([
      ...repeat(20, 0, (timeNs) => sends(timeNs, 1000, A, OUT)),
      ...repeat(20, 0, (timeNs) => sends(timeNs, 1000, A6, OUT6)),
      ...repeat(20, 0, (timeNs) => sends(timeNs, 1000, B, OUT)),
      // Both addresses turn out to be those of one device.
      sends(15 * MS, 1000, A, OUT, { mac: mac(0x0a) }),
      sends(15 * MS, 1000, A6, OUT6, { mac: mac(0x0a) }),
    ]);
    world.run(15 * MS);
    world.run(0.315 * SECOND);
    const { [MAC_A]: four, '10.0.0.2': one } = hostsOf(world);
    expect(four.up[1] + one.up[1]).toBe(32);
    expect(Math.abs(four.up[1] - one.up[1])).toBeLessThanOrEqual(3);
    world.run(SECOND);
    const ids = world.accepted().map(({ id }) => id);
    const ofFlow = (from: number, to: number, last: number) =>
      ids.filter((id) => (id >= from && id < to) || id === last);
    const [first] = [Math.min(...ids)];
    expect(ofFlow(first, first + 20, first + 60)).toEqual([
      ...Array.from({ length: 20 }, (_, n) => first + n),
      first + 60,
    ]);
  });
});

test('what the kernel had lost is taken back, of packets that passed and of those that were dropped', () => {
  const each = { by: 'host', rateBytesPerSec: 1000, burstBytes: 1000, exceed: 'drop' } as const;
  const world = worldOf(
    shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves: [{ name: 'default', each }] } } }),
  );
  world.inject([
    sends(0, 600, A, OUT, { mac: mac(0x0a) }),
    sends(0, 600, A, OUT, { mac: mac(0x0a) }),
    sends(0, 300, A, OUT, { mac: mac(0x0a) }),
  ]);
  // The kernel drops them between our read and our answer.
  const drain = world.port.drain.bind(world.port);
  world.port.drain = () => {
    const rows = drain();
    if (rows > 0) world.port.forgetHeld();
    return rows;
  };
  world.engine.runBatch(world.port, 0);
  const { [MAC_A]: before } = hostsOf(world);
  expect(before.up).toEqual([900, 2, 1]);
  world.engine.runBatch(world.port, 1);
  const { [MAC_A]: after } = hostsOf(world);
  expect(after.up).toEqual([0, 0, 0]);
});

test('a configuration may be loaded that knows hosts in another way', () => {
  const world = worldOf();
  world.inject([
    sends(0, 100, A, OUT, { mac: mac(0x0a), portIn: 7 }),
    sends(2 * MS, 100, A, OUT, { mac: mac(0x0a), portIn: 7 }),
  ]);
  world.run(1 * MS);
  const spec = withHosts(OPEN, { identify: 'port', lan: ['eth1'] });
  // Behind eth1, which is none of the devices of the packets, nobody is inside any more.
  world.engine.reconfigure(world.port, { spec, renamed: new Map() }, 1 * MS);
  world.run(SECOND);
  expect(hostsOf(world)).toEqual({
    [MAC_A]: { up: [100, 1, 0], down: [0, 0, 0], addresses: [] },
    'port 7': { up: [0, 0, 0], down: [0, 0, 0], addresses: ['10.0.0.1'] },
  });
});
