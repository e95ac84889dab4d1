/** The orderly stop, and the bound on what may be held. */
import { expect, test } from 'vitest';
import { type EachInput, MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const SLOW = { rate: 1000, burst: 1500 };
const to = (dport: number) => [{ dport: [{ from: dport, to: dport }] }];

test('the stop accepts everything held, wherever it waits, and everything that still comes', () => {
  const each: EachInput = { by: 'flow', rateBytesPerSec: 100, burstBytes: 1500, exceed: 'delay' };
  const leaves = [
    { name: 'each', match: to(1), each },
    { name: 'capped', match: to(2), ceil: 500, burst: 1500 },
  ];
  const world = new World(shaper({ lan: { down: SLOW }, wan: { up: { ...SLOW, leaves } } }, { count: 3 }));
  const packet = (t: number, n: number) =>
    up(t, 1000, {
      shape: udp(n % 7, { dport: n % 3 }),
      ifIndexIn: n % 2 === 0 ? 1 : 99,
      ifIndexOut: 2,
      nfqueue: n % 3,
    });
  world.inject(repeat(300, 0, packet));
  world.run(5 * SECOND);
  expect(world.totals.heldPackets).toBeGreaterThan(250);
  // More than one batch is still unread.
  world.inject(repeat(600, 0, packet, 5 * SECOND));
  world.engine.releaseAll(world.port, 5 * SECOND);
  expect(world.totals).toMatchObject({
    receivedPackets: 900,
    acceptedPackets: 900,
    heldPackets: 0,
    lostPackets: 0,
  });
  expect(world.port.heldPackets).toBe(0);
  expect(world.port.armedNs).toBe(Number.POSITIVE_INFINITY);
});

test('during the stop nothing is dropped or delayed any more', () => {
  const leaves = [{ name: 'default', limitPackets: 1, police: { rateBytesPerSec: 1, burstBytes: 1 } }];
  const world = new World(shaper({ wan: { up: { ...SLOW, leaves } } }));
  world.engine.releaseAll(world.port, 0);
  world.inject(repeat(50, MS, (t) => up(t, 1500)));
  world.run(SECOND);
  expect(world.acceptedNs()).toEqual(Array.from({ length: 50 }, (_, n) => n * MS));
});

test('the stop of an engine that holds nothing sends nothing', () => {
  const world = new World(shaper({ wan: { up: SLOW } }));
  world.engine.releaseAll(world.port, 0);
  expect([world.port.sends, world.port.verdictRows]).toEqual([0, 0]);
});

test('what would exceed the packets that may be held is accepted undelayed, and counted', () => {
  const world = new World(shaper({ wan: { up: SLOW } }, { length: 10 }));
  world.inject(repeat(40, 0, (t) => up(t, 1000)));
  world.run(0);
  // One by the burst, ten held, the others at once.
  expect(world.totals).toMatchObject({
    heldPackets: 10,
    acceptedPackets: 30,
    heldFull: 29,
    droppedPackets: 0,
  });
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 30, backlog: 10 });
  world.run(20 * SECOND);
  expect(world.totals).toMatchObject({ heldPackets: 0, acceptedPackets: 40, lostPackets: 0 });
});

test('a packet accepted because too many are held counts once, though it crosses two links', () => {
  const world = new World(shaper({ lan: { down: SLOW }, wan: { up: SLOW } }, { length: 5 }));
  world.inject(repeat(10, 0, (t) => up(t, 1000, { ifIndexIn: 1, ifIndexOut: 2 })));
  world.run(0);
  expect(world.totals).toMatchObject({ acceptedPackets: 5, heldPackets: 5, heldFull: 4 });
});
