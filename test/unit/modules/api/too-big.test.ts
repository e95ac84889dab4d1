import { describe, expect, test } from 'vitest';
import { mayAnswerTooBig, type Packet, tooBig } from '../../../../src/modules/api/index.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A view of which only family and bytes are read. */
function packet(bytes: Uint8Array | null, family: 4 | 6 | 0 = bytes?.[0] === 0x60 ? 6 : 4): Packet {
  return { family, bytes } as Packet;
}

/** From 192.0.2.1 to 198.51.100.7, DF, UDP 1000 to 2000, `length` bytes. */
function ipv4(length: number, at: Record<number, number> = {}): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(bytesOf('4500 0000 1234 4000 4011 0000 c0000201 c6336407 03e8 07d0 0000 0000'));
  bytes[2] = length >> 8;
  bytes[3] = length & 0xff;
  for (const [place, value] of Object.entries(at)) bytes[Number(place)] = value;
  return bytes;
}

/** From 2001:db8::1 to 2001:db8::7, `next` header, `length` bytes. */
function ipv6(length: number, next = 17, at: Record<number, number> = {}): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(bytesOf('60000000 0000 0040 20010db8000000000000000000000001 20010db8000000000000000000000007'));
  bytes[4] = (length - 40) >> 8;
  bytes[5] = (length - 40) & 0xff;
  bytes[6] = next;
  for (const [place, value] of Object.entries(at)) bytes[Number(place)] = value;
  return bytes;
}

/** The sum of a right checksum with what it covers is 0xffff. */
function sum(bytes: Uint8Array, start = 0): number {
  let all = start;
  for (let at = 0; at < bytes.length; at += 2) all += (bytes[at]! << 8) + (bytes[at + 1] ?? 0);
  while (all > 0xffff) all = (all & 0xffff) + (all >>> 16);
  return all;
}

describe('IPv4', () => {
  test('to the byte', () => {
    const answer = tooBig(packet(ipv4(28)), 1480);
    // Worked out by hand: the words of the header sum to 0x27234, and 0x7236 is the complement of 0x8dc9;
    // those of the ICMP message sum to 0x2d820.
    expect(hex(answer)).toBe(
      ['45c00038', '00000000', '40018dc9', 'c6336407', 'c0000201']
        .concat(['0304', '27dd', '0000', '05c8'])
        .concat(hex(ipv4(28)))
        .join(''),
    );
  });

  test('checksums hold, and 576 bytes are not exceeded', () => {
    const answer = tooBig(packet(ipv4(1501)), 1400);
    expect(answer.length).toBe(576);
    expect(sum(answer.subarray(0, 20))).toBe(0xffff);
    expect(sum(answer.subarray(20))).toBe(0xffff);
    expect(answer.subarray(28)).toEqual(ipv4(1501).subarray(0, 548));
  });

  test('an odd length', () => {
    const answer = tooBig(packet(ipv4(29, { 28: 0xab })), 1400);
    expect(answer.length).toBe(57);
    expect(sum(answer.subarray(20))).toBe(0xffff);
  });

  test.each([
    ['with DF', {}, true],
    ['without DF', { 6: 0 }, false],
    ['a later fragment', { 6: 0x40, 7: 1 }, false],
    ['from 0.0.0.0', { 12: 0 }, false],
    ['from 127.0.0.1', { 12: 127 }, false],
    ['from a group', { 12: 224 }, false],
    ['to a group', { 16: 239 }, false],
    ['to the last address', { 16: 255 }, false],
    ['an echo', { 9: 1, 20: 8 }, true],
    ['an echo behind options', { 0: 0x46, 9: 1, 20: 3, 24: 8 }, true],
    ['an ICMP error', { 9: 1, 20: 3 }, false],
    ['a redirect', { 9: 1, 20: 5 }, false],
    ['time exceeded', { 9: 1, 20: 11 }, false],
  ])('%s', (_, at, answered) => {
    expect(mayAnswerTooBig(packet(ipv4(40, at)))).toBe(answered);
  });
});

describe('IPv6', () => {
  test('to the byte', () => {
    const answer = tooBig(packet(ipv6(48)), 1280);
    expect(hex(answer.subarray(0, 8))).toBe('6c00000000383a40');
    expect(hex(answer.subarray(8, 24))).toBe('20010db8000000000000000000000007');
    expect(hex(answer.subarray(24, 40))).toBe('20010db8000000000000000000000001');
    expect(hex(answer.subarray(40, 42)) + hex(answer.subarray(44, 48))).toBe('020000000500');
    expect(answer.subarray(48)).toEqual(ipv6(48));
    expect(answer.length).toBe(96);
    expect(sum(answer.subarray(8), 58 + 56)).toBe(0xffff);
  });

  test('1280 bytes are not exceeded', () => {
    const answer = tooBig(packet(ipv6(3000)), 1400);
    expect(answer.length).toBe(1280);
    expect(sum(answer.subarray(8), 58 + 1240)).toBe(0xffff);
    expect((answer[4]! << 8) + answer[5]!).toBe(1240);
  });

  test.each([
    ['UDP', ipv6(60), true],
    [
      'from no address',
      new Uint8Array([...ipv6(60).subarray(0, 8), ...new Uint8Array(16), ...ipv6(60).subarray(24)]),
      false,
    ],
    ['from a group', ipv6(60, 17, { 8: 0xff }), false],
    ['to a group', ipv6(60, 17, { 24: 0xff }), false],
    ['an echo', ipv6(60, 58, { 40: 128 }), true],
    ['an ICMP error', ipv6(60, 58, { 40: 1 }), false],
    ['an ICMP error behind options', ipv6(60, 60, { 40: 58, 41: 0, 48: 2 }), false],
    ['an echo behind options', ipv6(60, 60, { 40: 58, 41: 0, 48: 129 }), true],
    ['an ICMP error behind authentication', ipv6(80, 51, { 40: 58, 41: 4, 64: 1 }), false],
    ['a first fragment', ipv6(60, 44, { 40: 17, 41: 9, 43: 1 }), true],
    ['a later fragment', ipv6(60, 44, { 40: 17, 43: 8 }), false],
    ['options that are cut off', ipv6(41, 60), true],
  ])('%s', (_, bytes, answered) => {
    expect(mayAnswerTooBig(packet(bytes))).toBe(answered);
  });
});

test('what is wrong is said', () => {
  expect(() => tooBig(packet(null, 4), 1400)).toThrow(
    new TypeError("tooBig needs the packet's bytes: write payload: true"),
  );
  expect(() => mayAnswerTooBig(packet(null, 4))).toThrow(TypeError);
  expect(() => tooBig(packet(ipv4(40), 0), 1400)).toThrow(TypeError);
  expect(mayAnswerTooBig(packet(ipv4(40), 0))).toBe(false);
  for (const mtu of [67, 65_536, 1400.5, Number.NaN])
    expect(() => tooBig(packet(ipv4(40)), mtu)).toThrow(RangeError);
  expect(() => tooBig(packet(ipv6(60)), 1279)).toThrow(
    'an MTU of IPv6 is a whole number from 1280 to 65535, not 1279',
  );
  expect(tooBig(packet(ipv4(40)), 68)[27]).toBe(68);
});
