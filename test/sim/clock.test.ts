/** Late timers, clocks that stand still, step or run on: tokens are neither lost nor minted. */
import { describe, expect, test } from 'vitest';
import { MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const RATE = 125_000;
const ROOT = { rate: RATE, burst: 3000 };
const to = (dport: number) => [{ dport: [{ from: dport, to: dport }] }];

describe.each([0, 0.1, 1, 10, 50])('with timers %d ms late', (latenessMs) => {
  const latenessNs = latenessMs * MS;

  test('a backlog leaves at its rate, to the packet', () => {
    const world = new World(shaper({ wan: { up: ROOT } }));
    world.inject(repeat(1000, 0, (t) => up(t, 1500)));
    world.run(10 * SECOND, latenessNs);
    // Two at once; those due at 12 ms, 24 ms ... when the last timer fired.
    const dueBy = Math.floor((10_000 - latenessMs) / 12);
    expect(world.accepted().length).toBeGreaterThanOrEqual(2 + dueBy);
    expect(world.accepted().length).toBeLessThanOrEqual(2 + 833);
  });

  test('a leaf that waited for its own ceiling loses nothing to one whose packets wake us', () => {
    const leaves = [{ name: 'bulk', match: to(1), ceil: 120_000, burst: 3028 }];
    const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }));
    world.inject(repeat(1500, 0, (t) => up(t, 1500, { shape: udp(1, { dport: 1 }) })));
    world.inject(repeat(160, 60 * MS, (t) => up(t, 100), MS));
    world.run(10 * SECOND, latenessNs);
    const { bytes } = world.classOf('wan/up/bulk');
    expect(bytes).toBeGreaterThan(120_000 * (10 - 0.06));
    expect(bytes).toBeLessThanOrEqual(120_000 * 10 + 3028);
  });

  test('a flow that waited for its own bucket loses nothing either', () => {
    const each = { by: 'flow', rateBytesPerSec: 120_000, burstBytes: 3028, exceed: 'delay' } as const;
    const leaves = [{ name: 'bulk', match: to(1), each }];
    const world = new World(shaper({ wan: { up: { ...ROOT, leaves } } }));
    world.inject(repeat(1500, 0, (t) => up(t, 1500, { shape: udp(1, { dport: 1 }) })));
    world.inject(repeat(160, 60 * MS, (t) => up(t, 100), MS));
    world.run(10 * SECOND, latenessNs);
    expect(world.classOf('wan/up/bulk').bytes).toBeGreaterThan(120_000 * (10 - 0.06));
  });
});

test('a packet finds the queue as it is at its arrival: what was due before has left', () => {
  const leaves = [{ name: 'default', limitPackets: 2 }];
  const world = new World(shaper({ wan: { up: { rate: RATE, burst: 1500, leaves } } }));
  // Three at 0: one leaves, two wait for 12 and 24 ms. The timer is late, the next packets come at 30 ms.
  world.inject([...repeat(3, 0, (t) => up(t, 1500)), ...repeat(2, 0, (t) => up(t, 1500), 30 * MS)]);
  world.run(SECOND, 50 * MS);
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 5, drops: [0, 0, 0] });
});

test('a clock that steps back mints nothing and time goes on where it was', () => {
  const world = new World(shaper({ wan: { up: ROOT } }));
  world.inject(repeat(20, 0, (t) => up(t, 1500)));
  world.run(50 * MS);
  expect(world.accepted().length).toBe(2 + 4);
  for (const nowNs of [10 * MS, 0, 49 * MS, 20 * MS, 50 * MS]) world.engine.runBatch(world.port, nowNs);
  expect(world.accepted().length).toBe(2 + 4);
  world.engine.runBatch(world.port, 60 * MS);
  expect(world.accepted().length).toBe(2 + 5);
});

test('packets that arrive while the clock is behind are answered by the burst alone', () => {
  const world = new World(shaper({ wan: { up: ROOT } }));
  world.run(0);
  world.engine.runBatch(world.port, SECOND);
  world.inject(repeat(10, 0, (t) => up(t, 1500)));
  for (let i = 0; i < 5; i++) world.engine.runBatch(world.port, i * 100 * MS);
  expect(world.accepted().length).toBe(2);
  world.engine.runBatch(world.port, SECOND + 12 * MS);
  expect(world.accepted().length).toBe(3);
});

test('a clock that leaps ahead frees the backlog but saves up no more than a burst', () => {
  const world = new World(shaper({ wan: { up: ROOT } }));
  world.inject(repeat(5, 0, (t) => up(t, 1500)));
  world.inject(repeat(10, 0, (t) => up(t, 1500), 86_400 * SECOND));
  world.run(86_400 * SECOND);
  expect(world.accepted().length).toBe(5 + 2);
  world.run(86_400 * SECOND + 12 * MS);
  expect(world.accepted().length).toBe(5 + 3);
});

test('a class that was idle begins with one burst, never more', () => {
  const world = new World(shaper({ wan: { up: ROOT } }));
  for (let second = 0; second < 10; second++)
    world.inject(repeat(10, 0, (t) => up(t, 1000), second * SECOND));
  world.run(10 * SECOND);
  for (let second = 0; second < 10; second++) {
    const instants = world.acceptedNs().slice(10 * second, 10 * second + 10);
    const expected = [0, 0, 0, 8, 16, 24, 32, 40, 48, 56].map((ms) => second * SECOND + ms * MS);
    expect(instants).toEqual(expected);
  }
});

test('the engine asks to be woken exactly when the next packet is due, and not at all when none waits', () => {
  const world = new World(shaper({ wan: { up: ROOT } }));
  world.inject(repeat(4, 0, (t) => up(t, 1500)));
  world.run(0);
  expect(world.port.armedNs).toBe(12 * MS);
  world.run(12 * MS);
  expect(world.port.armedNs).toBe(24 * MS);
  world.run(24 * MS);
  expect(world.port.armedNs).toBe(Number.POSITIVE_INFINITY);
});
