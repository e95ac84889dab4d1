import { expect, test } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { addressInside } from '../../../../src/sim/traffic/inside.ts';
import type { HostSpec, Traffic } from '../../../../src/sim/traffic/traffic.ts';

const HOSTS: readonly HostSpec[] = [
  { name: 'a', side: 'inside', address: ipv4(10, 0, 0, 11) },
  { name: 'b', side: 'inside', address: ipv4(10, 0, 0, 12) },
  { name: 'c', side: 'inside', address: [0xfd000000, 0, 0, 5] },
  { name: 'server', side: 'outside', address: ipv4(198, 51, 100, 7) },
];
const TRAFFIC: Traffic = { durationNs: 1, hosts: HOSTS, flows: [] };

function addresses(match: string, others = ''): unknown[] {
  const classes = `{ a: { match: ${match}${others} } }`;
  const text = `links: { wan: { device: x0, up: { rate: 1mbit, classes: ${classes} }, down: 1mbit } }`;
  return addressInside(TRAFFIC, loadConfig(text, 'x').spec).hosts.map(({ address }) => address);
}

const UNMOVED = HOSTS.map(({ address }) => address);

test('into the largest matched prefix of each family, one after the other', () => {
  expect(addresses('{ src: [192.168.1.0/24, 10.20.0.0/23, "2001:db8::/48"] }')).toEqual([
    ipv4(10, 20, 0, 10),
    ipv4(10, 20, 0, 11),
    [0x20010db8, 0, 0, 12],
    ipv4(198, 51, 100, 7),
  ]);
});

test.each([
  ['nothing is matched by address', '{ dport: 80 }'],
  ['the outside is matched', '{ dst: 203.0.113.0/24 }'],
  ['the hosts are matched already', '{ host: [10.0.0.0/16, "fd00::/16"] }'],
])('not where %s', (_, match) => {
  expect(addresses(match)).toEqual(UNMOVED);
});

test('not among guests, whose class may send less than that of the others', () => {
  const guests = '{ src: [192.168.1.0/24, "2001:db8::/48"] }';
  expect(addresses(guests, ', ceil: 500kbit')).toEqual(UNMOVED);
  expect(addresses(guests, ', ceil: 500kbit }, default: { ceil: 100kbit')).not.toEqual(UNMOVED);
});

test('a prefix of one address takes all', () => {
  expect(addresses('{ src: 192.0.2.9 }').slice(0, 2)).toEqual([ipv4(192, 0, 2, 9), ipv4(192, 0, 2, 9)]);
});
