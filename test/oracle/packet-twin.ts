/**
 * A slow twin of the view of modules: packets as plain fields, which are written out as bytes with checksums
 * from scratch.
 */
export interface TwinPacket {
  family: 4 | 6;
  protocol: number;
  src: number[];
  dst: number[];
  dscp: number;
  ecn: number;
  ttl: number;
  sport: number;
  dport: number;
  flags: number;
  seq: number;
  ack: number;
  window: number;
  /** UDP without a checksum. */
  isUnsummed: boolean;
  /** UDP-Lite: bytes that the checksum covers; 0: all. */
  coverage: number;
  data: Uint8Array;
}

const half = (bytes: number[], value: number): void => void bytes.push((value >> 8) & 255, value & 255);
const word = (bytes: number[], value: number): void => {
  half(bytes, value >>> 16);
  half(bytes, value & 0xffff);
};

/** Ones' complement, one word after the other (RFC 1071). */
export function slowChecksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let n = 0; n < bytes.length; n += 2) {
    sum += (bytes[n]! << 8) | (bytes[n + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return ~sum & 0xffff;
}

function transportHeader(packet: TwinPacket): number[] {
  const { protocol, sport, dport, seq, ack, flags, window, data, coverage } = packet;
  const header: number[] = [];
  if (protocol === 1 || protocol === 58) return [8, 0, 0, 0, 1, 2, 3, 4];
  half(header, sport);
  half(header, dport);
  if (protocol === 6) {
    word(header, seq);
    word(header, ack);
    header.push(5 << 4, flags);
    half(header, window);
    word(header, 0);
  } else if (protocol === 132) {
    word(header, 0x01020304);
    word(header, 0);
  } else {
    half(header, protocol === 136 ? coverage : 8 + data.length);
    half(header, 0);
  }
  return header;
}

/** CRC32c bit by bit (RFC 9260, appendix A). */
function slowCrc(bytes: readonly number[]): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const PLACES: Readonly<Record<number, number>> = { 6: 16, 17: 6, 136: 6, 1: 2, 58: 2 };

function transport(packet: TwinPacket): number[] {
  const { protocol, data, family, src, dst, coverage } = packet;
  const bytes = [...transportHeader(packet), ...data];
  if (protocol === 132) {
    const crc = slowCrc(bytes);
    for (let n = 0; n < 4; n++) bytes[8 + n] = (crc >>> (8 * n)) & 255;
    return bytes;
  }
  if (protocol === 17 && packet.isUnsummed) return bytes;
  const pseudo: number[] = [];
  if (protocol !== 1) {
    for (const one of [...src, ...dst]) word(pseudo, one);
    if (family === 6) word(pseudo, bytes.length);
    else half(pseudo, bytes.length);
    half(pseudo, protocol);
  }
  const covered = protocol === 136 && coverage !== 0 ? bytes.slice(0, coverage) : bytes;
  let checksum = slowChecksum([...pseudo, ...covered]);
  if (checksum === 0 && (protocol === 17 || protocol === 136)) checksum = 0xffff;
  const place = PLACES[protocol]!;
  bytes[place] = checksum >> 8;
  bytes[place + 1] = checksum & 255;
  return bytes;
}

/** The packet as it is on the wire. */
export function twinBytes(packet: TwinPacket): Uint8Array {
  const { family, protocol, src, dst, dscp, ecn, ttl } = packet;
  const behind = transport(packet);
  const header: number[] = [];
  const tos = (dscp << 2) | ecn;
  if (family === 4) {
    header.push(0x45, tos);
    half(header, 20 + behind.length);
    word(header, 0x12344000);
    header.push(ttl, protocol);
    half(header, 0);
    for (const one of [...src, ...dst]) word(header, one);
    const checksum = slowChecksum(header);
    header[10] = checksum >> 8;
    header[11] = checksum & 255;
  } else {
    word(header, 0x60000abc | (tos << 20));
    half(header, behind.length);
    header.push(protocol, ttl);
    for (const one of [...src, ...dst]) word(header, one);
  }
  return Uint8Array.from([...header, ...behind]);
}
