/** Hosts that are throttled while the program stops, the kernel loses packets, or classes change. */
import { describe, expect, test } from 'vitest';
import { limit } from './host-limits.ts';
import { A, accepted, from, KB_A_SECOND, seen, WIDE } from './host-limits-world.ts';
import { repeat, SECOND, shaper, type World } from './world.ts';

describe('stop, loss and changes of classes', () => {
  const waiting = (flows = 1): World => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject(repeat(8, 0, (t, n) => from(A, t, n % flows), SECOND));
    world.run(SECOND);
    return world;
  };

  test('the orderly stop accepts all that waits, in order, and what still comes', () => {
    const world = waiting();
    world.inject([from(A, SECOND)]);
    world.engine.releaseAll(world.port, SECOND);
    expect(accepted(world).map(([id]) => id)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(world.totals).toMatchObject({ heldPackets: 0, droppedPackets: 0 });
  });

  test('packets that the kernel is known to have discarded leave at once, for nothing', () => {
    const world = waiting();
    world.port.forgetHeld();
    expect(world.engine.letGo(world.port, { nfqueue: 0, most: 99, ifIndexes: null }, SECOND)).toBe(5);
    expect(world.engine.limits.backlog().packets).toBe(0);
    world.inject([from(A, 1.1 * SECOND)]);
    world.run(5 * SECOND);
    expect(world.totals).toMatchObject({ acceptedPackets: 6, lostPackets: 5, heldPackets: 0 });
    // The burst of 3028 is spent to 28 bytes; 1000 are there 0.972 s later.
    expect(accepted(world).at(-1)).toEqual([11, 1.972]);
    expect(world.classOf('wan/up/default')).toMatchObject({ sent: 6, backlog: 0 });
  });

  test('of some, the others wait on', () => {
    const world = waiting(2);
    expect(world.engine.letGo(world.port, { nfqueue: 0, most: 2, ifIndexes: null }, SECOND)).toBe(2);
    world.run(10 * SECOND);
    expect(accepted(world).map(([id, seconds]) => [id, seconds])).toEqual([
      [3, 1],
      [4, 1],
      [5, 1],
      [6, 1],
      [7, 1],
      [8, 1.972],
      [9, 2.972],
      [10, 3.972],
    ]);
  });

  test('what a lost packet took comes back', () => {
    const world = waiting();
    world.run(1.9 * SECOND);
    world.port.forgetHeld();
    // Number 6 leaves at 1.972, is refused, and gives its bytes back: the next one goes at once, and is
    // refused too, and so on.
    world.run(3 * SECOND);
    expect(world.totals).toMatchObject({ lostPackets: 5, heldPackets: 0 });
    world.inject(repeat(2, 0, (t) => from(A, t), 2 * SECOND));
    const at = world.port.nowNs;
    world.inject(repeat(2, 0, (t) => from(A, t), at));
    world.run(10 * SECOND);
    expect(world.totals).toMatchObject({ acceptedPackets: 9, lostPackets: 5 });
  });

  test('classes change under waiting packets: they come to the classes of then', () => {
    const world = waiting();
    const leaves = [{ name: 'web', match: [{ dport: [{ from: 5000, to: 5000 }] }] }, { name: 'default' }];
    const spec = shaper({ wan: { up: { ...WIDE, leaves }, down: WIDE } });
    world.engine.reconfigure(world.port, { spec, renamed: new Map() }, SECOND);
    world.run(20 * SECOND);
    expect(world.classOf('wan/up/web')).toMatchObject({ sent: 5, backlog: 0 });
    expect(
      accepted(world)
        .slice(3)
        .map(([, seconds]) => seconds),
    ).toEqual([1.972, 2.972, 3.972, 4.972, 5.972]);
  });

  test('a tree that goes leaves them without a class: they wait on, and pass', () => {
    const world = waiting();
    world.engine.reconfigure(
      world.port,
      { spec: shaper({ wan: { down: WIDE } }), renamed: new Map() },
      SECOND,
    );
    expect(world.engine.limits.backlog().packets).toBe(5);
    world.run(20 * SECOND);
    expect(accepted(world).at(-1)).toEqual([10, 5.972]);
    expect(world.totals).toMatchObject({ acceptedPackets: 10, heldPackets: 0 });
  });
});
