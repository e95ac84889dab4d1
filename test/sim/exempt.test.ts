/** Packets of exempt ports beside others, in exact numbers. */
import { expect, test } from 'vitest';
import { NF_INET_LOCAL_IN } from '../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { type ClassInput, MS, repeat, SECOND, shaper, udp, World } from './world.ts';

/** 2 Mbit/s towards this host and through it. A packet of 1000 B takes 4 ms. */
const RATE = 250_000;
const LEAF: ClassInput = { name: 'default', limitBytes: 30_000 };

function world(leaf: Partial<ClassInput>): World {
  const down = { rate: RATE, burst: 1000, leaves: [{ ...LEAF, ...leaf }] };
  return new World(shaper({ wan: { down } }));
}

/** A packet of connection `n` to the SSH port of this host. */
function ssh(timeNs: number, n: number, lengthBytes = 1000): SimArrival {
  const shape = { ...udp(n), src: ipv4(192, 0, 2, n), protocol: IPPROTO_TCP, dport: 22 };
  return { timeNs, lengthBytes, shape, hook: NF_INET_LOCAL_IN, ifIndexIn: 1, ifIndexOut: 0 };
}

/** A packet through this host. */
function forwarded(timeNs: number, n: number, lengthBytes: number): SimArrival {
  return { timeNs, lengthBytes, shape: udp(n, { src: ipv4(192, 0, 2, 100) }), ifIndexIn: 1, ifIndexOut: 99 };
}

/** Plays the packets and 10 s more. Which of `mine` passed, and the most bytes that waited. */
function play(w: World, others: readonly SimArrival[], mine: readonly SimArrival[]) {
  const all = [...others, ...mine].sort((a, b) => a.timeNs - b.timeNs);
  w.inject(all);
  let mostBytes = 0;
  const endNs = all[all.length - 1].timeNs;
  for (let ns = 0; ns <= endNs; ns += 10 * MS) {
    w.run(ns);
    mostBytes = Math.max(
      mostBytes,
      w.engine.stats.backlogBytes.reduce((sum, n) => sum + n, 0),
    );
  }
  w.run(endNs + 10 * SECOND);
  const passed = w.accepted().filter(({ id }) => mine.includes(all[id - 1])).length;
  return { passed, mostBytes };
}

/** Four senders of 2 Mbit/s each, whose packets come a ms apart, to the SSH port for ten seconds. */
const UPLOADS = repeat(10_000, MS, (t, n) => ssh(t, n % 4));
const PINGS = repeat(100, 100 * MS, (t) => forwarded(t, 9, 84), 0.5 * MS);

test.each<[string, Partial<ClassInput>]>([
  ['fair', { queue: { discipline: 'fair', isolation: 'dual-dst' } }],
  ['short-first', { queue: { discipline: 'short-first' } }],
])('%s: four uploads to SSH leave the line to pings, and fill the limit at most', (_, leaf) => {
  expect(play(world(leaf), UPLOADS, PINGS)).toEqual({ passed: 100, mostBytes: 30_000 });
});

test('a FIFO, which protects nobody, holds one packet more at most', () => {
  expect(play(world({}), UPLOADS, PINGS).mostBytes).toBe(31_000);
});

test('a session within its share loses nothing in a full FIFO, one packet more does', () => {
  const flood = repeat(10_000, MS, (t) => forwarded(t, 1, 1000));
  // 5 % are 12,500 B/s, and as much at once in the beginning.
  const session = (count: number): SimArrival[] =>
    repeat(count, 100 * MS, (t) => ssh(t, 1, 1250), SECOND + 1);
  expect(play(world({}), flood, session(80)).passed).toBe(80);
  const burst = repeat(11, 0, (t) => ssh(t, 1, 1250), SECOND + 1);
  expect(play(world({}), flood, burst).passed).toBe(10);
});

test('a class that is slower than the share lets packets of others in', () => {
  // 64 kbit/s in a direction of 100 Mbit/s, of which 5 Mbit/s are exempt; 1 Mbit/s comes.
  const slow = { ceil: 8000, burst: 1000, queue: { discipline: 'fair', isolation: 'flow' } } as const;
  const tree = { rate: 12_500_000, burst: 12_500, leaves: [{ ...LEAF, ...slow }] };
  const w = new World(shaper({ wan: { down: tree } }));
  const flood = repeat(1250, 8 * MS, (t) => ssh(t, 1));
  expect(play(w, flood, PINGS)).toEqual({ passed: 100, mostBytes: 30_000 });
});

test('the share changes while packets flow: nothing is exempt any more, then all', () => {
  const spec = (share: number) =>
    shaper({ wan: { down: { rate: RATE, burst: 1000, leaves: [LEAF] } } }, {}, { share });
  const w = new World(spec(0));
  // A packet leaves each 4 ms, so 30 wait and 31 have passed after the first batch.
  const flood = (ns: number): void => {
    w.inject(repeat(100, 0, (t) => ssh(t, 1), ns));
    w.run(ns);
  };
  flood(0);
  expect(w.totals).toMatchObject({ heldPackets: 30, droppedPackets: 69 });
  w.engine.reconfigure(w.port, { spec: spec(1), renamed: new Map() }, 0);
  w.inject(repeat(10, 0, (t) => ssh(t, 1), 1));
  w.run(1);
  expect(w.totals).toMatchObject({ heldPackets: 40, droppedPackets: 69 });
});
