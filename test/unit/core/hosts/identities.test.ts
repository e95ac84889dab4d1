import { describe, expect, test } from 'vitest';
import {
  NEWS_LEARNED,
  NEWS_MANY,
  NEWS_MERGED,
  NEWS_MOVED,
  NEWS_NEW_HOST,
  NEWS_PORT,
  NOBODY,
} from '../../../../src/core/hosts/host-layout.ts';
import { createHostRecord, HostReader } from '../../../../src/core/hosts/host-reader.ts';
import type { Hosts } from '../../../../src/core/hosts/hosts.ts';
import { count, hostsOf, newsIn } from './tables.ts';

const SECOND = 1e9;
const HIGH = 0x0250;

/** A packet of the address at an instant, which shows a MAC and a port; 0 for none. */
function packet(hosts: Hosts, atNs: number, address: number, mac: number, port = 0): number {
  hosts.begin(atNs);
  const a = hosts.addressOf(4, address, 0, 0, 0, false);
  hosts.shows(a, mac === 0 ? 0 : HIGH, mac, port);
  hosts.enter(a);
  hosts.seen(hosts.pairOf(a, NOBODY));
  return a;
}

const kinds = (hosts: Hosts): number[] => newsIn(new HostReader(hosts.buffer)).map(({ kind }) => kind);

describe('news', () => {
  test('of a new host, of another address of it, and of one that had been counted by itself', () => {
    const hosts = hostsOf();
    packet(hosts, 0, 1, 10);
    packet(hosts, 0, 2, 10);
    packet(hosts, 0, 3, 0);
    packet(hosts, 0, 3, 10);
    expect(kinds(hosts)).toEqual([NEWS_NEW_HOST, NEWS_LEARNED, NEWS_NEW_HOST, NEWS_MERGED]);
    const [, , alone, merged] = newsIn(new HostReader(hosts.buffer));
    expect(merged).toMatchObject({ other: alone!.host, otherGeneration: alone!.hostGeneration, macLow: 10 });
    expect(hosts.table.size).toBe(1);
  });

  test('of an address that moves once a second at most, and then says how often it has', () => {
    const hosts = hostsOf();
    for (let n = 0; n <= 30; n++) packet(hosts, n * 0.1 * SECOND, 1, 1 + (n % 2));
    const moved = newsIn(new HostReader(hosts.buffer)).filter(({ kind }) => kind === NEWS_MOVED);
    expect(moved[0]).toMatchObject({ flips: 1, oldMacHigh: HIGH, oldMacLow: 1, macLow: 2 });
    expect(moved.length).toBe(3);
    for (const [n, { atNs }] of moved.entries())
      if (n > 0) expect(atNs - moved[n - 1]!.atNs).toBeGreaterThanOrEqual(SECOND);
  });

  test('of a MAC behind another port, as seldom', () => {
    const hosts = hostsOf();
    for (let n = 0; n < 10; n++) packet(hosts, n * 0.01 * SECOND, 1, 7, 1 + (n % 2));
    const ports = newsIn(new HostReader(hosts.buffer)).filter(({ kind }) => kind === NEWS_PORT);
    expect(ports).toEqual([expect.objectContaining({ oldIfIndex: 1, ifIndex: 2, flips: 1 })]);
    expect(kinds(hosts)).not.toContain(NEWS_MOVED);
  });
});

describe('a MAC with many IPv4 addresses', () => {
  const rooms = { hosts: 64, addresses: 64, news: 64 };

  test('stays one host, so that it cannot leave what it has used; it is told once', () => {
    const hosts = hostsOf({}, rooms);
    const first = packet(hosts, 0, 1, 7);
    count(hosts, hosts.pairOf(first, NOBODY), 500);
    for (let n = 2; n <= 40; n++) packet(hosts, n, n, 7);
    expect(hosts.table.size).toBe(1);
    const host = hosts.identifiedHost(first);
    expect(host).not.toBe(NOBODY);
    for (let n = 2; n <= 40; n++) {
      const a = hosts.addresses.find(4, n, 0, 0, 0);
      expect(hosts.identifiedHost(a)).toBe(host);
    }
    const told = newsIn(new HostReader(hosts.buffer)).filter(({ kind }) => kind === NEWS_MANY);
    expect(told).toEqual([expect.objectContaining({ macHigh: HIGH, macLow: 7, host })]);
  });

  test('behind an inner router that was told counts by addresses', () => {
    const hosts = hostsOf({}, rooms);
    hosts.update({ onLink: [{ family: 4, words: [1, 0, 0, 0], bits: 32 }] }, () => true, 0);
    for (let n = 1; n <= 20; n++) packet(hosts, n, n, 7);
    expect(hosts.identifiedHost(hosts.addresses.find(4, 1, 0, 0, 0))).not.toBe(NOBODY);
    expect(hosts.identifiedHost(hosts.addresses.find(4, 2, 0, 0, 0))).toBe(NOBODY);
    expect(kinds(hosts)).not.toContain(NEWS_MANY);
  });

  test('is not told if it had them one after the other: the old ones are forgotten', () => {
    const hosts = hostsOf({}, rooms);
    for (let n = 1; n <= 40; n++) packet(hosts, n * 60 * SECOND, n, 7);
    expect(kinds(hosts)).not.toContain(NEWS_MANY);
    expect(hosts.table.size).toBe(1);
    expect(hosts.addresses.find(4, 1, 0, 0, 0)).toBe(NOBODY);
    expect(hosts.identifiedHost(hosts.addresses.find(4, 40, 0, 0, 0))).not.toBe(NOBODY);
  });
});

test('this machine stays by address, and is shown as itself', () => {
  const hosts = hostsOf();
  const a = packet(hosts, 0, 1, 10);
  hosts.update({ own: [{ family: 4, words: [1, 0, 0, 0], bits: 32 }] }, () => true, 1);
  expect(hosts.identifiedHost(a)).toBe(NOBODY);
  hosts.begin(2);
  const reader = new HostReader(hosts.buffer);
  const record = createHostRecord();
  const owned: boolean[] = [];
  for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row))
    if (reader.readHost(row, record)) owned.push(record.isOwn);
  expect(owned).toEqual([false, true]);
});

test('what waits to be counted is counted before an address leaves its host', () => {
  const hosts = hostsOf();
  const a = packet(hosts, 0, 1, 10);
  const pending = [500];
  hosts.settleWith(() => {
    for (const bytes of pending.splice(0)) count(hosts, hosts.pairOf(a, NOBODY), bytes);
  });
  packet(hosts, 1, 1, 11);
  const reader = new HostReader(hosts.buffer);
  const record = createHostRecord();
  hosts.begin(2);
  expect(reader.readHost(reader.nextHost(NOBODY), record)).toBe(true);
  expect([record.key1, record.upBytes]).toEqual([10, 500]);
});
