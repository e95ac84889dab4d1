/** All queues of fair leaves are taken: here there are two. */
import { expect, test, vi } from 'vitest';
import { NF_INET_LOCAL_OUT } from '../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import { MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

vi.mock('../../src/limits.ts', async (original) => ({ ...(await original<object>()), FAIR_QUEUES_MAX: 2 }));

test('a flow that finds no queue loses its packets, but SSH to or from this host gets through', () => {
  const leaves = [{ name: 'default', queue: { discipline: 'fair' } as const }];
  const world = new World(shaper({ wan: { up: { rate: 1000, burst: 1500, leaves } } }));
  world.inject(repeat(5, 0, (t, n) => up(t, 1500, { shape: udp(n) })));
  const ssh = { ...udp(9), protocol: IPPROTO_TCP, sport: 22 };
  world.inject(repeat(2, MS, (t) => up(t, 100, { shape: ssh, hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 }), MS));
  world.run(10 * SECOND);
  expect(world.accepted().map((v) => v.id)).toEqual([1, 6, 7, 2, 3]);
  expect(world.totals).toMatchObject({ fairFull: 2, droppedPackets: 2, heldPackets: 0 });
  expect(world.classOf('wan/up/default').drops).toEqual([2, 0, 0]);
});
