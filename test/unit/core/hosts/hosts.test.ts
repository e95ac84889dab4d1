import { expect, test } from 'vitest';
import { hashKeys } from '../../../../src/base/hash.ts';
import { NOBODY } from '../../../../src/core/hosts/host-layout.ts';
import { HostReader } from '../../../../src/core/hosts/host-reader.ts';
import { Hosts } from '../../../../src/core/hosts/hosts.ts';
import { DEFAULT_HOSTS } from '../../../../src/spec/hosts.ts';
import { hostsOf, newsIn, ROOMS } from './tables.ts';

const SECOND = 1e9;
const see = (hosts: Hosts, n: number, mac = 0): number => {
  const a = hosts.addressOf(4, n, 0, 0, 0, false);
  if (mac !== 0) hosts.shows(a, 0x0250, mac, 0);
  const entered = hosts.enter(a);
  hosts.seen(hosts.pairOf(entered, NOBODY));
  return entered;
};

test('addresses that no device has for itself are of nobody', () => {
  const hosts = hostsOf();
  const words = [
    [4, 0, 0, 0, 0],
    [4, 0xe0000001, 0, 0, 0],
    [4, 0xffffffff, 0, 0, 0],
    [6, 0, 0, 0, 0],
    [6, 0, 0, 0, 1],
    [6, 0xfe800000, 0, 0, 1],
    [6, 0xff020000, 0, 0, 1],
    [0, 7, 0, 0, 0],
  ] as const;
  for (const [family, ...w] of words)
    expect(hosts.addressOf(family, w[0], w[1], w[2], w[3], false)).toBe(NOBODY);
  expect(hosts.lastFoundNoRoom).toBe(false);
  expect(hosts.addressOf(6, 0xfd000000, 0, 0, 1, false)).not.toBe(NOBODY);
});

test('made-up addresses make room for each other, and not hosts that are in use; news keep a bound', () => {
  const hosts = hostsOf({}, { ...ROOMS, news: 1024 });
  hosts.begin(0);
  for (const n of [1, 2, 3]) see(hosts, n, n);
  hosts.begin(2 * SECOND);
  for (const n of [1, 2, 3]) see(hosts, n, n);
  for (let n = 0; n < 5000; n++) {
    hosts.begin(2 * SECOND + n * 1000);
    see(hosts, 1000 + n);
  }
  hosts.begin(3 * SECOND);
  const known = [1, 2, 3].map((n) => hosts.identifiedHost(hosts.addresses.find(4, n, 0, 0, 0)));
  expect(known).not.toContain(NOBODY);
  const reader = new HostReader(hosts.buffer);
  expect(newsIn(reader).length).toBeLessThanOrEqual(3 + 256 + 2);
  expect(reader.addressesForgotten).toBeGreaterThan(4900);
  // By address a host goes with its address.
  expect([reader.hosts, reader.addresses]).toEqual([15, 15]);
});

test('without room an address is nobody’s for now, and that is counted', () => {
  const hosts = hostsOf();
  hosts.begin(0);
  for (let n = 1; n <= 15; n++) see(hosts, n);
  expect([see(hosts, 16), hosts.lastFoundNoRoom]).toEqual([NOBODY, true]);
  hosts.begin(1);
  expect(new HostReader(hosts.buffer).packetsWithoutRoom).toBe(1);
});

test('the generations of a pair tell that a row is that of another address', () => {
  const hosts = hostsOf();
  hosts.begin(0);
  const pair = hosts.pairOf(see(hosts, 1), see(hosts, 2));
  const before = hosts.generationsOf(pair);
  expect(hosts.generationsOf(0)).toBe(0);
  for (let n = 3; n <= 40; n++) {
    hosts.begin(n);
    see(hosts, n);
  }
  expect(hosts.generationsOf(pair)).not.toBe(before);
});

test('who does not look for hosts pays for none', () => {
  const hosts = new Hosts(DEFAULT_HOSTS, (table) => hashKeys(1, table), false);
  expect(hosts.addressOf(4, 1, 0, 0, 0, false)).toBe(NOBODY);
  expect(hosts.buffer.byteLength).toBeLessThan(1000);
  hosts.update({ known: [{ family: 4, words: [1], mac: { high: 1, low: 2 }, ifIndex: 0 }] }, () => true, 0);
  expect(hosts.addresses.size).toBe(0);
});
