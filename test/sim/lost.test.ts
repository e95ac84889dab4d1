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
