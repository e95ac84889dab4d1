import { expect, it } from 'vitest';
import { HostEntry } from '../../../../src/control/hosts/entry.ts';
import { rateSince } from '../../../../src/control/views/history.ts';
import { HostTable } from '../../../../src/control/views/hosts.ts';
import { Largest } from '../../../../src/control/views/largest.ts';
import { UP } from '../../../../src/core/hosts/host-layout.ts';

const entries = (count: number): Map<string, HostEntry> =>
  new Map(Array.from({ length: count }, (_, n) => [`10.0.0.${n}`, new HostEntry(`10.0.0.${n}`)]));

const take = ({ up }: HostEntry, bytes: number, packets: number): number => {
  up.see({ bytes, packets, dropped: 0 });
  return up.takeSeen();
};

it('a host has one row', () => {
  const hosts = new HostTable();
  const all = [...entries(300).values()];
  const rows = all.map((entry) => hosts.find(entry));
  expect(new Set(rows).size).toBe(300);
  expect(all.map((entry) => hosts.find(entry))).toEqual(rows);
  expect(hosts.size).toBe(300);
});

it('a host that is forgotten gives its row to another, which begins with nothing', () => {
  const hosts = new HostTable();
  const all = entries(3);
  const [first] = all.values();
  const row = hosts.find(first!);
  take(first!, 5000, 5);
  hosts.flows[row] = 1;
  hosts.waits[row * 32] = 1;
  hosts.sample(all, 0);
  all.delete(first!.id);
  hosts.sample(all, 1e9);
  expect(hosts.size).toBe(2);
  const other = new HostEntry('10.0.0.9');
  expect(hosts.find(other)).toBe(row);
  expect([hosts.flows[row], hosts.waits[row * 32]]).toEqual([0, 0]);
  expect(rateSince(hosts.histories[UP].rates(2e9).over1s, row, 7)).toBe(7);
});

it('what a host had in earlier runs, and what it takes over from another, is no rate of now', () => {
  const hosts = new HostTable();
  const all = entries(2);
  const [one, two] = [...all.values()];
  one!.up.restore(1e12);
  take(one!, 1000, 1);
  hosts.sample(all, 0);
  const row = hosts.find(one!);
  take(two!, 1e9, 1000);
  one!.up.tookOver(two!.up);
  expect(one!.up.bytes).toBe(1e12 + 1e9 + 1000);
  expect(rateSince(hosts.histories[UP].rates(1e9).over1s, row, one!.up.runBytes)).toBe(0);
  // The memory has the counts of both from now on.
  expect(take(one!, 1e9 + 1500, 1003)).toBe(500);
  expect(rateSince(hosts.histories[UP].rates(1e9).over1s, row, one!.up.runBytes)).toBe(500);
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
