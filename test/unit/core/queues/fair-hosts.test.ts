import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { SIDE_DST, SIDE_SRC } from '../../../../src/core/flows/flow-hosts.ts';
import { FairHosts } from '../../../../src/core/queues/fair-hosts.ts';
import { FairTurns } from '../../../../src/core/queues/fair-turns.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { SERVER, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';
import { LeafParts } from './leaf.ts';

const SECOND = 1e9;

function make(rows = 64) {
  const parts = new LeafParts({ discipline: 'fair' });
  const hosts = new FairHosts(rows, 1, 2, parts.flows);
  /** A flow from address `n` of a prefix. */
  const flow6 = (n: number, prefix = 1): number => {
    const address = { src0: 0x20010db8, src1: prefix, src2: 0, src3: n, dst0: 0x20010db8, dst1: 9, dst3: 1 };
    return parts.flows.findOrMake(parsedOf(udp(n), { family: 6, ...address }), 0, 0);
  };
  const join6 = (n: number, nowNs = 0, isInside = true, prefix = 1): number =>
    hosts.join(1, flow6(n, prefix), SIDE_SRC, isInside, nowNs);
  return { parts, hosts, flow6, join6 };
}

test('a host is one row per leaf, side and address', () => {
  const { parts, hosts } = make();
  const join = (id: number, f: number, side: number) => hosts.join(id, f, side, true, 0);
  const [a, b] = [parts.flow(1), parts.flow(2)];
  const other = parts.flow(1, ipv4(10, 0, 0, 2));
  const row = join(1, a, SIDE_SRC);
  expect(join(1, b, SIDE_SRC), 'another flow of the host').toBe(row);
  const both = parts.flow(1, SERVER);
  const others = [
    ...[join(1, other, SIDE_SRC), join(2, a, SIDE_SRC)],
    // Source and destination are the same address.
    ...[join(1, both, SIDE_SRC), join(1, both, SIDE_DST)],
    // Packets without a flow.
    join(1, NONE, SIDE_SRC),
  ];
  expect(new Set([row, ...others]).size).toBe(6);
});

test('busy queues are counted up and down', () => {
  const { parts, hosts } = make();
  const row = hosts.join(1, parts.flow(1), SIDE_SRC, true, 0);
  const other = hosts.join(1, parts.flow(1), SIDE_DST, false, 0);
  hosts.addBulk(row, other, 1);
  hosts.addBulk(row, other, 1);
  hosts.addBulk(row, other, -1);
  expect([hosts.bulk(row), hosts.bulk(other)]).toEqual([1, 1]);
});

test('a host that has turns is forgotten when they are over, and may be joined again until then', () => {
  const { parts, hosts } = make();
  const lists = Int32Array.of(NONE, 0, NONE, 0, NONE, 0, 0, 0);
  const turns = new FairTurns(lists, hosts.words, hosts.floats, hosts, true);
  const [one, other] = [1, 2].map((n) => hosts.join(1, parts.flow(1, ipv4(10, 0, 0, n)), SIDE_SRC, true, 0));
  for (const host of [one, other]) {
    hosts.addPacket(host, 1);
    turns.join(0, host, 300);
    hosts.addPacket(host, -1);
    hosts.leave(host);
  }
  expect([...hosts.all()]).toEqual([one, other]);
  expect(hosts.join(1, parts.flow(1, ipv4(10, 0, 0, 2)), SIDE_SRC, true, 0)).toBe(other);
  expect(turns.members(0)).toEqual([one, other]);
  while (turns.passTurn(0, 300));
  expect([...hosts.all()]).toEqual([other]);
  hosts.leave(other);
  expect([...hosts.all()]).toEqual([]);
});

test('a host is forgotten with its last queue', () => {
  const { parts, hosts } = make();
  const flow = parts.flow(1);
  const row = hosts.join(1, flow, SIDE_SRC, true, 0);
  hosts.join(1, flow, SIDE_SRC, true, 0);
  hosts.leave(row);
  expect([...hosts.all()]).toEqual([row]);
  hosts.leave(row);
  hosts.leave(NONE);
  expect([...hosts.all()]).toEqual([]);
});

test('without room, further hosts are one host together', () => {
  const { parts, hosts } = make(16);
  const rows = Array.from({ length: 18 }, (_, n) =>
    hosts.join(1, parts.flow(1, ipv4(10, 0, 1, n)), SIDE_SRC, true, 0),
  );
  expect(new Set(rows.slice(0, 15)).size, 'a row each').toBe(15);
  expect(new Set(rows.slice(15)).size, 'the rest').toBe(1);
  expect(rows.slice(0, 15)).not.toContain(rows[15]);
});

test('outside, all IPv6 addresses of a prefix of 64 bits are one host', () => {
  const { join6 } = make();
  const row = join6(1, 0, false);
  expect([join6(2, 0, false), join6(3, 0, false, 2) === row]).toEqual([row, false]);
});

test('inside, an address is a host until eight of its prefix have packets and one more comes', () => {
  const { hosts, join6, flow6 } = make();
  const rows = Array.from({ length: 8 }, (_, n) => join6(n));
  expect(new Set(rows).size).toBe(8);
  for (const row of rows) hosts.addPacket(row, 1);
  const prefix = join6(8);
  expect(rows).not.toContain(prefix);
  expect([join6(9), join6(10, 9 * SECOND)], 'also when none of them has packets').toEqual([prefix, prefix]);
  expect(join6(1, 0, true, 2), 'another prefix').not.toBe(prefix);
  // Those that came with the crowd join it as soon as they are idle.
  expect(hosts.rejoin(rows[0]!, 1, flow6(0), SIDE_SRC, SECOND), 'has packets').toBe(rows[0]);
  expect(hosts.addPacket(rows[0]!, -1)).toBe(true);
  expect(hosts.rejoin(rows[0]!, 1, flow6(0), SIDE_SRC, SECOND)).toBe(prefix);
  // Ten seconds after the last new address each is a host again.
  const after = hosts.rejoin(prefix, 1, flow6(9), SIDE_SRC, 19 * SECOND);
  expect(after).not.toBe(prefix);
  expect(join6(9, 19 * SECOND)).toBe(after);
});

test('an address that was there a second before the crowd stays a host', () => {
  const { hosts, join6, flow6 } = make();
  const early = join6(100);
  const rows = Array.from({ length: 8 }, (_, n) => join6(n, 2 * SECOND));
  for (const row of rows) hosts.addPacket(row, 1);
  const prefix = join6(8, 2 * SECOND);
  expect(hosts.rejoin(early, 1, flow6(100), SIDE_SRC, 3 * SECOND)).toBe(early);
  expect(join6(100, 3 * SECOND), 'another flow of it').toBe(early);
  expect(join6(0, 3 * SECOND), 'another flow of one that came with the crowd').toBe(prefix);
});
