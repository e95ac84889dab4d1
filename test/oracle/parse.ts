/**
 * Slow twin of packet/parse.ts: one packet, one object, a reader that throws when asked for a byte that was
 * not copied. The fields found until then are the result.
 */

export interface Description {
  family: number;
  protocol: number;
  src: number[];
  dst: number[];
  sport: number;
  dport: number;
  hasPorts: number;
  dscp: number;
  ecn: number;
  fragment: number;
  fragmentId: number;
  tcpFlags: number;
  icmpError: number;
  l4Offset: number;
}

/**
 * Thrown when a header asks for a byte that was not copied; one object, as a stack trace per packet would be
 * slow.
 */
const NOT_COPIED = new Error('not copied');

class Reader {
  private readonly view: DataView;
  private readonly start: number;

  constructor(view: DataView, start = 0) {
    this.view = view;
    this.start = start;
  }

  u8(at: number): number {
    return this.view.getUint8(this.within(at, 1));
  }

  u16(at: number): number {
    return this.view.getUint16(this.within(at, 2));
  }

  u32(at: number): number {
    return this.view.getUint32(this.within(at, 4));
  }

  words(at: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.u32(at + 4 * i));
  }

  from(at: number): Reader {
    return new Reader(this.view, this.start + at);
  }

  private within(at: number, count: number): number {
    if (this.start + at + count > this.view.byteLength) throw NOT_COPIED;
    return this.start + at;
  }
}

export function unknownPacket(): Description {
  return {
    family: 0,
    protocol: 255,
    src: [0, 0, 0, 0],
    dst: [0, 0, 0, 0],
    sport: 0,
    dport: 0,
    hasPorts: 0,
    dscp: 0,
    ecn: 0,
    fragment: 0,
    fragmentId: 0,
    tcpFlags: 0,
    icmpError: 0,
    l4Offset: 0,
  };
}

/** `bytes` is what was copied, no more. */
export function describePacket(bytes: Uint8Array): Description {
  const d = unknownPacket();
  const packet = new Reader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    const version = packet.u8(0) >> 4;
    if (version === 4) describeIpv4(packet, d);
    if (version === 6) describeIpv6(packet, d);
  } catch (error) {
    if (error !== NOT_COPIED) throw error;
  }
  return d;
}

function describeIpv4(packet: Reader, d: Description): void {
  d.family = 4;
  packet.u8(19); // an IPv4 header is known whole or not at all
  d.dscp = Math.floor(packet.u8(1) / 4);
  d.ecn = packet.u8(1) % 4;
  d.protocol = packet.u8(9);
  d.src = [packet.u32(12), 0, 0, 0];
  d.dst = [packet.u32(16), 0, 0, 0];
  const offset = packet.u16(6) % 0x2000;
  const more = Math.floor(packet.u16(6) / 0x2000) % 2 === 1;
  if (offset > 0 || more) {
    d.fragment = offset > 0 ? 2 : 1;
    d.fragmentId = packet.u16(4);
  }
  const headerWords = packet.u8(0) % 16;
  if (offset > 0 || headerWords < 5) return;
  d.l4Offset = 4 * headerWords;
  describeTransport(packet.from(d.l4Offset), d);
}

function describeIpv6(packet: Reader, d: Description): void {
  d.family = 6;
  packet.u8(39);
  const trafficClass = Math.floor(packet.u16(0) / 16) % 256;
  d.dscp = Math.floor(trafficClass / 4);
  d.ecn = trafficClass % 4;
  d.src = packet.words(8, 4);
  d.dst = packet.words(24, 4);
  describeChain(packet, packet.u8(6), 40, 8, d);
}

/** Bytes of an extension header, by its type, from the value of its length field. */
const EXTENSION_BYTES: Record<number, (units: number) => number> = {
  0: (units) => 8 + 8 * units,
  43: (units) => 8 + 8 * units,
  60: (units) => 8 + 8 * units,
  44: () => 8,
  51: (units) => 8 + 4 * units,
};

/** `header` is the type of what starts at `at`; `left` more extension headers are tolerated. */
function describeChain(packet: Reader, header: number, at: number, left: number, d: Description): void {
  const length = EXTENSION_BYTES[header];
  if (!length) {
    d.protocol = header;
    d.l4Offset = at;
    describeTransport(packet.from(at), d);
    return;
  }
  if (left === 0) return;
  const extension = packet.from(at);
  extension.u8(7);
  const next = extension.u8(0);
  if (header === 44) {
    const offset = Math.floor(extension.u16(2) / 8);
    const more = extension.u16(2) % 2 === 1;
    if (offset > 0 || more) {
      d.fragment = offset > 0 ? 2 : 1;
      d.fragmentId = extension.u32(4);
    }
    if (offset > 0) {
      if (!EXTENSION_BYTES[next]) d.protocol = next;
      return;
    }
  }
  describeChain(packet, next, at + length(extension.u8(1)), left - 1, d);
}

function describeTransport(header: Reader, d: Description): void {
  if ([6, 17, 132, 136].includes(d.protocol)) {
    [d.sport, d.dport] = [header.u16(0), header.u16(2)];
    d.hasPorts = 1;
  }
  if (d.protocol === 6) d.tcpFlags = header.u8(13);
  if (d.protocol === 1) {
    if ([3, 11, 12].includes(header.u8(0))) d.icmpError = 1;
    if ([0, 8].includes(header.u8(0))) d.sport = header.u16(4);
  }
  if (d.protocol === 58) {
    if ([1, 2, 3, 4].includes(header.u8(0))) d.icmpError = 1;
    if ([128, 129].includes(header.u8(0))) d.sport = header.u16(4);
  }
  if (d.protocol === 50) [d.sport, d.dport] = splitKey(header.u32(0));
  if (d.protocol === 47) {
    const flags = header.u8(0);
    const version = header.u8(1) % 8;
    const hasChecksumWord = (flags & 0x80) !== 0 || (flags & 0x40) !== 0;
    if ((flags & 0x20) === 0) return;
    const [high, low] = splitKey(header.u32(hasChecksumWord ? 8 : 4));
    d.sport = version === 1 ? 0 : high;
    d.dport = low;
  }
}

function splitKey(key: number): [number, number] {
  return [Math.floor(key / 0x10000), key % 0x10000];
}
