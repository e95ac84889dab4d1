/** The bytes of a packet, where its row says that they lie: written with the checksums that cover them. */
import { shortText } from '../../base/short-text.ts';
import { COPY_BYTES_MAX } from '../../limits.ts';
import { FRAGMENT_NONE } from '../../packet/parse.ts';
import { readHalf } from '../../packet/tcp-header.ts';
import {
  checksumPlace,
  hasPseudoHeader,
  IPPROTO_UDP,
  IPV4_CHECKSUM_AT,
  mend,
  sumIpv4,
  sumTransport,
  writeHalf,
} from './mending.ts';
import type { Rows } from './rows.ts';

/** Without options, and without extension headers. */
export const IPV4_BYTES = 20;
export const IPV6_BYTES = 40;

/**
 * Writes a half word, `at` from the start of packet `p`. The checksum of the IPv4 header follows if
 * `isInIp`, that of the transport header if `isInTransport`, where there is one.
 */
export function putHalf(
  { arrivals, slab, parsed }: Rows,
  p: number,
  at: number,
  value: number,
  isInIp: boolean,
  isInTransport: boolean,
): void {
  const start = arrivals.slabOffset[p];
  const before = readHalf(slab, start + at);
  writeHalf(slab, start + at, value);
  if (isInIp) mend(slab, start + IPV4_CHECKSUM_AT, before, value, false);
  if (!isInTransport) return;
  const l4 = parsed.l4Offset[p];
  const protocol = parsed.protocol[p];
  const place = checksumPlace(protocol);
  // A field of the IP header is in the pseudo header, if there is one.
  if (l4 === 0 || place === 0 || (at < l4 && !hasPseudoHeader(protocol))) return;
  if (l4 + place + 2 <= arrivals.copiedBytes[p])
    mend(slab, start + l4 + place, before, value, protocol === IPPROTO_UDP);
}

/** Length and checksums of packet `p` are made anew from the bytes as they are. */
export function sumRow(rows: Rows, p: number): void {
  const { arrivals, slab, parsed } = rows;
  const start = arrivals.slabOffset[p];
  const length = arrivals.lengthBytes[p];
  if (slab[start] >> 4 === 6) writeHalf(slab, start + 4, length - IPV6_BYTES);
  else writeHalf(slab, start + 2, length);
  rows.readAgain(p);
  if (parsed.family[p] === 4) sumIpv4(slab, start);
  const l4 = parsed.l4Offset[p];
  const isWhole = parsed.fragment[p] === FRAGMENT_NONE;
  if (l4 !== 0 && isWhole) sumTransport(slab, start, start + l4, start + length, parsed.protocol[p]);
}

/**
 * New bytes of a packet.
 * @throws TypeError if they are no Uint8Array, or no IP packet of the packet's family
 * @throws RangeError if they are too many
 */
export function checkPacket(bytes: Uint8Array, family: number): void {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(`a Uint8Array with a whole IP packet is expected, and not ${shortText(bytes)}`);
  if (bytes.length > COPY_BYTES_MAX)
    throw new RangeError(`${bytes.length} bytes are too many: a packet has at most ${COPY_BYTES_MAX}`);
  const version = bytes.length > 0 ? bytes[0] >> 4 : 0;
  if (version !== 4 && version !== 6) throw new TypeError('the bytes are no IP packet');
  const headerBytes = version === 4 ? Math.max(IPV4_BYTES, (bytes[0] & 15) * 4) : IPV6_BYTES;
  if (bytes.length < headerBytes) throw new TypeError('the bytes end in the middle of the IP header');
  const said = version === 4 ? readHalf(bytes, 2) : IPV6_BYTES + readHalf(bytes, 4);
  if (said !== bytes.length)
    throw new TypeError(`the IP header says ${said} bytes, but there are ${bytes.length}`);
  if (version !== family) throw new TypeError('the packet is of another IP version than the bytes');
}
