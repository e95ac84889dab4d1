import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { NOBODY } from '../../../../src/core/hosts/host-layout.ts';
import { createHostRecord, HostReader } from '../../../../src/core/hosts/host-reader.ts';
import type { Hosts } from '../../../../src/core/hosts/hosts.ts';
import { count, hostsOf } from './tables.ts';

/** Up and down: bytes, packets and drops of the only host, or of the one in this row. */
function counted(hosts: Hosts, row?: number): number[] {
  hosts.begin(0);
  const reader = new HostReader(hosts.buffer);
  const record = createHostRecord();
  expect(reader.readHost(row ?? reader.nextHost(NOBODY), record)).toBe(true);
  const { upBytes, upPackets, upDropped, downBytes, downPackets, downDropped } = record;
  return [upBytes, upPackets, upDropped, downBytes, downPackets, downDropped];
}

const address = (hosts: Hosts, n: number): number => hosts.enter(hosts.addressOf(4, n, 0, 0, 0, false));

test('the source counts up and the destination down, and an end outside counts nowhere', () => {
  const hosts = hostsOf();
  const a = address(hosts, 1);
  count(hosts, hosts.pairOf(a, NOBODY), 100);
  count(hosts, hosts.pairOf(NOBODY, a), 30);
  count(hosts, hosts.pairOf(NOBODY, a), NONE);
  count(hosts, hosts.pairOf(NOBODY, NOBODY), 5000);
  count(hosts, hosts.pairOf(a, a), NONE);
  expect(counted(hosts)).toEqual([100, 1, 1, 30, 1, 2]);
});

test('what the kernel had lost is taken back', () => {
  const hosts = hostsOf();
  const a = address(hosts, 1);
  count(hosts, hosts.pairOf(a, a), 100);
  count(hosts, hosts.pairOf(a, NOBODY), NONE);
  hosts.counts.lost(0, 100, true);
  hosts.counts.lost(1, 100, false);
  expect(counted(hosts)).toEqual([0, 0, 0, 0, 0, 0]);
});

test('a lost packet whose host has gone takes nothing from who has its row now', () => {
  const hosts = hostsOf();
  const a = address(hosts, 1);
  count(hosts, hosts.pairOf(a, NOBODY), 100);
  // The host of the address is merged into that of a MAC.
  hosts.shows(a, 2, 3, 0);
  const b = address(hosts, 2);
  count(hosts, hosts.pairOf(b, NOBODY), 100);
  hosts.counts.lost(0, 100, true);
  hosts.begin(0);
  const reader = new HostReader(hosts.buffer);
  const rows = [reader.nextHost(NOBODY)];
  rows.push(reader.nextHost(rows[0]!));
  expect(rows.map((row) => counted(hosts, row)[0])).toEqual([100, 100]);
});
