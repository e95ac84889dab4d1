/** Packets for the virtual world: real header bytes, so that the simulator exercises the real parser. */
import { protocolName } from '../../packet/protocols.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';

export interface PacketShape {
  /** An IPv4 address as one number, or the four words of an IPv6 address. */
  readonly src: number | readonly [number, number, number, number];
  readonly dst: number | readonly [number, number, number, number];
  readonly protocol: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly dscp?: number;
  readonly ecn?: number;
  /** TCP flags byte. */
  readonly tcpFlags?: number;
  readonly tcpAck?: number;
  readonly tcpSeq?: number;
  /** As in the header; default 0xffff. */
  readonly tcpWindow?: number;
  /**
   * Options behind the fixed TCP header, padded to four bytes. The copy range bounds how much of them is
   * read.
   */
  readonly tcpOptions?: readonly number[];
  /** ICMP type. */
  readonly icmpType?: number;
  readonly fragment?: { readonly id: number; readonly offsetBytes: number; readonly more: boolean };
}

export const IPPROTO_ICMP = 1;
export const IPPROTO_UDP = 17;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_ICMPV6 = 58;

/** Name of a protocol, or "proto-N" for one without a name. */
export function protocolLabel(protocol: number): string {
  return protocolName(protocol) ?? `proto-${protocol}`;
}

/** IPv4 address a.b.c.d as an unsigned number. */
export function ipv4(a: number, b: number, c: number, d: number): number {
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/**
 * Writes the headers of a packet of `lengthBytes` at `offset` and returns the number of bytes written. The
 * payload is left out, as with a short copy range. Checksums stay zero, because nothing in the core reads
 * them.
 */
export function writePacket(
  slab: Uint8Array,
  offset: number,
  shape: PacketShape,
  lengthBytes: number,
): number {
  const view = new DataView(slab.buffer, slab.byteOffset + offset);
  const ipBytes =
    typeof shape.src === 'number' ? writeIpv4(view, shape, lengthBytes) : writeIpv6(view, shape, lengthBytes);
  if (shape.fragment && shape.fragment.offsetBytes > 0) return Math.min(lengthBytes, ipBytes);
  return Math.min(lengthBytes, ipBytes + writeTransport(view, ipBytes, shape, lengthBytes - ipBytes));
}

/** RFC 791 section 3.1. */
function writeIpv4(view: DataView, shape: PacketShape, lengthBytes: number): number {
  const { fragment } = shape;
  view.setUint8(0, 0x45);
  view.setUint8(1, ((shape.dscp ?? 0) << 2) | (shape.ecn ?? 0));
  view.setUint16(2, Math.min(lengthBytes, 0xffff));
  view.setUint16(4, fragment ? fragment.id & 0xffff : 0);
  view.setUint16(6, fragment ? (fragment.more ? 0x2000 : 0) | (fragment.offsetBytes >> 3) : 0x4000);
  view.setUint8(8, 64);
  view.setUint8(9, shape.protocol);
  view.setUint16(10, 0);
  view.setUint32(12, shape.src as number);
  view.setUint32(16, shape.dst as number);
  return 20;
}

/** RFC 8200 section 3, fragment header section 4.5. */
function writeIpv6(view: DataView, shape: PacketShape, lengthBytes: number): number {
  const { fragment } = shape;
  const trafficClass = ((shape.dscp ?? 0) << 2) | (shape.ecn ?? 0);
  view.setUint32(0, (6 << 28) | (trafficClass << 20));
  view.setUint16(4, Math.min(lengthBytes - 40, 0xffff));
  view.setUint8(6, fragment ? IPPROTO_FRAGMENT : shape.protocol);
  view.setUint8(7, 64);
  for (let w = 0; w < 4; w++) {
    view.setUint32(8 + 4 * w, (shape.src as readonly number[])[w]);
    view.setUint32(24 + 4 * w, (shape.dst as readonly number[])[w]);
  }
  if (!fragment) return 40;
  view.setUint8(40, shape.protocol);
  view.setUint8(41, 0);
  view.setUint16(42, fragment.offsetBytes | (fragment.more ? 1 : 0));
  view.setUint32(44, fragment.id);
  return 48;
}

function writeTransport(view: DataView, at: number, shape: PacketShape, lengthBytes: number): number {
  if (shape.protocol === IPPROTO_ICMP || shape.protocol === IPPROTO_ICMPV6) {
    view.setUint8(at, shape.icmpType ?? 8);
    view.setUint8(at + 1, 0);
    view.setUint16(at + 2, 0);
    view.setUint16(at + 4, shape.sport ?? 0);
    view.setUint16(at + 6, 0);
    return 8;
  }
  view.setUint16(at, shape.sport ?? 0);
  view.setUint16(at + 2, shape.dport ?? 0);
  if (shape.protocol !== IPPROTO_TCP) {
    view.setUint16(at + 4, Math.min(lengthBytes, 0xffff));
    view.setUint16(at + 6, 0);
    return 8;
  }
  view.setUint32(at + 4, shape.tcpSeq ?? 0);
  view.setUint32(at + 8, shape.tcpAck ?? 0);
  const options = shape.tcpOptions ?? [];
  const headerBytes = 20 + 4 * Math.ceil(options.length / 4);
  view.setUint8(at + 12, (headerBytes >> 2) << 4);
  view.setUint8(at + 13, shape.tcpFlags ?? 0x10);
  view.setUint16(at + 14, shape.tcpWindow ?? 0xffff);
  view.setUint32(at + 16, 0);
  for (let n = 20; n < headerBytes; n++) view.setUint8(at + n, options[n - 20] ?? 0);
  return headerBytes;
}
