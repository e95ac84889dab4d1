import { expect, it } from 'vitest';
import { warningsOf } from '../helpers.ts';

const link = (up: string, down: string, device = 'eth0'): string[] =>
  warningsOf(
    `links: { wan: { device: ${device}, up: { rate: 2mbit, classes: { c: { match: ${up} } } },` +
      ` down: { rate: 2mbit, classes: { c: { match: ${down} } } } } }`,
  ).map((line) => line.replace(/^\d+:\d+ /, ''));

it.each([
  [
    '{ src: 10.0.9.0/24 }',
    '{ src: 10.0.9.0/24 }',
    'src: the other direction has the same hosts on this side; in down they are dst',
  ],
  [
    '{ src: 192.0.2.0/24 }',
    '{ src: 192.0.2.7 }',
    'src: the other direction has the same hosts on this side; in down they are dst',
  ],
  ['{ dst: "2001:db8::/48" }', '{ dst: "2001:db8::/64" }', ''],
  [
    '{ dst: "2001:db8::/64" }',
    '{ dst: "2001:db8::/48" }',
    'dst: the other direction has the same hosts on this side; in up they are src',
  ],
  [
    '{ dscp: ef }',
    '{ src: 192.168.1.0/24 }',
    'src: this network is private; in down the hosts inside are dst',
  ],
  [
    '{ dscp: ef }',
    '{ src: "fd00:9::/64" }',
    'src: this network is private; in down the hosts inside are dst',
  ],
  ['{ src: 10.0.9.0/24 }', '{ dst: 10.0.9.0/24 }', ''],
  ['{ src: 0.0.0.0/0 }', '{ src: 192.0.2.0/24 }', ''],
  ['{ src: 10.0.0.0/8 }', '[{ src: 192.0.2.0/24 }, { dst: 10.1.0.0/16 }]', ''],
  ['[{ src: 10.0.9.0/24 }, { dst: 10.0.9.0/24 }]', '[{ src: 10.0.9.0/24 }, { dst: 10.0.9.0/24 }]', ''],
  ['{ dst: 10.0.9.0/24 }', '{ src: 10.0.9.0/24 }', ''],
  ['{ dscp: ef }', '{ src: 192.168.100.1 }', ''],
  ['{ dscp: ef }', '{ src: 203.0.113.0/24 }', ''],
])('up %s, down %s: %s', (up, down, warning) => {
  expect(link(up, down)).toEqual(warning === '' ? [] : [warning]);
});

it('behind a tunnel or on the inner side private sources are usual', () => {
  expect(link('{ dscp: ef }', '{ src: 10.0.9.0/24 }', 'wg0')).toEqual([]);
});

const DPORT = 'dport: c of up has the same ports on this side; in down those of hosts outside are sport';
const SPORT = 'sport: c of up has the same ports on this side; in down those of hosts inside are dport';

it.each([
  ['{ dport: [80, 443] }', '{ dport: [80, 443] }', DPORT],
  ['{ proto: tcp, sport: 22 }', '{ proto: tcp, sport: 22 }', SPORT],
  ['{ dport: [80, 443] }', '{ sport: [80, 443] }', ''],
  ['{ dport: 80 }', '{ dport: 443 }', ''],
  ['{ port: 80 }', '{ port: 80 }', ''],
  ['[{ dport: 22 }, { sport: 22 }]', '[{ dport: 22 }, { sport: 22 }]', ''],
  ['{ dport: 22 }', '[{ dport: 22 }, { sport: 22 }]', ''],
  ['{ outsidePort: 443 }', '{ outsidePort: 443 }', ''],
])('ports up %s, down %s: %s', (up, down, warning) => {
  expect(link(up, down)).toEqual(warning === '' ? [] : [warning]);
});

it('classes of different names may have the same ports on one side', () => {
  const text =
    'links: { wan: { device: eth0, up: { rate: 2mbit, classes: { web: { match: { dport: 80 } } } },' +
    ' down: { rate: 2mbit, classes: { server: { match: { dport: 80 } } } } } }';
  expect(warningsOf(text)).toEqual([]);
});

it('40,000 addresses in a matcher are read in bounded time', { timeout: 20_000 }, () => {
  const many = Array.from({ length: 40_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`).join();
  expect(link('{ dscp: ef }', `{ src: [${many}] }`)).toEqual([]);
});
