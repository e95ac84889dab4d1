import { expect, test } from 'vitest';
import { networkOf, plainAddress } from '../../../src/portal/plain-address.ts';

test('addresses of sockets are those of hosts', () => {
  const texts = ['::ffff:10.0.0.7', '10.0.0.7', 'fe80::1%eth0', 'FD00::7', '::ffff:0:1', undefined];
  expect(texts.map(plainAddress)).toEqual([
    ...['10.0.0.7', '10.0.0.7', 'fe80::1', 'fd00::7', '::ffff:0:1', ''],
  ]);
});

test('all that a device may make up within its /64 is one network', () => {
  const of = (address: string): string => networkOf(plainAddress(address));
  const same = ['fd00:1:2:3:4:5:6:7', 'fd00:1:2:3::1', 'fd00:1:2:3::', 'FD00:1:2:3::a:b%eth0'];
  expect(new Set(same.map(of))).toEqual(new Set(['fd00:1:2:3::/64']));
  expect(['fd00::1', 'fd00::1:2:3:4', 'fd00::1:2:3:4:5', '::1', '::', ''].map(of)).toEqual([
    ...['fd00:0:0:0::/64', 'fd00:0:0:0::/64', 'fd00:0:0:1::/64', '0:0:0:0::/64', '0:0:0:0::/64', ''],
  ]);
  expect(['10.0.0.7', '::ffff:10.0.0.7', '64:ff9b::10.0.0.7'].map(of)).toEqual([
    ...['10.0.0.7', '10.0.0.7', '64:ff9b:0:0::/64'],
  ]);
});
