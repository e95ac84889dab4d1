/** Hosts that have used up a quota, packet by packet: throttled, blocked, stopped with the page, released. */
import { describe, expect, test } from 'vitest';
import { NEWS_LIMIT } from '../../src/core/hosts/host-layout.ts';
import { NF_INET_LOCAL_OUT } from '../../src/packet/batch.ts';
import { IPPROTO_ICMP, IPPROTO_UDP, ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { limit, nameOf } from './host-limits.ts';
import {
  A,
  accepted,
  B,
  droppedIds,
  from,
  KB_A_SECOND,
  SERVER,
  seen,
  to,
  WIDE,
  wide,
} from './host-limits-world.ts';
import { newsOf } from './hosts-world.ts';
import { MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

describe('throttled', () => {
  test('packets wait for the bucket of their host and leave at the instant at which they conform', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject([...repeat(6, 0, (t) => from(A, t), SECOND), ...repeat(3, 0, (t) => from(B, t), SECOND)]);
    world.run(20 * SECOND);
    // A burst of 3028 bytes, then one a second.
    expect(accepted(world)).toEqual([
      [3, 1],
      [4, 1],
      [5, 1],
      [9, 1],
      [10, 1],
      [11, 1],
      [6, 1.972],
      [7, 2.972],
      [8, 3.972],
    ]);
    expect(world.totals).toMatchObject({ droppedPackets: 0, heldPackets: 0 });
  });

  test('each direction has its rate, and one without a rate passes', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, kind: 'throttle', down: 2000 });
    world.inject([...repeat(6, 0, (t) => to(A, t), SECOND), ...repeat(6, 0, (t) => from(A, t), SECOND)]);
    world.run(20 * SECOND);
    const instants = new Map(accepted(world));
    expect([3, 4, 5, 6, 7, 8].map((id) => instants.get(id))).toEqual([1, 1, 1, 1.486, 1.986, 2.486]);
    expect([9, 10, 11, 12, 13, 14].map((id) => instants.get(id))).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('a late loop loses no rate: packets are charged at the instants at which they conform', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject(repeat(8, 0, (t) => from(A, t), SECOND));
    world.run(30 * SECOND, 700 * MS);
    expect(accepted(world).slice(3)).toEqual([
      [6, 2.672],
      [7, 3.672],
      [8, 4.672],
      [9, 5.672],
      [10, 6.672],
    ]);
  });

  test('flows of the host take turns, and one that was idle goes first', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject([...repeat(6, 0, (t) => from(A, t), SECOND), from(A, 1.1 * SECOND, 2)]);
    world.run(20 * SECOND);
    expect(accepted(world).slice(3)).toEqual([
      [6, 1.972],
      [9, 2.972],
      [7, 3.972],
      [8, 4.972],
    ]);
  });

  test('the bucket holds 30 kB: who holds the most loses, and the leaf counts it', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject([...repeat(40, 0, (t) => from(A, t), SECOND), from(A, 1.1 * SECOND, 2)]);
    world.run(1.5 * SECOND);
    expect(world.engine.limits.backlog()).toEqual({ packets: 30, bytes: 30_000 });
    expect(world.classOf('wan/up/default')).toMatchObject({ backlog: 0, drops: [8, 0, 0] });
    world.run(4 * SECOND);
    // The newcomer has not paid.
    expect(accepted(world).map(([id]) => id)).toContain(43);
  });

  test('a superpacket that finds nothing waiting passes on a full bucket, which then owes it', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject([from(A, SECOND, 1, 60_000), from(A, SECOND, 1)]);
    world.run(100 * SECOND);
    expect(accepted(world)).toEqual([
      [3, 1],
      [4, 58.972],
    ]);
  });

  test('a packet between two throttled hosts waits for both, one after the other', () => {
    const spec = shaper({ lan: { down: WIDE }, wan: { up: WIDE } });
    const world = new World({ ...spec, hosts: { ...spec.hosts, lan: ['lan0', 'wan0'] } });
    const between = (count: number, timeNs: number): SimArrival[] =>
      repeat(
        count,
        0,
        (t) => up(t, 1000, { shape: udp(1, { src: A, dst: B }), ifIndexIn: 1, ifIndexOut: 2 }),
        timeNs,
      );
    world.inject(between(2, 0));
    world.run(0);
    const slower = { of: B, kind: 'throttle', down: 500 } as const;
    limit(world.engine, SECOND, { of: A, kind: 'throttle', up: 1000 }, slower);
    world.inject(between(5, SECOND));
    world.run(20 * SECOND);
    expect(accepted(world)).toEqual([
      [3, 1],
      [4, 1],
      [5, 1],
      // It leaves the bucket of A at 1.972; that of B has 486 more bytes then.
      [6, 2.944],
      [7, 4.944],
    ]);
  });

  test('ceilings come after it, and count from the instant at which the bucket let the packet go', () => {
    const world = new World(shaper({ wan: { up: { rate: 2000, burst: 1000 } } }));
    world.inject([from(A, 0, 0, 100)]);
    world.run(0);
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject(repeat(6, 0, (t) => from(A, t), SECOND));
    world.run(20 * SECOND);
    expect(accepted(world, 2).map(([, seconds]) => seconds)).toEqual([1, 1.5, 2, 2.5, 3, 3.972]);
  });

  test('packets to an exempt port of this machine pass', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, kind: 'block' });
    const shape = udp(1, { protocol: 6, sport: 22, src: A });
    world.inject([up(SECOND, 100, { shape, hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 })]);
    world.run(2 * SECOND);
    expect(accepted(world)).toEqual([[3, 1]]);
  });

  test('what this machine itself sends passes: the resets of rules have the address of the stopped host', () => {
    for (const kind of ['block', 'page'] as const) {
      const world = seen();
      limit(world.engine, SECOND, { of: A, kind });
      const shape = udp(1, { protocol: 6, sport: 80, src: A });
      world.inject([
        up(SECOND, 40, { shape, hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 }),
        up(SECOND, 40, { shape: udp(2, { protocol: 6, sport: 80, src: A }) }),
      ]);
      world.run(2 * SECOND);
      expect(accepted(world)).toEqual([[3, 1]]);
      expect(droppedIds(world)).toEqual([4]);
    }
  });
});

describe('changes while packets wait', () => {
  test('another rate holds at once, and moves no tokens', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject(repeat(6, 0, (t) => from(A, t), SECOND));
    world.run(1.472 * SECOND);
    // 500 of the 1000 bytes of number 6 are there.
    limit(world.engine, 1.472 * SECOND, { of: A, kind: 'throttle', up: 5000 });
    world.run(20 * SECOND);
    expect(accepted(world).slice(3)).toEqual([
      [6, 1.572],
      [7, 1.772],
      [8, 1.972],
    ]);
  });

  test('released, they leave at once in the order of their flows, before what comes then', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject(repeat(10, 0, (t, n) => from(A, t, n % 3), SECOND));
    world.run(1.5 * SECOND);
    world.inject(repeat(3, 0, (t, n) => from(A, t, n), 1.5 * SECOND));
    limit(world.engine, 1.5 * SECOND, { of: A });
    world.run(2 * SECOND);
    const ids = accepted(world).map(([id]) => id);
    expect(
      accepted(world)
        .slice(3)
        .every(([, seconds]) => seconds === 1.5),
    ).toBe(true);
    expect([...ids].sort((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, n) => n + 3));
    for (let flow = 0; flow < 3; flow++) {
      const own = ids.filter((id) => ((id - 3) % 10) % 3 === flow);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
    expect(ids.slice(-3)).toEqual([13, 14, 15]);
  });

  test('blocked, they are dropped', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject(repeat(6, 0, (t) => from(A, t), SECOND));
    world.run(SECOND);
    limit(world.engine, SECOND, { of: A, kind: 'block' });
    world.run(SECOND);
    expect(droppedIds(world)).toEqual([6, 7, 8]);
    expect(world.classOf('wan/up/default').drops).toEqual([0, 0, 3]);
  });

  test('released and throttled again, the host has no second burst', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject(repeat(3, 0, (t) => from(A, t), SECOND));
    world.run(SECOND);
    limit(world.engine, SECOND, { of: A });
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND });
    world.inject([from(A, SECOND)]);
    world.run(5 * SECOND);
    expect(accepted(world).at(-1)).toEqual([6, 1.972]);
  });

  test('an update for a host that has gone is skipped', () => {
    const world = seen();
    const { engine } = world;
    limit(engine, 0, { of: A, kind: 'block' });
    expect(engine.limits.isUsed).toBe(true);
    const other = wide();
    other.engine.updateHosts({ limits: { ...gone(), allow: [] } }, 0);
    expect(other.engine.limits.isUsed).toBe(false);
  });
});

function gone() {
  const one = new Float64Array(1);
  return {
    host: Int32Array.of(32),
    generation: Int32Array.of(99),
    kind: Uint8Array.of(2),
    upBytesPerSec: one,
    downBytesPerSec: one,
    upBytesMax: one,
    downBytesMax: one,
    totalBytesMax: one,
    thenKind: Uint8Array.of(2),
    thenUpBytesPerSec: one,
    thenDownBytesPerSec: one,
    allowList: Uint8Array.of(0),
  };
}

describe('stopped', () => {
  test('blocked: nothing passes in either direction, and another host is untouched', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, kind: 'block' });
    world.inject([from(A, SECOND), to(A, SECOND), from(B, SECOND), to(B, SECOND)]);
    world.run(2 * SECOND);
    expect(droppedIds(world)).toEqual([3, 4]);
    expect(accepted(world).map(([id]) => id)).toEqual([5, 6]);
    expect(world.classOf('wan/up/default').drops).toEqual([0, 0, 1]);
    expect(world.classOf('wan/down/default').drops).toEqual([0, 0, 1]);
  });

  test('with the page names, DHCP and what is allowed pass, both ways', () => {
    const world = seen();
    const portal = { family: 4, words: [ipv4(198, 51, 100, 0), 0, 0, 0], bits: 24 } as const;
    limit(world.engine, SECOND, { of: A, kind: 'page', allow: [portal] });
    const dns = { src: A, dst: SERVER, protocol: IPPROTO_UDP, sport: 4000, dport: 53 };
    const at = (shape: PacketShape): SimArrival => up(SECOND, 1000, { shape });
    world.inject([
      at(dns),
      at({ ...dns, protocol: 6 }),
      to(A, SECOND, { sport: 53 }),
      at({ ...dns, sport: 68, dport: 67 }),
      at({ ...dns, dst: ipv4(198, 51, 100, 77), dport: 443 }),
      to(A, SECOND, { src: ipv4(198, 51, 100, 77) }),
      // Not these.
      at({ ...dns, dport: 443 }),
      at({ ...dns, dst: ipv4(198, 51, 101, 77), dport: 443 }),
      at({ ...dns, sport: 53, dport: 443 }),
      to(A, SECOND, { dport: 53 }),
      at({ src: A, dst: SERVER, protocol: IPPROTO_ICMP, icmpType: 8 }),
    ]);
    world.run(2 * SECOND);
    expect(accepted(world).map(([id]) => id)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(droppedIds(world)).toEqual([9, 10, 11, 12, 13]);
  });
});

describe('a count and its maximum', () => {
  const packets = (world: World, ...ids: number[]): void =>
    expect(accepted(world).map(([id]) => id)).toEqual(ids);

  test('the packet that crosses it passes, and the next is limited, in the same batch', () => {
    const world = seen();
    // 100 bytes have passed.
    limit(world.engine, SECOND, { of: A, upMax: 3099, beyond: { kind: 'block' } });
    world.inject([...repeat(6, 0, (t) => from(A, t), SECOND), ...repeat(6, 0, (t) => from(B, t), SECOND)]);
    world.run(SECOND);
    packets(world, 3, 4, 5, 9, 10, 11, 12, 13, 14);
    expect(world.classOf('wan/up/default').drops).toEqual([0, 0, 3]);
    const news = newsOf(world).filter(({ kind }) => kind === NEWS_LIMIT);
    expect(news).toHaveLength(1);
    expect(news[0]).toMatchObject({ atNs: SECOND, family: 0, host: nameOf(world.engine, A)[0] });
  });

  test('a count that is just reached is not exceeded', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, upMax: 3100, beyond: { kind: 'block' } });
    world.inject(repeat(6, 0, (t) => from(A, t), SECOND));
    world.run(SECOND);
    packets(world, 3, 4, 5, 6);
  });

  test('of the other direction, and of both together', () => {
    for (const max of [{ downMax: 1000 }, { totalMax: 2099 }]) {
      const world = seen();
      limit(world.engine, SECOND, { of: A, ...max, beyond: { kind: 'block' } });
      world.inject([to(A, SECOND), to(A, SECOND), from(A, SECOND), to(A, SECOND)]);
      world.run(SECOND);
      packets(world, 3, 4);
    }
  });

  test('what follows may be a rate, which holds until the next update', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, upMax: 1099, beyond: KB_A_SECOND });
    world.inject(repeat(6, 0, (t) => from(A, t), SECOND));
    world.run(1.5 * SECOND);
    // One passes; the bucket holds three.
    packets(world, 3, 4, 5, 6);
    limit(world.engine, 1.5 * SECOND, { of: A });
    world.run(1.5 * SECOND);
    packets(world, 3, 4, 5, 6, 7, 8);
  });

  test('it is compared when a waiting packet is due, too', () => {
    const world = seen();
    limit(world.engine, SECOND, { of: A, ...KB_A_SECOND, upMax: 5099, beyond: { kind: 'block' } });
    world.inject(repeat(8, 0, (t) => from(A, t), SECOND));
    world.run(20 * SECOND);
    packets(world, 3, 4, 5, 6, 7);
    expect(droppedIds(world)).toEqual([8, 9, 10]);
    expect(accepted(world).at(-1)).toEqual([7, 2.972]);
  });

  test('what waits in classes meanwhile is dropped when its turn comes, if the host is stopped', () => {
    const leaves = [{ name: 'default', limitBytes: 4000 }];
    const world = new World(shaper({ wan: { up: { rate: 1000, burst: 1000, leaves } } }));
    world.inject([from(A, 0, 0, 100)]);
    world.run(0);
    limit(world.engine, SECOND, { of: A, upMax: 1100, beyond: { kind: 'block' } });
    world.inject([...repeat(9, 0, (t) => from(A, t), SECOND), from(A, 2.5 * SECOND)]);
    world.run(20 * SECOND);
    // One passes and four wait. The next one crosses the maximum; three wait then, and one more comes.
    expect(world.totals).toMatchObject({ acceptedPackets: 3, droppedPackets: 8, heldPackets: 0 });
    expect(world.classOf('wan/up/default')).toMatchObject({ drops: [4, 0, 4], backlog: 0 });
  });

  test('what waits in classes meanwhile leaves, if the host is throttled', () => {
    const leaves = [{ name: 'default', limitBytes: 4000 }];
    const world = new World(shaper({ wan: { up: { rate: 1000, burst: 1000, leaves } } }));
    world.inject([from(A, 0, 0, 100)]);
    world.run(0);
    limit(world.engine, SECOND, { of: A, upMax: 1100, beyond: KB_A_SECOND });
    world.inject(repeat(5, 0, (t) => from(A, t), SECOND));
    world.run(20 * SECOND);
    expect(world.totals).toMatchObject({ acceptedPackets: 6, droppedPackets: 0, heldPackets: 0 });
  });
});
