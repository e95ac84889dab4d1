/**
 * A quiet host beside a host that floods its leaf: 2 Mbit/s of a share of 5 lose nothing and hardly wait,
 * whatever the other one does, up and down, under every isolation that shares by hosts.
 */
import { describe, expect, test } from 'vitest';
import type { Isolation } from '../../src/algo/queues/host-isolation.ts';
import { ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { type ClassInput, MS, SECOND, shaper, udp, up, World } from './world.ts';

const LINE = 1_250_000;
const LIMIT_BYTES = 125_000;
const PACKETS = 250;
const UNTIL_NS = SECOND / 2;
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

/** Half a second of the quiet flow, 500 bytes every 2 ms, beside 40 Mbit/s of a flood. */
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
    ...Array.from({ length: UNTIL_NS / everyNs }, (_, n) => arrive(n * everyNs, FLOOD_BYTES, flood(n))),
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
    // Until the line has tokens for it: it does not wait for those of a longer packet of the flood.
    expect([lost, delayNsMaxLater]).toEqual([0, 77_600]);
    // A prefix counts as one host from its ninth address on.
    expect([77_600, 5_677_600]).toContain(delayNsMax);
  });
});

/** Packets of 1500 bytes of a quiet flow, in a leaf, beside 40 Mbit/s of shorter ones of a flood. */
interface LongPackets {
  readonly leaf: Omit<ClassInput, 'name'>;
  readonly flood: Flood;
  readonly floodBytes: number;
  readonly quietFromNs: number;
  readonly quietEveryNs: number;
  readonly untilNs: number;
}

/** How many of the quiet flow came and got through, with their longest delay, and the bytes that passed. */
function longBeside({ leaf, flood, floodBytes, quietFromNs, quietEveryNs, untilNs }: LongPackets) {
  const leaves = [{ name: 'default', limitBytes: LIMIT_BYTES, ...leaf }];
  const world = new World(shaper({ wan: { up: { rate: LINE, burst: 3028, leaves } } }));
  const arrive = (t: number, lengthBytes: number, ends: Ends): SimArrival =>
    up(t, lengthBytes, { shape: { ...udp(1), ...ends } });
  const everyNs = (floodBytes * SECOND) / (4 * LINE);
  const quiets = Math.ceil((untilNs - quietFromNs) / quietEveryNs);
  const arrivals = [
    ...Array.from({ length: quiets }, (_, n) => arrive(n * quietEveryNs + quietFromNs, 1500, QUIET)),
    ...Array.from({ length: untilNs / everyNs }, (_, n) => arrive(n * everyNs, floodBytes, flood(n))),
  ].sort((a, b) => a.timeNs - b.timeNs);
  world.inject(arrivals);
  world.run(untilNs);
  const passedBytes = world.accepted().reduce((sum, { id }) => sum + arrivals[id - 1]!.lengthBytes, 0);
  world.run(20 * SECOND);
  const through = world.accepted().filter(({ id }) => arrivals[id - 1]!.lengthBytes === 1500);
  const delayNsMax = Math.max(...through.map(({ id, timeNs }) => timeNs - arrivals[id - 1]!.timeNs));
  return { came: quiets, through: through.length, delayNsMax, passedBytes };
}

/** As many hosts of IPv4, by turns. */
const hosts =
  (count: number): Flood =>
  (n) => ({ src: ipv4(10, 1, 0, n % count), dst: OUTSIDE, sport: 1024, dport: 9 });
const bucketOf = (rateBytesPerSec: number, by: 'src' | 'flow' = 'src') =>
  ({ by, rateBytesPerSec, burstBytes: 3028, exceed: 'delay' }) as const;

describe('long packets of a quiet host beside short ones', () => {
  // Twenty packets of the quiet host.
  const limitBytes = 30_000;
  const quiet = { quietFromNs: SECOND / 10 + 300_000, untilNs: 0.4 * SECOND };

  // Each host of the flood holds less than a packet of the quiet one, which sends less than its share.
  test.each(['dual-src', 'flow'] as const)('of 45 hosts, %s: nothing is lost', (isolation) => {
    const leaf = { limitBytes, queue: { discipline: 'fair', isolation } as const };
    const run = longBeside({ ...quiet, quietEveryNs: 60 * MS, leaf, flood: hosts(45), floodBytes: 100 });
    expect([run.came, run.through, run.delayNsMax]).toEqual([5, 5, 1_197_600]);
  });

  test('of 25 hosts, each with a bucket: nothing is lost', () => {
    const leaf = { limitBytes, queue: FAIR, each: bucketOf(12_500) };
    const run = longBeside({ ...quiet, quietEveryNs: 120 * MS, leaf, flood: hosts(25), floodBytes: 300 });
    expect([run.came, run.through, run.delayNsMax]).toEqual([3, 3, 0]);
  });

  test('of 150 flows of a host in its bucket: nothing is lost', () => {
    const { came, through } = longBeside({
      leaf: { queue: FAIR, each: bucketOf(LINE / 2) },
      flood: (n) => ({ src: FLOODER, dst: OUTSIDE, sport: 1024 + (n % 150), dport: 9 }),
      floodBytes: 300,
      // 1 Mbit/s.
      quietFromNs: 300_000,
      quietEveryNs: 12 * MS,
      untilNs: SECOND,
    });
    expect([came, through]).toEqual([84, 84]);
  });
});

describe('a host with 50 flows, each with a bucket, whose rates are more than the line', () => {
  const leaf = { limitBytes: 30_000, queue: FAIR, each: bucketOf(37_500, 'flow') };
  const flood: Flood = (n) => ({ src: FLOODER, dst: OUTSIDE, sport: 1024 + (n % 50), dport: 9 });

  // What passes beyond the rate is the burst of the line.
  test('fills the line, and a quiet host loses nothing', () => {
    const untilNs = 0.6 * SECOND;
    const run = longBeside({
      leaf,
      flood,
      floodBytes: 300,
      quietFromNs: 300_000,
      quietEveryNs: 60 * MS,
      untilNs,
    });
    expect(run).toEqual({ came: 10, through: 10, delayNsMax: 1_117_600, passedBytes: 753_000 });
  });
});
