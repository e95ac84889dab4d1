/** IPv4 packets for tests, with right checksums. */
import { headerChecksum, mendHeader, writeHalf, writeHeader } from '../../../../src/algo/overlay/ipip.ts';
import { tcpChecksum } from '../../../../src/algo/pacing/checksum.ts';
import { addressWord } from '../../../../src/built-in/itm-route/settings.ts';

export interface PacketWish {
  readonly src: string;
  readonly dst: string;
  readonly length?: number;
  readonly df?: boolean;
  readonly ttl?: number;
  readonly protocol?: number;
}

export function ipPacket(wish: PacketWish): Uint8Array {
  const { src, dst, length = 100, df = true, ttl = 64, protocol = 17 } = wish;
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) & 255);
  const fields = { tos: 0, length, ident: 77, df, ttl, protocol };
  writeHeader(bytes, fields, addressWord(src), addressWord(dst));
  return bytes;
}

/** A SYN with these options. */
export function syn(src: string, dst: string, options: readonly number[]): Uint8Array {
  const bytes = ipPacket({ src, dst, length: 40 + options.length, protocol: 6 });
  bytes[32] = (5 + options.length / 4) << 4;
  bytes[33] = 0x02;
  bytes.set(options, 40);
  writeHalf(bytes, 36, tcpChecksum(bytes, 0, 20, bytes.length));
  return bytes;
}

export function isTcpSound(bytes: Uint8Array): boolean {
  return ((bytes[36]! << 8) | bytes[37]!) === tcpChecksum(bytes, 0, 20, bytes.length);
}

export function isHeaderSound(bytes: Uint8Array, at = 0): boolean {
  return headerChecksum(bytes, at, (bytes[at]! & 15) * 4) === 0;
}

/** A router's word that the IPv4 packet `about` is too long. */
export function fragmentationNeeded(about: Uint8Array, mtu: number, from: string, to: string): Uint8Array {
  const bytes = ipPacket({ src: from, dst: to, length: 28 + 28, protocol: 1 });
  bytes.fill(0, 20, 28);
  bytes[20] = 3;
  bytes[21] = 4;
  writeHalf(bytes, 26, mtu);
  bytes.set(about.subarray(0, 28), 28);
  mendHeader(bytes, 0);
  return bytes;
}
