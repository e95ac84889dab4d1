/**
 * A quiet host beside a host that floods its leaf: 2 Mbit/s of a share of 5 lose nothing and hardly wait,
 * whatever the other one does, up and down, under every isolation that shares by hosts.
 */
import { describe, expect, test } from 'vitest';
import type { Isolation } from '../../src/algo/queues/host-isolation.ts';
import { ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { MS, SECOND, shaper, udp, up, World } from './world.ts';

const LINE = 1_250_000;
const LIMIT_BYTES = 125_000;
const PACKETS = 500;
const FLOOD_BYTES = 1000;
const INSIDE = ipv4(10, 0, 0, 2);
const FLOODER = ipv4(10, 0, 0, 3);
const OUTSIDE = ipv4(198, 51, 100, 1);
const OTHER_OUTSIDE = ipv4(198, 51, 100, 2);

type Ends = Pick<PacketShape, 'src' | 'dst' | 'sport' | 'dport'>;
type Address = PacketShape['src'];
/** The n-th packet of a flood, as it leaves. */
type Flood = (n: number) => Ends;

const v6 = (prefix: number, host: number): Address => [0x20010db8, prefix, host >>> 16, host & 0xffff];
/** Every number once before any comes again, in no order. */
const scattered = (n: number, count: number): number => (n * 7919) % count;

const FLOODS: Readonly<Record<string, Flood>> = {
  'two thousand flows': (n) => ({ src: FLOODER, dst: OUTSIDE, sport: 1024 + scattered(n, 2000), dport: 9 }),
  'a new port with every packet': (n) => ({
    src: FLOODER,
    dst: OUTSIDE,
    sport: 1024 + (n % 60_000),
    dport: 9 + Math.floor(n / 60_000),
  }),
  'a new address of an IPv6 prefix with every packet': (n) => ({
    src: v6(2, n),
    dst: v6(9, 1),
    sport: 5,
    dport: 9,
  }),
  'two hundred addresses of an IPv6 prefix': (n) => ({
    src: v6(2, scattered(n, 200)),
    dst: v6(9, 1),
    sport: 5,
    dport: 9,
  }),
};

/** The same packet in the other direction. */
function mirrored({ src, dst, sport, dport }: Ends): Ends {
  return { src: dst, dst: src, sport: dport!, dport: sport! };
}

interface Outcome {
  readonly lost: number;
  readonly delayNsMax: number;
  /** Without the quarter of a second in which the flood begins. */
  readonly delayNsMaxLater: number;
}

/** One second of the quiet flow, 500 bytes every 2 ms, beside 40 Mbit/s of a flood. */
function quietBeside(flood: Flood, way: 'up' | 'down', isolation: Isolation, quiet: Ends): Outcome {
  const queue = { discipline: 'fair', isolation } as const;
  const tree = { rate: LINE, burst: 3028, leaves: [{ name: 'default', queue, limitBytes: LIMIT_BYTES }] };
  const world = new World(shaper({ wan: { [way]: tree } }));
  const arrive = (t: number, lengthBytes: number, ends: Ends): SimArrival => {
    const shape = { ...udp(1), ...(way === 'up' ? ends : mirrored(ends)) };
    return up(t, lengthBytes, way === 'up' ? { shape } : { shape, ifIndexIn: 1, ifIndexOut: 99 });
  };
  const everyNs = (FLOOD_BYTES * SECOND) / (4 * LINE);
  const arrivals = [
    ...Array.from({ length: PACKETS }, (_, n) => arrive(n * 2 * MS + 300_000, 500, quiet)),
    ...Array.from({ length: SECOND / everyNs }, (_, n) => arrive(n * everyNs, FLOOD_BYTES, flood(n))),
  ].sort((a, b) => a.timeNs - b.timeNs);
  world.inject(arrivals);
  world.run(10 * SECOND);
  // Ids count the packets from 1 in the order of their arrival.
  const quietOnes = world.accepted().filter(({ id }) => arrivals[id - 1]!.lengthBytes === 500);
  const delays = quietOnes.map(({ id, timeNs }) => {
    const cameNs = arrivals[id - 1]!.timeNs;
    return { cameNs, delayNs: timeNs - cameNs };
  });
  const longest = (all: typeof delays): number => Math.max(...all.map(({ delayNs }) => delayNs));
  return {
    lost: PACKETS - delays.length,
    delayNsMax: longest(delays),
    delayNsMaxLater: longest(delays.filter(({ cameNs }) => cameNs > SECOND / 4)),
  };
}

const FAIR = { discipline: 'fair', isolation: 'dual-src' } as const;
const QUIET: Ends = { src: INSIDE, dst: OTHER_OUTSIDE, sport: 5000, dport: 9001 };

describe.each(Object.entries(FLOODS))('%s', (_, flood) => {
  test.each([
    ['up', 'dual-src'],
    ['up', 'dual-dst'],
    ['up', 'triple'],
    ['down', 'dual-src'],
    ['down', 'dual-dst'],
    ['down', 'triple'],
  ] as const)('%s, %s', (way, isolation) => {
    const { lost, delayNsMax, delayNsMaxLater } = quietBeside(flood, way, isolation, QUIET);
    // At most the rest of a packet that was on the line, and the packet itself.
    expect([lost, delayNsMaxLater]).toEqual([0, 477_600]);
    // A prefix counts as one host from its ninth address on.
    expect([477_600, 5_677_600]).toContain(delayNsMax);
  });
});

test('a host floods its bucket of each with 150 flows of short packets: another one loses no long packet', () => {
  const each = { by: 'src', rateBytesPerSec: LINE / 2, burstBytes: 3028, exceed: 'delay' } as const;
  const leaf = { name: 'default', queue: FAIR, limitBytes: LIMIT_BYTES, each };
  const world = new World(shaper({ wan: { up: { rate: LINE, burst: 3028, leaves: [leaf] } } }));
  const flood = (n: number): Ends => ({ src: FLOODER, dst: OUTSIDE, sport: 1024 + (n % 150), dport: 9 });
  const arrive = (t: number, lengthBytes: number, ends: Ends): SimArrival =>
    up(t, lengthBytes, { shape: { ...udp(1), ...ends } });
  // 1 Mbit/s beside 40.
  const arrivals = [
    ...Array.from({ length: 83 }, (_, n) => arrive(n * 12 * MS + 300_000, 1500, QUIET)),
    ...Array.from({ length: SECOND / 60_000 }, (_, n) => arrive(n * 60_000, 300, flood(n))),
  ].sort((a, b) => a.timeNs - b.timeNs);
  world.inject(arrivals);
  world.run(10 * SECOND);
  const quietOnes = world.accepted().filter(({ id }) => arrivals[id - 1]!.lengthBytes === 1500);
  expect(quietOnes).toHaveLength(83);
});
