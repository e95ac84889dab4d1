/** Packets of which the kernel's message says no length: broken, but each needs its verdict. */
import { expect, test } from 'vitest';
import { type EachInput, MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

test.each(['fifo', 'fair', 'short-first'] as const)(
  'a %s leaf answers packets without a length',
  (discipline) => {
    const each: EachInput = { by: 'src', rateBytesPerSec: 10_000, burstBytes: 1500, exceed: 'delay' };
    const aqm = { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } } as const;
    const leaf = { name: 'default', each, queue: { discipline, aqm, shortBytes: 100 } };
    const world = new World(shaper({ wan: { up: { rate: 5000, burst: 1500, leaves: [leaf] } } }));
    const packet = (t: number, n: number) => up(t, n % 2 === 0 ? 1000 : 0, { shape: udp(n % 3) });
    world.inject(repeat(30, MS, packet));
    world.run(SECOND / 5);
    expect(world.totals.heldPackets).toBeGreaterThan(5);
    world.inject(repeat(10, MS, (t) => up(t, 0, { shape: udp(1) }), 2 * SECOND));
    world.run(20 * SECOND);
    expect(world.totals).toMatchObject({ receivedPackets: 40, heldPackets: 0 });
    world.inject(repeat(10, 0, (t) => up(t, 0, { shape: udp(1) }), 21 * SECOND));
    world.inject(repeat(10, 0, packet, 21 * SECOND));
    world.run(21 * SECOND);
    world.engine.releaseAll(world.port, 21 * SECOND);
    expect(world.totals).toMatchObject({ receivedPackets: 60, heldPackets: 0 });
  },
);
