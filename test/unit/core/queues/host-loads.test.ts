import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { HostLoads, SIDE_DST, SIDE_SRC } from '../../../../src/core/queues/host-loads.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { SERVER } from '../../../sim/world.ts';
import { LeafParts } from './leaf.ts';

const make = (rows = 8) => {
  const parts = new LeafParts({ discipline: 'fair' });
  return { parts, hosts: new HostLoads(rows, 1, 2, parts.flows) };
};

test('a host is one row per leaf, side and address', () => {
  const { parts, hosts } = make();
  const [a, b] = [parts.flow(1), parts.flow(2)];
  const other = parts.flow(1, ipv4(10, 0, 0, 2));
  const row = hosts.join(1, a, SIDE_SRC);
  expect(hosts.join(1, b, SIDE_SRC), 'another flow of the host').toBe(row);
  const both = parts.flow(1, SERVER);
  const others = [
    ...[hosts.join(1, other, SIDE_SRC), hosts.join(2, a, SIDE_SRC)],
    // Source and destination are the same address.
    ...[hosts.join(1, both, SIDE_SRC), hosts.join(1, both, SIDE_DST)],
  ];
  expect(new Set([row, ...others]).size).toBe(5);
});

test('busy queues are counted up and down', () => {
  const { parts, hosts } = make();
  const row = hosts.join(1, parts.flow(1), SIDE_SRC);
  hosts.addBulk(row, 1);
  hosts.addBulk(row, 1);
  hosts.addBulk(row, -1);
  expect(hosts.bulk(row)).toBe(1);
});

test('a host is forgotten with its last queue, and starts anew', () => {
  const { parts, hosts } = make(1);
  const flow = parts.flow(1);
  const other = parts.flow(1, ipv4(10, 0, 0, 2));
  const row = hosts.join(1, flow, SIDE_SRC);
  hosts.join(1, flow, SIDE_SRC);
  hosts.leave(row);
  expect(hosts.join(1, other, SIDE_SRC), 'no room while it has a queue').toBe(NONE);
  hosts.leave(row);
  hosts.leave(NONE);
  const again = hosts.join(1, other, SIDE_SRC);
  expect([again, hosts.bulk(again)]).toEqual([row, 0]);
});
