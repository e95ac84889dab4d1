import { expect, it } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { rateSince } from '../../../../src/control/views/history.ts';
import { DOWN, HostTable, UP } from '../../../../src/control/views/hosts.ts';
import { Largest } from '../../../../src/control/views/largest.ts';

const v4 = (last: number): Uint32Array => Uint32Array.of(0x0a000000 + last, 0, 0, 0);
const v6 = (last: number): Uint32Array => Uint32Array.of(0x0a000000, 0, 0, last);

it('an address has one row, whatever its family', () => {
  const hosts = new HostTable(1000);
  const rows = [hosts.find(4, v4(0)), hosts.find(6, v6(0)), hosts.find(6, v6(1)), hosts.find(4, v4(1))];
  expect(new Set(rows).size).toBe(4);
  expect(hosts.find(6, v6(1))).toBe(rows[2]);
  for (let n = 0; n < 300; n++) hosts.find(4, v4(n));
  expect(hosts.find(4, v4(0))).toBe(rows[0]);
  expect(hosts.size).toBe(302);
});

it('in a full table those without flows make room, unseen for longest first, and come back with nothing', () => {
  const hosts = new HostTable(8);
  for (let n = 0; n < 8; n++) {
    const row = hosts.find(4, v4(n));
    hosts.lastNs[row] = 100 - n;
    hosts.sides[UP].bytes[row] = 1000 + n;
    hosts.waits[row * 32] = 1;
    hosts.flows[row] = n === 7 ? 1 : 0;
  }
  hosts.sample(0);
  expect(hosts.find(4, v4(8))).toBe(NONE);
  hosts.makeRoom();
  expect([hosts.size, hosts.forgotten]).toEqual([6, 2]);
  const back = hosts.find(4, v4(6));
  expect([hosts.sides[UP].bytes[back], hosts.lastNs[back], hosts.waits[back * 32]]).toEqual([0, 0, 0]);
  expect(rateSince(hosts.sides[UP].history.rates(1e9).over1s, back, 7)).toBe(7);
  expect(hosts.sides[UP].bytes[hosts.find(4, v4(7))]).toBe(1007);
  expect(hosts.sides[DOWN].bytes[back]).toBe(0);
});

it('a table that is not full forgets nobody', () => {
  const hosts = new HostTable(8);
  hosts.find(4, v4(1));
  hosts.makeRoom();
  expect(hosts.size).toBe(1);
});

it('the largest of many, as a sort finds them', () => {
  for (const [count, limit] of [
    [1000, 7],
    [5, 10],
    [0, 3],
    [300, Number.POSITIVE_INFINITY],
  ] as const) {
    const largest = new Largest(limit);
    const all = Array.from({ length: count }, (_, n) => ({ key: (n * 7919) % 50, row: n, tag: n + 1 }));
    for (const { key, row, tag } of all) largest.add(key, row, tag);
    const sorted = all.toSorted((a, b) => b.key - a.key || a.row - b.row).slice(0, limit);
    expect(largest.take()).toEqual(sorted.map(({ row, tag }) => ({ row, tag })));
    expect(largest.count).toBe(count);
  }
});
