/** Policers, `each` buckets and RED beside each other, counted exactly. */
import { expect, test } from 'vitest';
import type { RedSpec } from '../../src/spec/spec.ts';
import { SlowTokenBucket } from '../oracle/token-bucket.ts';
import { type EachInput, MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const to = (dport: number) => [{ dport: [{ from: dport, to: dport }] }];
const WIDE = { rate: 1e9, burst: 1e6 };
const RED: RedSpec = {
  adaptive: false,
  minBytes: 5000,
  maxBytes: 15_000,
  probability: 0.1,
  weight: 0.05,
  gentle: true,
  byteMode: false,
  meanPacketBytes: 1000,
};

/** What a policer of this rate and burst lets pass, by the exact twin. */
function twinPasses(
  rate: number,
  burst: number,
  arrivals: readonly { timeNs: number; lengthBytes: number }[],
): number[] {
  const twin = new SlowTokenBucket(rate, burst);
  return arrivals.flatMap(({ timeNs, lengthBytes }, n) => {
    if (twin.scaledMargin(timeNs, lengthBytes) < 0n) return [];
    twin.take(timeNs, lengthBytes);
    return [n + 1];
  });
}

test('a policer passes exactly the packets that the exact bucket passes, at once', () => {
  const leaves = [{ name: 'default', police: { rateBytesPerSec: 8000, burstBytes: 4000 } }];
  const world = new World(shaper({ wan: { up: { ...WIDE, leaves } } }));
  const arrivals = repeat(3000, 3 * MS + 1, (t, n) => up(t, 100 + ((n * 37) % 1400)));
  world.inject(arrivals);
  world.run(10 * SECOND);
  const passed = world.accepted();
  expect(passed.map((v) => v.id)).toEqual(twinPasses(8000, 4000, arrivals));
  expect(passed.map((v) => v.timeNs)).toEqual(passed.map((v) => arrivals[v.id - 1].timeNs));
  expect(world.classOf('wan/up/default').drops).toEqual([0, 0, 3000 - passed.length]);
});

test('a policer of the class above is charged together with the leaf’s, or neither is', () => {
  const leaves = [
    { name: 'a', match: to(1), police: { rateBytesPerSec: 1000, burstBytes: 1000 } },
    { name: 'b', match: to(2) },
  ];
  const police = { rateBytesPerSec: 1000, burstBytes: 3000 };
  const world = new World(shaper({ wan: { up: { ...WIDE, leaves, police } } }));
  const packet = (dport: number) => up(0, 1000, { shape: udp(dport, { dport }) });
  // One of a's three passes; the two refused ones must not have cost the root's policer anything.
  world.inject([packet(1), packet(1), packet(1), packet(2), packet(2), packet(2)]);
  world.run(0);
  expect(world.classOf('wan/up/a')).toMatchObject({ sent: 1, drops: [0, 0, 2] });
  expect(world.classOf('wan/up/b')).toMatchObject({ sent: 2, drops: [0, 0, 1] });
});

test('packets beyond `each … drop` count as policed, and only those of the flow that sends too much', () => {
  const each: EachInput = { by: 'flow', rateBytesPerSec: 10_000, burstBytes: 2000, exceed: 'drop' };
  const world = new World(shaper({ wan: { up: { ...WIDE, leaves: [{ name: 'default', each }] } } }));
  const loud = repeat(1000, 10 * MS, (t) => up(t, 1000, { shape: udp(1) }));
  const quiet = repeat(100, 100 * MS, (t) => up(t, 1000, { shape: udp(2) }), MS);
  world.inject([...loud, ...quiet].sort((a, b) => a.timeNs - b.timeNs));
  world.run(10 * SECOND);
  const passed = twinPasses(10_000, 2000, loud).length;
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: passed + 100, drops: [0, 0, 1000 - passed] });
});

test('with RED in front a full queue drops early and late, and both are told apart', () => {
  const leaves = [{ name: 'default', limitBytes: 20_000, red: { ...RED, weight: 0.01 } }];
  const world = new World(shaper({ wan: { up: { rate: 125_000, burst: 3000, leaves } } }));
  // Twice the rate, then a burst that outruns the average.
  world.inject(repeat(1000, 4 * MS, (t) => up(t, 1000)));
  world.inject(repeat(100, 0, (t) => up(t, 1000), 4 * SECOND));
  world.run(10 * SECOND);
  const { sent, backlog, drops } = world.classOf('wan/up/default');
  const [tail, early, police] = drops;
  expect(sent + tail + early + police).toBe(1100);
  expect(backlog).toBe(0);
  expect(police).toBe(0);
  expect(early).toBeGreaterThan(400);
  expect(tail).toBeGreaterThan(10);
});

test('traffic below the rate never meets RED, nor does a burst shorter than the average is slow', () => {
  const leaves = [{ name: 'default', limitBytes: 40_000, red: { ...RED, weight: 0.002 } }];
  const world = new World(shaper({ wan: { up: { rate: 125_000, burst: 3000, leaves } } }));
  world.inject(repeat(1000, 8 * MS, (t) => up(t, 1000)));
  world.inject(repeat(30, 0, (t) => up(t, 1000), 9 * SECOND));
  world.run(20 * SECOND);
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 1030, drops: [0, 0, 0] });
});

test('the average of RED falls while the class is idle: a burst after a pause is not met by old sins', () => {
  const leaves = [{ name: 'default', limitBytes: 40_000, red: RED }];
  const world = new World(shaper({ wan: { up: { rate: 125_000, burst: 3000, leaves } } }));
  world.inject(repeat(1000, 4 * MS, (t) => up(t, 1000)));
  world.run(4 * SECOND);
  const before = world.classOf('wan/up/default').drops;
  expect(before[1]).toBeGreaterThan(400);
  // The queue is empty 0.4 s later and the pause would have sent 450 packets more.
  world.inject(repeat(5, 0, (t) => up(t, 1000), 8 * SECOND));
  world.run(10 * SECOND);
  expect(world.classOf('wan/up/default').drops).toEqual(before);
});

test('the idle clock of RED starts when the last packet leaves, not when the queue was empty before', () => {
  const red = { ...RED, gentle: false };
  const early = (pauseNs: number): number => {
    const world = new World(
      shaper({ wan: { up: { rate: 125_000, burst: 1000, leaves: [{ name: 'default', red }] } } }),
    );
    world.inject(repeat(300, 0, (t) => up(t, 1000)));
    world.run(0);
    const { sent, backlog, drops } = world.classOf('wan/up/default');
    expect(sent + backlog + drops[1]).toBe(300);
    // The last one leaves when those before it are paid for, 8 ms each.
    world.inject([up(backlog * 8 * MS + pauseNs, 1000)]);
    world.run(10 * SECOND);
    return world.classOf('wan/up/default').drops[1] - drops[1];
  };
  // The average is about twice max: still above a millisecond later, below min after half a second.
  expect([early(MS), early(500 * MS)]).toEqual([1, 0]);
});

test('policer, RED and each in one run: every packet is in exactly one count of its class', () => {
  const each: EachInput = { by: 'src', rateBytesPerSec: 60_000, burstBytes: 3000, exceed: 'delay' };
  const leaves = [
    { name: 'policed', match: to(1), police: { rateBytesPerSec: 20_000, burstBytes: 5000 } },
    { name: 'red', match: to(2), red: RED, limitBytes: 30_000 },
    { name: 'each', match: to(3), each, limitPackets: 20 },
  ];
  const world = new World(shaper({ wan: { up: { rate: 125_000, burst: 3000, leaves } } }), { seed: 5 });
  const names = ['policed', 'red', 'each', 'default'];
  world.inject(
    repeat(8000, MS, (t, n) =>
      up(t, 500 + ((n * 131) % 1000), { shape: udp(n % 40, { dport: (n % 4) + 1 }) }),
    ),
  );
  world.run(8 * SECOND);
  for (const name of names) {
    const { sent, backlog, drops } = world.classOf(`wan/up/${name}`);
    expect(sent + backlog + drops.reduce((a, b) => a + b), name).toBe(2000);
  }
  const [policed, red, delayed] = names.map((name) => world.classOf(`wan/up/${name}`).drops);
  expect([policed[0], policed[1], red[2], delayed[1], delayed[2]]).toEqual([0, 0, 0, 0, 0]);
  expect(Math.min(policed[2], red[1], delayed[0])).toBeGreaterThan(100);
  world.run(200 * SECOND);
  expect(world.totals).toMatchObject({ receivedPackets: 8000, heldPackets: 0, lostPackets: 0 });
});
