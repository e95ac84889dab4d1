/** A direction without a limit counts its packets and never delays one, whatever limited classes do in it. */
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { MS, SECOND, udp, up, World } from './world.ts';

/** Packets leave together that are due within 0.1 ms, as in an instance: so buckets are charged ahead. */
const worldOf = (links: string): World =>
  new World(loadConfig(`links: ${links}`, 'f').spec, { releaseSlackNs: 100_000 });

/** Positions of the packets that did not leave at the instant at which they came. */
function delayed(world: World, arrivals: readonly { timeNs: number }[]): number[] {
  const passed = new Map(world.accepted().map(({ id, timeNs }) => [id, timeNs]));
  return arrivals.flatMap(({ timeNs }, n) => (passed.get(n + 1) === timeNs ? [] : [n]));
}

test('superpackets by the hundred at one instant leave at that instant, in both directions', () => {
  const world = worldOf('{ wan: { device: wan0, both: unlimited } }');
  const arrivals = Array.from({ length: 20_000 }, (_, n) => {
    const timeNs = Math.floor(n / 500) * 100_000;
    const shape = udp(n % 7, { dport: 1 + (n % 300) });
    return n % 2 === 0
      ? up(timeNs, 65_000, { shape })
      : up(timeNs, 100 + (n % 1400), { shape, ifIndexIn: 1, ifIndexOut: 99 });
  });
  world.inject(arrivals);
  world.run(10 * SECOND);
  expect(delayed(world, arrivals)).toEqual([]);
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 10_000, drops: [0, 0, 0] });
  expect(world.classOf('wan/down/default')).toMatchObject({ sent: 10_000, drops: [0, 0, 0] });
});

test('beside a class with a ceil, whose packets are booked ahead, nothing else waits', () => {
  const world = worldOf(`{ wan: { device: wan0, up: { rate: unlimited, classes: {
    slow: { match: { dport: 1 }, ceil: 800kbit, burst: 1500B, queue: { limit: 900kB } },
    sure: { match: { dport: 2 }, rate: 80kbit, burst: 1500B, priority: 7 },
    inner: { match: { dport: [3, 4] }, classes: { a: { match: { dport: 3 } } } } } } } }`);
  const arrivals = Array.from({ length: 8000 }, (_, n) =>
    up(n * 61_003, 1000, { shape: udp(n % 4, { dport: 1 + (n % 5) }) }),
  );
  world.inject(arrivals);
  world.run(60 * SECOND);
  const late = delayed(world, arrivals);
  expect(late.every((n) => n % 5 === 0)).toBe(true);
  // 1.6 Mbit/s into 0.8 Mbit/s: all but the first wait.
  expect(late.length).toBeGreaterThan(1500);
  for (const path of ['sure', 'inner/a', 'inner/default', 'default'])
    expect(world.classOf(`wan/up/${path}`)).toMatchObject({ sent: 1600, drops: [0, 0, 0] });
});

test('buckets of each still hold hosts back', () => {
  const world = worldOf(
    '{ wan: { device: wan0, up: { rate: unlimited, each: { by: host, rate: 8mbit, burst: 3000B } } } }',
  );
  const arrivals = Array.from({ length: 100 }, () => up(0, 1000));
  world.inject(arrivals);
  world.run(SECOND);
  const last = world.accepted().at(-1)!;
  // 97 packets beyond the burst, at 1 MB/s.
  expect(last.timeNs).toBe(97 * MS);
});
