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
