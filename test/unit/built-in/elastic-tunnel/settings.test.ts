import { expect, test } from 'vitest';
import {
  interestOf,
  plainAddress,
  readTunnelOptions,
  type TunnelOptions,
} from '../../../../src/built-in/elastic-tunnel/settings.ts';
import elasticTunnel from '../../../../src/built-in/elastic-tunnel.ts';

const OPTIONS: TunnelOptions = {
  ...{ peer: '192.0.2.1', listen: ':24755', match: [], target: 1e6 },
  ...{ connectionsMax: 16, period: 1e9 },
};

test('addresses have a port, or the usual one', () => {
  const read = (peer: string): unknown => readTunnelOptions({ ...OPTIONS, peer }).peer;
  expect(read('192.0.2.1')).toEqual({ address: '192.0.2.1', port: 24_755 });
  expect(read('192.0.2.1:4000')).toEqual({ address: '192.0.2.1', port: 4000 });
  expect(read('2001:DB8:0::1')).toEqual({ address: '2001:db8::1', port: 24_755 });
  expect(read('[2001:db8::1]:4000')).toEqual({ address: '2001:db8::1', port: 4000 });
  expect(readTunnelOptions(OPTIONS).listen).toEqual({ address: '', port: 24_755 });
  expect(readTunnelOptions({ ...OPTIONS, listen: '' }).listen).toBe(null);
});

test('what is no address is refused, with what to write', () => {
  for (const peer of ['', 'host', '192.0.2.1:0', '192.0.2.1:70000', '[192.0.2.1]:4', '192.0.2', '[::1'])
    expect(() => readTunnelOptions({ ...OPTIONS, peer })).toThrow(`peer: '${peer}' is no address and port`);
  expect(() => readTunnelOptions({ ...OPTIONS, peer: ':4000' })).toThrow('peer: has no address');
});

test('addresses are compared in one form', () => {
  expect(['::ffff:192.0.2.1', '2001:0DB8::0:1', '192.0.2.1'].map(plainAddress)).toEqual([
    ...['192.0.2.1', '2001:db8::1', '192.0.2.1'],
  ]);
});

test('conditions make one matcher; none of them lets nothing in', () => {
  expect(interestOf([])).toEqual({ src: '0.0.0.0', dst: '0.0.0.0', proto: 'ipip' });
  expect(interestOf(['dst=10.2.0.0/16|fd00::/8', 'proto=tcp'])).toEqual({
    dst: ['10.2.0.0/16', 'fd00::/8'],
    proto: ['tcp'],
  });
  expect(() => interestOf(['tcp'])).toThrow("match: 'tcp' is no condition");
  expect(() => interestOf(['dst=10.0.0.1', 'dst=10.0.0.2'])).toThrow("match: 'dst' stands there twice");
  const interest = elasticTunnel.interest as (options: TunnelOptions) => unknown;
  expect(interest({ ...OPTIONS, match: ['proto=udp'] })).toEqual({ proto: ['udp'] });
});
