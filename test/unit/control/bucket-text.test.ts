import { expect, it } from 'vitest';
import { bucketText } from '../../../src/control/bucket-text.ts';

const V4 = { family: 4, src: [0x0a000904, 0, 0, 0], dst: [0xc0000201, 0, 0, 0] };
const V6 = { family: 6, src: [0xfd000001, 0, 0, 1], dst: [0x20010db8, 0, 0, 2] };

it('an address or prefix, or a flow with its ports where it has some', () => {
  const address = (family: number, words: number[], bits = family === 6 ? 128 : 32) =>
    bucketText({ kind: 'address', family, words, bits });
  expect(address(4, [0x0a000904, 0, 0, 0])).toBe('10.0.9.4');
  expect(address(4, [0xc0a80001 | 0, 0, 0, 0])).toBe('192.168.0.1');
  expect(address(6, [0xfd000001 | 0, 0, 0, 1])).toBe('fd00:1::1');
  expect(address(6, [0x20010db8, 0x00010000, 0, 0], 64)).toBe('2001:db8:1::/64');
  expect(address(6, [0x20010db8, 0, 0, 2], 127)).toBe('2001:db8::2/127');
  const flow = (tuple: typeof V4, protocol: number, sport: number, dport: number) =>
    bucketText({ kind: 'flow', flow: { ...tuple, protocol, sport, dport } });
  expect(flow(V4, 6, 40_000, 443)).toBe('tcp 10.0.9.4:40000 > 192.0.2.1:443');
  expect(flow(V6, 17, 53, 5353)).toBe('udp [fd00:1::1]:53 > [2001:db8::2]:5353');
  expect(flow(V4, 1, 8827, 0)).toBe('icmp 10.0.9.4:8827 > 192.0.2.1');
  expect(flow(V6, 58, 0, 0)).toBe('icmpv6 fd00:1::1 > 2001:db8::2');
  expect(flow(V4, 253, 0, 0)).toBe('253 10.0.9.4 > 192.0.2.1');
  expect(bucketText(null)).toBe('packets without a flow or host');
});
