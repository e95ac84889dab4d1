/** The stage as the engine sees it: whose limits hold, and when it costs anything. */
import { describe, expect, test } from 'vitest';
import type { HostLimits } from '../../../../src/core/hosts/update.ts';
import { NF_DROP, NF_INET_LOCAL_OUT } from '../../../../src/packet/batch.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { columns, type Limit, limit, nameOf } from '../../../sim/host-limits.ts';
import { repeat, SECOND, shaper, udp, up, World } from '../../../sim/world.ts';

const A = ipv4(10, 0, 0, 1);
const B = ipv4(10, 0, 0, 2);
const BLOCK: Limit = { of: A, kind: 'block' };

function seen(...hosts: number[]): World {
  const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6 } } }));
  world.inject(hosts.map((src) => up(0, 100, { shape: udp(1, { src }) })));
  world.run(0);
  return world;
}

/** Whether a packet of the host passes now. */
function passes(world: World, src: number): boolean {
  const before = world.accepted().length;
  world.inject([up(world.port.nowNs, 100, { shape: udp(1, { src }) })]);
  world.run(world.port.nowNs);
  return world.accepted().length > before;
}

/** The limit of host A, of this row and generation. */
function update(world: World, change: (name: readonly [number, number]) => readonly [number, number]): void {
  const limits: HostLimits = columns([BLOCK], (of) => change(nameOf(world.engine, of)));
  world.engine.updateHosts({ limits }, world.port.nowNs);
}

describe('an update', () => {
  test.each<[string, (name: readonly [number, number]) => readonly [number, number]]>([
    ['of a host that has gone', ([row, generation]) => [row, generation + 1]],
    ['of nobody', () => [0, 0]],
    ['of a row beyond the table', ([, generation]) => [2 ** 30, generation]],
    ['of no row', ([, generation]) => [-32, generation]],
  ])('%s is skipped', (_, change) => {
    const world = seen(A);
    update(world, change);
    expect(world.engine.limits.isUsed).toBe(false);
    expect(passes(world, A)).toBe(true);
  });

  test('of many hosts holds for each by itself, until it is taken back', () => {
    const world = seen(A, B);
    limit(world.engine, 0, BLOCK, { of: B, kind: 'throttle', up: 1e6 });
    expect([passes(world, A), passes(world, B)]).toEqual([false, true]);
    limit(world.engine, 0, { of: A }, { of: B, kind: 'block' });
    expect([passes(world, A), passes(world, B)]).toEqual([true, false]);
    limit(world.engine, 0, { of: B });
    expect(world.engine.limits.isUsed).toBe(false);
    expect(passes(world, B)).toBe(true);
  });

  test('before the first batch there is no port to send to', () => {
    const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6 } } }));
    const nobody = columns([BLOCK], () => [32, 1]);
    expect(() => world.engine.updateHosts({ limits: nobody }, 0)).not.toThrow();
  });
});

test('this machine is never stopped', () => {
  const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6 } } }));
  const own = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, shape: udp(1, { src: A }) };
  world.inject([up(0, 100, own)]);
  world.run(0);
  limit(world.engine, 0, BLOCK);
  world.inject([up(0, 100, own)]);
  world.run(0);
  expect(world.accepted()).toHaveLength(2);
});

test('quotas take their memory at the start, others when a host is limited', () => {
  const { engine } = seen(A);
  expect(engine.limits.nextDueNs()).toBe(Number.POSITIVE_INFINITY);
  expect(engine.limits.takeAll()).toEqual([]);
  expect(engine.limits.backlog()).toEqual({ packets: 0, bytes: 0 });
});

test('the next batch is due when a packet of a bucket is', () => {
  const world = seen(A);
  limit(world.engine, 0, { of: A, kind: 'throttle', up: 1000 });
  world.inject(repeat(5, 0, (t) => up(t, 1000, { shape: udp(1, { src: A }) })));
  world.run(0);
  expect(world.engine.limits.nextDueNs()).toBeCloseTo(0.972 * SECOND, 0);
  expect(world.engine.nextDueNs()).toBe(world.engine.limits.nextDueNs());
  expect(world.port.armedNs).toBe(world.engine.nextDueNs());
  limit(world.engine, 0, BLOCK);
  expect(world.port.trace.filter(({ verdict }) => verdict === NF_DROP)).toHaveLength(2);
  expect(world.engine.nextDueNs()).toBe(Number.POSITIVE_INFINITY);
});
