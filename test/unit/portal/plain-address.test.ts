import { expect, test } from 'vitest';
import { plainAddress } from '../../../src/portal/plain-address.ts';

test('addresses of sockets are those of hosts', () => {
  const texts = ['::ffff:10.0.0.7', '10.0.0.7', 'fe80::1%eth0', 'FD00::7', '::ffff:0:1', undefined];
  expect(texts.map(plainAddress)).toEqual([
    ...['10.0.0.7', '10.0.0.7', 'fe80::1', 'fd00::7', '::ffff:0:1', ''],
  ]);
});
