/** Packets that the kernel dropped while we held them: told by its "no such packet", and booked as lost. */
import { expect, test } from 'vitest';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import { MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const ROOT = { rate: 125_000, burst: 1500 };

/** Accepted and dropped as the pretended kernel saw it. */
function answered(world: World): { accepted: number; dropped: number } {
  const accepted = world.port.trace.filter((v) => v.verdict === NF_ACCEPT).length;
  return { accepted, dropped: world.port.trace.length - accepted };
}

test('held packets that the kernel forgot are lost once we answer them, and no longer count as sent', () => {
  const world = new World(shaper({ wan: { up: ROOT } }));
  world.inject(repeat(10, 0, (t) => up(t, 1500)));
  world.run(12 * MS);
  world.port.forgetHeld();
  world.inject(repeat(5, SECOND, (t) => up(t, 1500), 5 * SECOND));
  world.run(20 * SECOND);
  expect(world.totals).toMatchObject({
    receivedPackets: 15,
    acceptedPackets: 7,
    lostPackets: 8,
    lostBytes: 12_000,
  });
  expect(world.classOf('wan/up/default')).toMatchObject({ sent: 7, bytes: 10_500, backlog: 0 });
  expect(answered(world)).toEqual({ accepted: 7, dropped: 0 });
});

test('a packet lost between two links is taken back from both classes', () => {
  const world = new World(shaper({ lan: { down: ROOT }, wan: { up: ROOT } }));
  world.inject(repeat(4, 0, (t) => up(t, 1500, { ifIndexIn: 1, ifIndexOut: 2 })));
  world.run(0);
  world.port.forgetHeld();
  world.inject([up(SECOND, 100, { ifIndexIn: 1, ifIndexOut: 2 })]);
  world.run(2 * SECOND);
  expect(world.totals).toMatchObject({ acceptedPackets: 2, lostPackets: 3 });
  for (const path of ['lan/down/default', 'wan/up/default'])
    expect(world.classOf(path)).toMatchObject({ sent: 2, bytes: 1600 });
});

test('a lost packet of one tree takes nothing from the tree that a packet before it had crossed', () => {
  const world = new World(shaper({ lan: { down: ROOT }, wan: { up: ROOT } }));
  world.inject([up(0, 1500, { ifIndexIn: 1, ifIndexOut: 2 })]);
  world.inject(repeat(2, 0, (t) => up(t, 1500, { ifIndexIn: 99, ifIndexOut: 2 }), SECOND));
  world.run(SECOND);
  world.port.forgetHeld();
  world.run(2 * SECOND);
  world.engine.runBatch(world.port, 2 * SECOND);
  expect(world.totals).toMatchObject({ acceptedPackets: 2, lostPackets: 1 });
  expect([world.classOf('lan/down/default').sent, world.classOf('wan/up/default').sent]).toEqual([1, 2]);
});

test('a whole run of packets answered together is booked as lost together', () => {
  const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6 } } }));
  // The kernel drops them between our read and our answer.
  const drain = world.port.drain.bind(world.port);
  world.port.drain = () => {
    const rows = drain();
    if (rows === 20) world.port.forgetHeld();
    return rows;
  };
  world.inject(repeat(20, 0, (t) => up(t, 1000)));
  world.inject(repeat(3, 0, (t) => up(t, 1000), MS));
  world.run(SECOND);
  expect(world.totals).toMatchObject({
    receivedPackets: 23,
    acceptedPackets: 3,
    lostPackets: 20,
    lostBytes: 20_000,
  });
  expect(world.classOf('wan/up/default').sent).toBe(3);
});

test('a forgotten packet is not hidden by newer ones that are accepted in the same batch', () => {
  const to = [{ dport: [{ from: 1, to: 1 }] }];
  const leaves = [{ name: 'slow', match: to, ceil: 1000, burst: 1000 }];
  const world = new World(shaper({ wan: { up: { rate: 1e6, burst: 1e6, leaves } } }));
  world.inject(repeat(2, 0, (t) => up(t, 1000, { shape: udp(1, { dport: 1 }) })));
  world.run(0);
  world.port.forgetHeld();
  // The forgotten one is due at 1 s, when others come.
  world.inject(repeat(5, 0, (t) => up(t, 1000), SECOND));
  world.inject([up(2 * SECOND, 100)]);
  world.run(3 * SECOND);
  expect(world.totals).toMatchObject({ acceptedPackets: 7, lostPackets: 1 });
  expect(answered(world)).toEqual({ accepted: 7, dropped: 0 });
});

test('a drop that the kernel refused is lost, not dropped', () => {
  const world = new World(
    shaper({ wan: { up: { ...ROOT, police: { rateBytesPerSec: 1, burstBytes: 1 } } } }),
  );
  const drain = world.port.drain.bind(world.port);
  world.port.drain = () => {
    const rows = drain();
    if (rows === 3) world.port.forgetHeld();
    return rows;
  };
  world.inject(repeat(3, 0, (t) => up(t, 1000)));
  world.inject([up(SECOND, 1000)]);
  world.run(2 * SECOND);
  expect(world.totals).toMatchObject({ droppedPackets: 1, lostPackets: 3, acceptedPackets: 0 });
});

/** 64 kbit/s: a packet of 1500 B takes 187.5 ms. */
const SLOW = { rate: 8000, burst: 1500 };
const PACKET_NS = 187.5 * MS;

/** Instants at which packets from number `from` on were accepted. */
const acceptedFrom = (world: World, from: number): number[] =>
  world
    .accepted()
    .filter(({ id }) => id >= from)
    .map(({ timeNs }) => timeNs);

test('what a lost packet took comes back: the next one goes at once, and the line speaks again', () => {
  const world = new World(shaper({ wan: { up: { ...SLOW, limitPackets: 100 } } }));
  world.inject(repeat(100, 0, (t) => up(t, 1500)));
  world.run(10 * MS);
  world.port.forgetHeld();
  world.inject(repeat(2, 0, (t) => up(t, 1500), 200 * MS));
  world.run(SECOND);
  expect(world.totals).toMatchObject({ acceptedPackets: 3, lostPackets: 99, heldPackets: 0 });
  // All 99 leave with the first that is due, for nothing. Without that the line is silent for 18 s.
  expect(acceptedFrom(world, 101)).toEqual([200 * MS, 200 * MS + PACKET_NS]);
});

test('a guarantee and every ceiling up to the root get back what a lost packet took', () => {
  const leaves = [
    { name: 'sure', match: [{ dport: [{ from: 1, to: 1 }] }], rate: 4000, burst: 1500 },
    { name: 'default', burst: 1500 },
  ];
  const run = (loses: boolean): number[] => {
    const world = new World(shaper({ wan: { up: { ...SLOW, leaves } } }));
    const sure = { shape: udp(1, { dport: 1 }) };
    world.inject([up(0, 1500, sure)]);
    if (loses) world.inject([up(PACKET_NS, 1500, sure)]);
    const drain = world.port.drain.bind(world.port);
    world.port.drain = () => {
      const rows = drain();
      if (loses && world.port.nowNs === PACKET_NS) world.port.forgetHeld();
      return rows;
    };
    world.inject(repeat(6, 0, (t, n) => up(t, 1500, { shape: udp(1, { dport: n % 2 }) }), 2 * PACKET_NS));
    world.run(5 * SECOND);
    expect(world.totals).toMatchObject({ acceptedPackets: 7, lostPackets: loses ? 1 : 0 });
    return world.acceptedNs();
  };
  expect(run(true)).toEqual(run(false));
});

test('the bucket of a host gets back what a lost packet took', () => {
  const each = { by: 'host', rateBytesPerSec: 8000, burstBytes: 1500, exceed: 'delay' } as const;
  const world = new World(shaper({ wan: { up: { rate: 1e6, burst: 1e5, each } } }));
  world.inject(repeat(50, 0, (t) => up(t, 1500)));
  world.run(10 * MS);
  world.port.forgetHeld();
  world.inject(repeat(2, 0, (t) => up(t, 1500), 200 * MS));
  world.run(SECOND);
  expect(world.totals).toMatchObject({ acceptedPackets: 3, lostPackets: 49, heldPackets: 0 });
  expect(acceptedFrom(world, 51)).toEqual([200 * MS, 200 * MS + PACKET_NS]);
});

test('packets that the kernel is known to have discarded are let go before they are due, for nothing', () => {
  const each = { by: 'host', rateBytesPerSec: 8000, burstBytes: 1500, exceed: 'delay' } as const;
  const hosts = { name: 'hosts', match: [{ dport: [{ from: 1, to: 1 }] }], ceil: 8000, burst: 1500, each };
  const world = new World(shaper({ wan: { up: { ...SLOW, leaves: [hosts] } } }));
  world.inject(repeat(40, 0, (t, n) => up(t, 1500, { shape: udp(n, { dport: n % 2 }) })));
  world.run(10 * MS);
  expect(world.engine.waitingOf(0)).toBe(39);
  world.port.forgetHeld();
  expect(world.engine.letGo(world.port, { nfqueue: 0, most: 99, ifIndexes: null }, 10 * MS)).toBe(39);
  expect(world.engine.waitingOf(0)).toBe(0);
  world.inject([up(20 * MS, 1500)]);
  world.run(SECOND);
  expect(world.totals).toMatchObject({ acceptedPackets: 2, lostPackets: 39, heldPackets: 0 });
  expect(acceptedFrom(world, 41)).toEqual([PACKET_NS]);
});

test.each(['fair', 'short-first', 'fifo'] as const)('in a %s leaf the same, CoDel or not', (discipline) => {
  for (const kind of ['none', 'codel'] as const) {
    const aqm = kind === 'none' ? { kind } : { kind, codel: { targetNs: 5 * MS, intervalNs: 100 * MS } };
    const queue = { discipline, isolation: 'dual-src', shortBytes: 3000, aqm } as const;
    const world = new World(shaper({ wan: { up: { ...SLOW, leaves: [{ name: 'default', queue }] } } }));
    world.inject(repeat(40, 0, (t, n) => up(t, 1500, { shape: udp(n % 5) })));
    world.run(180 * MS);
    world.port.forgetHeld();
    world.engine.letGo(world.port, { nfqueue: 0, most: 39, ifIndexes: null }, 180 * MS);
    world.run(180 * MS);
    expect(world.engine.waitingOf(0)).toBe(0);
    world.inject(repeat(2, 0, (t, n) => up(t, 1500, { shape: udp(n) }), 200 * MS));
    world.run(SECOND);
    expect(world.totals).toMatchObject({ acceptedPackets: 3, droppedPackets: 0, lostPackets: 39 });
    expect(acceptedFrom(world, 41)).toEqual([200 * MS, 200 * MS + PACKET_NS]);
  }
});

test('only the oldest of an NFQUEUE are let go, or those of a device; the others wait on', () => {
  const world = new World(shaper({ lan: { up: SLOW }, wan: { up: SLOW } }, { count: 2 }));
  const waiting = (): number[] =>
    ['lan/up', 'wan/up'].map((path) => world.classOf(`${path}/default`).backlog);
  const letGo = (most: number, ...ifIndexes: number[]): number =>
    world.engine.letGo(
      world.port,
      { nfqueue: 0, most, ifIndexes: ifIndexes.length > 0 ? new Set(ifIndexes) : null },
      world.port.nowNs,
    );
  const by = (count: number, ifIndexOut: number, nfqueue = 0) =>
    repeat(count, 0, (t) => up(t, 1500, { ifIndexOut, nfqueue, shape: udp(ifIndexOut) }));
  world.inject([...by(11, 1), ...by(11, 2), ...by(3, 2, 1)]);
  world.run(0);
  expect(waiting()).toEqual([10, 13]);
  expect(letGo(4)).toBe(4);
  expect(waiting()).toEqual([6, 13]);
  expect(letGo(100, 77)).toBe(0);
  expect(letGo(2, 1)).toBe(2);
  expect(letGo(100, 2)).toBe(10);
  expect(waiting()).toEqual([4, 3]);
  expect(letGo(100, 99)).toBe(4);
  expect(waiting()).toEqual([0, 3]);
  world.run(SECOND);
  // The kernel had them all: they have passed, and nothing was charged for them.
  expect(world.totals).toMatchObject({ acceptedPackets: 25, lostPackets: 0, heldPackets: 0 });
});
