import { expect, test } from 'vitest';
import { CHECKSUM_AT, checksumAfter, tcpChecksum } from '../../../../src/algo/pacing/checksum.ts';

test('the worked example of the header, and the case in which the older equation fails', () => {
  expect(checksumAfter(0xabcd, 501, 57)).toBe(44_425);
  // RFC 1624, section 4: the sum is 0, not 0xffff.
  expect(checksumAfter(0xdd2f, 0x5555, 0x3285)).toBe(0);
});

test('a superpacket of 64 KiB whose bytes are all ones has an exact sum', () => {
  const bytes = new Uint8Array(65_535).fill(0xff);
  bytes[0] = 0x45;
  // 32757 words of ones without the checksum's and a half one, four of addresses, the protocol, the length.
  const segment = 65_535 - 20;
  let sum = 4 * 0xffff + 6 + segment + ((segment - 1) / 2 - 1) * 0xffff + 0xff00;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  expect(tcpChecksum(bytes, 0, 20, bytes.length)).toBe(~sum & 0xffff);
  bytes[20 + CHECKSUM_AT] = 0;
  expect(tcpChecksum(bytes, 0, 20, bytes.length), 'whatever stands in the field').toBe(~sum & 0xffff);
});
