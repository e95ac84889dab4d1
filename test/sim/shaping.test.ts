/** Rates, bursts and shares in virtual time, as exact integers. */
import { expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { type ClassInput, MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

/** 1 Mbit/s: 1500 B take 12 ms. */
const RATE = 125_000;
const ROOT = { rate: RATE, burst: 3000 };

const to = (dport: number) => [{ dport: [{ from: dport, to: dport }] }];
/** A leaf for packets to port 5000 + n; `busy` sends there. */
const leaf = (n: number, more: Partial<ClassInput> = {}): ClassInput => ({
  name: `leaf${n}`,
  match: to(5000 + n),
  ...more,
});
const toLeaf = (n: number) => ({ shape: udp(n, { dport: 5000 + n }) });

test('ten packets at once leave as burst and rate say: two now, then one every 12 ms', () => {
  const world = new World(shaper({ wan: { up: ROOT } }));
  world.inject(repeat(10, 0, (t) => up(t, 1500)));
  world.run(SECOND);
  expect(world.acceptedNs()).toEqual([0, 0, 12, 24, 36, 48, 60, 72, 84, 96].map((ms) => ms * MS));
  expect(world.accepted().map((v) => v.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 10, bytes: 15_000, backlog: 0 });
});

test.each<[string, Partial<ClassInput>]>([
  ['ceil', { ceil: 10_000, burst: 1500 }],
  ['bucket', { each: { by: 'src', rateBytesPerSec: 10_000, burstBytes: 1500, exceed: 'delay' } }],
])('a %s lets a short packet go when there are tokens for it, though a longer one waits', (_, limits) => {
  const leaves = [{ name: 'default', queue: { discipline: 'fair', isolation: 'flow' }, ...limits } as const];
  const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } }));
  world.inject([
    up(0, 1500, { shape: udp(1) }),
    ...repeat(2, 0, (t) => up(t, 1000, { shape: udp(1) })),
    up(150 * MS, 100, { shape: udp(2) }),
  ]);
  world.run(SECOND);
  // At 150 ms there are 500 B. The new flow goes first; in a leaf it once waited until 200 ms, as long as the
  // packet before which it goes.
  expect(world.accepted()).toEqual([
    { id: 1, timeNs: 0 },
    { id: 2, timeNs: 100 * MS },
    { id: 4, timeNs: 150 * MS },
    { id: 3, timeNs: 210 * MS },
  ]);
});

test('overhead is charged and never shown', () => {
  const world = new World(shaper({ wan: { overheadBytes: 100, up: { rate: 160_000, burst: 1600 } } }));
  world.inject(repeat(4, 0, (t) => up(t, 1500)));
  world.run(SECOND);
  expect(world.acceptedNs()).toEqual([0, 10, 20, 30].map((ms) => ms * MS));
  expect(world.classOf('wan/up/default').bytes).toBe(6000);
});

test('an overhead that takes away more than the packet has still charges a byte', () => {
  const world = new World(shaper({ wan: { overheadBytes: -64, up: { rate: 1000, burst: 1 } } }));
  world.inject(repeat(3, 0, (t) => up(t, 40)));
  world.run(SECOND);
  expect(world.acceptedNs()).toEqual([0, MS, 2 * MS]);
});

test('UDP at three times the rate passes exactly rate x time + burst, the rest is tail drop', () => {
  const world = new World(
    shaper({ wan: { up: { ...ROOT, leaves: [{ name: 'default', limitPackets: 10 }] } } }),
  );
  world.inject(repeat(2501, 4 * MS, (t) => up(t, 1500)));
  world.run(10 * SECOND);
  // The 3rd packet and every one after it leave at multiples of 12 ms; 9996 ms is the 833rd.
  expect(world.accepted().length).toBe(2 + 833);
  expect(world.classOf('wan/up/default')).toMatchObject({ backlog: 10, drops: [2501 - 835 - 10, 0, 0] });
});

test('a limit in bytes counts what waits: ten kilobytes are six full packets', () => {
  const leaves = [{ name: 'default', limitBytes: 10_000 }];
  const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }));
  world.inject(repeat(20, 0, (t) => up(t, 1500)));
  world.run(0);
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 2, backlog: 6, drops: [12, 0, 0] });
});

test('a superpacket larger than limit and burst passes an empty queue, and is paid for afterwards', () => {
  const leaves = [{ name: 'default', limitBytes: 10_000 }];
  const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }));
  world.inject([up(0, 63_000), up(0, 1500), up(0, 63_000)]);
  world.run(SECOND);
  // 63000 - 3000 B of debt; 1500 B of tokens at 60000 + 1500 B, 125 B/ms.
  expect(world.accepted()).toEqual([
    { id: 1, timeNs: 0 },
    { id: 2, timeNs: 492 * MS },
  ]);
  expect(world.classOf('wan/up/default').drops).toEqual([1, 0, 0]);
});

test('a leaf with a ceiling below the root keeps to it while the root has room', () => {
  const leaves = [leaf(1, { ceil: 50_000, burst: 1500 })];
  const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }));
  world.inject(repeat(5, 0, (t) => up(t, 1500, toLeaf(1))));
  world.run(SECOND);
  expect(world.acceptedNs()).toEqual([0, 30, 60, 90, 120].map((ms) => ms * MS));
});

test('packets that wait for one leaf do not delay another', () => {
  const leaves = [leaf(1, { ceil: 10_000, burst: 1500 }), leaf(2)];
  const world = new World(shaper({ wan: { up: { rate: 1e6, burst: 10_000, leaves } } }));
  world.inject(repeat(20, 0, (t) => up(t, 1500, toLeaf(1))));
  world.inject(repeat(5, 10 * MS, (t) => up(t, 1000, toLeaf(2)), MS));
  world.run(50 * MS);
  expect(world.acceptedNs()).toEqual([0, 1, 11, 21, 31, 41].map((ms) => ms * MS));
});

test('busy leaves share a full root by bytes, whatever the size of their packets', () => {
  const leaves = [leaf(1), leaf(2), leaf(3)];
  const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }, { length: 65_536 }));
  world.inject(repeat(1000, 0, (t) => up(t, 1500, toLeaf(1))));
  world.inject(repeat(3000, 0, (t) => up(t, 500, toLeaf(2))));
  world.inject(repeat(30_000, 0, (t) => up(t, 50, toLeaf(3))));
  const bytes = () => [1, 2, 3].map((n) => world.classOf(`wan/up/leaf${n}`).bytes);
  for (let t = 100 * MS; t <= 6 * SECOND; t += 100 * MS) {
    world.run(t);
    // DRR: two busy leaves differ by less than a quantum (1514 B) and two largest packets, at every instant.
    expect(Math.max(...bytes()) - Math.min(...bytes())).toBeLessThan(1514 + 3000);
  }
  const total = bytes().reduce((a, b) => a + b);
  expect(total).toBeGreaterThan(3000 + 6 * RATE - 1500);
  expect(total).toBeLessThanOrEqual(3000 + 6 * RATE);
});

test('what a leaf with a ceiling leaves over goes to the others', () => {
  const leaves = [leaf(1, { ceil: 25_000, burst: 3000 }), leaf(2), leaf(3)];
  const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }));
  for (const n of [1, 2, 3]) world.inject(repeat(1200, 0, (t) => up(t, 1000, toLeaf(n))));
  world.run(10 * SECOND);
  const [capped, ...others] = [1, 2, 3].map((n) => world.classOf(`wan/up/leaf${n}`).bytes);
  // 3000 B of burst and 25000 B/s; the packet due at the very end still waits for its turn.
  expect(capped).toBe(252_000);
  expect(capped + others[0] + others[1]).toBe(1_253_000);
  expect(Math.abs(others[0] - others[1])).toBeLessThanOrEqual(1514 + 2000);
});

test('both families and both directions are shaped by their own tree', () => {
  const world = new World(shaper({ wan: { up: ROOT, down: { rate: 2 * RATE, burst: 1500 } } }));
  const v6 = udp(1, { src: [0x20010db8, 0, 0, 1], dst: [0x20010db8, 0, 0, 2] });
  world.inject(repeat(3, 0, (t) => up(t, 1500, { shape: v6 })));
  const down = { shape: udp(7, { src: ipv4(1, 2, 3, 4) }), ifIndexIn: 1, ifIndexOut: 99 };
  world.inject(repeat(3, 0, (t) => up(t, 1500, down)));
  world.run(SECOND);
  expect(world.accepted()).toEqual([
    { id: 1, timeNs: 0 },
    { id: 2, timeNs: 0 },
    { id: 4, timeNs: 0 },
    { id: 5, timeNs: 6 * MS },
    { id: 3, timeNs: 12 * MS },
    { id: 6, timeNs: 12 * MS },
  ]);
  expect(world.classOf('wan/up/default').sent).toBe(3);
  expect(world.classOf('wan/down/default').sent).toBe(3);
});

test('what is due within the slack leaves together, and the rate stays exact', () => {
  const world = new World(shaper({ wan: { up: { rate: 125e6, burst: 3000 } } }), { releaseSlackNs: 1e5 });
  // 1 Gbit/s: a packet every 12 us.
  world.inject(repeat(20_000, 0, (t) => up(t, 1500)));
  world.run(0.12 * SECOND);
  const sent = world.accepted().length;
  expect(sent).toBeGreaterThanOrEqual(2 + 10_000);
  expect(sent).toBeLessThanOrEqual(2 + 10_000 + 9);
  expect(world.port.sends).toBeLessThan(10_000 / 8 + 20_000 / 256 + 2);
});

test('a leaf whose ceiling is just below its share of a full root reaches that ceiling', () => {
  const leaves = Array.from({ length: 10 }, (_, n) => leaf(n, n === 0 ? { ceil: 12_000, burst: 3028 } : {}));
  const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }, { length: 65_536 }));
  for (let n = 0; n < 10; n++) world.inject(repeat(500, 0, (t) => up(t, 1500, toLeaf(n))));
  world.run(50 * SECOND);
  const bytes = leaves.map((_, n) => world.classOf(`wan/up/leaf${n}`).bytes);
  // The other nine have (125000 - 12000) / 9 = 12555 B/s each.
  // One packet of the 400 may be on its way.
  expect(bytes[0] / 50 / 12_000).toBeGreaterThan(0.99);
  expect(bytes[0] / 50 / 12_000).toBeLessThanOrEqual(1.005);
  for (const other of bytes.slice(1)) expect(Math.abs(other / 50 / 12_555 - 1)).toBeLessThan(0.01);
});

test('short first: a flow that becomes long keeps its order, and long flows their share of the others', () => {
  const queue = { discipline: 'short-first', shortBytes: 15_000 } as const;
  const world = new World(shaper({ wan: { up: { ...ROOT, leaves: [leaf(0, { queue })] } } }));
  // Ten short packets and thirty long ones, all waiting at once; then flows of which every packet is short.
  world.inject(repeat(40, 0, (t) => up(t, 1500, toLeaf(0))));
  world.inject(repeat(60, MS, (t, i) => up(t, 1500, { shape: udp(1 + i, { dport: 5000 }) })));
  world.run(2 * SECOND);
  const order = world.accepted().map((v) => v.id);
  expect(order.filter((id) => id <= 40)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  // While both wait, one in four is long.
  expect(order.slice(20, 60).filter((id) => id <= 40)).toHaveLength(10);
});
