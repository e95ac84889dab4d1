/**
 * Parses the headers of a batch of packets into columns: addresses, protocol, ports, and the few bits that
 * classification, AQM and the flow table need. Reads only the bytes that were copied. A field that a
 * truncated or malformed packet does not have stays at its "unknown" value. Lengths claimed inside packets
 * only say where the next header starts.
 *
 * Cost: about 50 ns per IPv4 packet, 75 ns per IPv6 packet, no allocation. Offsets in the code are those of
 * the RFC named beside them.
 */
import { ARRIVAL_ROWS } from '../limits.ts';
import type { Arrivals } from './batch.ts';
import { IPPROTO_TCP } from './tcp-header.ts';

/** Columns of ARRIVAL_ROWS rows. parseBatch writes every column of each row it parses. */
export interface Parsed {
  /** IP version: 4 or 6; 0 for anything else. */
  readonly family: Uint8Array;
  /** IP protocol, behind IPv6 extension headers; PROTOCOL_UNKNOWN if the copy ends before it. */
  readonly protocol: Uint8Array;
  /** Big-endian words of the addresses. An IPv4 address is word 0, its other words are 0. */
  readonly src0: Uint32Array;
  readonly src1: Uint32Array;
  readonly src2: Uint32Array;
  readonly src3: Uint32Array;
  readonly dst0: Uint32Array;
  readonly dst1: Uint32Array;
  readonly dst2: Uint32Array;
  readonly dst3: Uint32Array;
  /**
   * Ports of TCP, UDP, UDP-Lite and SCTP. Elsewhere a number that tells flows apart: ESP's SPI or GRE's key
   * (high half in sport, low half in dport), or the id of an ICMP echo (sport). 0 when absent.
   */
  readonly sport: Uint16Array;
  readonly dport: Uint16Array;
  /** 1 if sport and dport are ports. */
  readonly hasPorts: Uint8Array;
  readonly dscp: Uint8Array;
  readonly ecn: Uint8Array;
  /** FRAGMENT_NONE, FRAGMENT_FIRST, or FRAGMENT_LATER, which has no transport header. */
  readonly fragment: Uint8Array;
  /** Identification of a fragment's datagram; 0 for whole packets. */
  readonly fragmentId: Uint32Array;
  /** CWR ECE URG ACK PSH RST SYN FIN, from bit 7 down; 0 unless TCP. */
  readonly tcpFlags: Uint8Array;
  /** 1 for ICMP or ICMPv6 unreachable, too big, time exceeded, parameter problem. */
  readonly icmpError: Uint8Array;
  /**
   * Start of the transport header in the packet, perhaps beyond
   * the copy; 0 if there is none or it is unknown.
   */
  readonly l4Offset: Uint16Array;
}

export const PROTOCOL_UNKNOWN = 255;
export const FRAGMENT_NONE = 0;
export const FRAGMENT_FIRST = 1;
export const FRAGMENT_LATER = 2;

/** IANA protocol numbers (linux/in.h, linux/in6.h). */
const IPPROTO_HOPOPTS = 0;
const IPPROTO_ICMP = 1;
const IPPROTO_UDP = 17;
const IPPROTO_ROUTING = 43;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_GRE = 47;
const IPPROTO_ESP = 50;
const IPPROTO_AH = 51;
const IPPROTO_ICMPV6 = 58;
const IPPROTO_DSTOPTS = 60;
const IPPROTO_SCTP = 132;
const IPPROTO_UDPLITE = 136;

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const IPV6_FRAGMENT_BYTES = 8;
/** RFC 8200, 4.1 lists seven places for extension headers. A longer chain is an attack on our time. */
const EXTENSION_HEADERS_MAX = 8;

export function createParsed(): Parsed {
  const u8 = (): Uint8Array => new Uint8Array(ARRIVAL_ROWS);
  const u16 = (): Uint16Array => new Uint16Array(ARRIVAL_ROWS);
  const u32 = (): Uint32Array => new Uint32Array(ARRIVAL_ROWS);
  return {
    family: u8(),
    protocol: u8(),
    src0: u32(),
    src1: u32(),
    src2: u32(),
    src3: u32(),
    dst0: u32(),
    dst1: u32(),
    dst2: u32(),
    dst3: u32(),
    sport: u16(),
    dport: u16(),
    hasPorts: u8(),
    dscp: u8(),
    ecn: u8(),
    fragment: u8(),
    fragmentId: u32(),
    tcpFlags: u8(),
    icmpError: u8(),
    l4Offset: u16(),
  };
}

/**
 * Parses rows [0, rows) of `arrivals` out of `slab`. Never
 * throws, and never reads beyond a row's copiedBytes.
 */
export function parseBatch(arrivals: Arrivals, slab: Uint8Array, rows: number, parsed: Parsed): void {
  for (let p = 0; p < rows; p++) parseRow(arrivals, slab, p, parsed);
}

/** Parses row `p`, as parseBatch() does. */
export function parseRow(
  { slabOffset, copiedBytes }: Arrivals,
  slab: Uint8Array,
  p: number,
  parsed: Parsed,
): void {
  const start = slabOffset[p];
  const end = Math.min(start + copiedBytes[p], slab.length);
  clearRow(parsed, p);
  if (start >= end) return;
  const version = slab[start] >> 4;
  if (version === 4) parseIpv4(slab, start, end, parsed, p);
  else if (version === 6) parseIpv6(slab, start, end, parsed, p);
}

function clearRow(parsed: Parsed, p: number): void {
  parsed.family[p] = 0;
  parsed.protocol[p] = PROTOCOL_UNKNOWN;
  parsed.src0[p] = 0;
  parsed.src1[p] = 0;
  parsed.src2[p] = 0;
  parsed.src3[p] = 0;
  parsed.dst0[p] = 0;
  parsed.dst1[p] = 0;
  parsed.dst2[p] = 0;
  parsed.dst3[p] = 0;
  parsed.sport[p] = 0;
  parsed.dport[p] = 0;
  parsed.hasPorts[p] = 0;
  parsed.dscp[p] = 0;
  parsed.ecn[p] = 0;
  parsed.fragment[p] = FRAGMENT_NONE;
  parsed.fragmentId[p] = 0;
  parsed.tcpFlags[p] = 0;
  parsed.icmpError[p] = 0;
  parsed.l4Offset[p] = 0;
}

/** RFC 791, 3.1; the DSCP and ECN bits by RFC 2474, 3 and RFC 3168, 5. */
function parseIpv4(slab: Uint8Array, start: number, end: number, parsed: Parsed, p: number): void {
  parsed.family[p] = 4;
  if (start + IPV4_HEADER_BYTES > end) return;
  const typeOfService = slab[start + 1];
  parsed.dscp[p] = typeOfService >> 2;
  parsed.ecn[p] = typeOfService & 3;
  parsed.src0[p] = readUint32(slab, start + 12);
  parsed.dst0[p] = readUint32(slab, start + 16);
  const protocol = slab[start + 9];
  parsed.protocol[p] = protocol;

  const flagsAndOffset = readUint16(slab, start + 6);
  const fragmentOffset = flagsAndOffset & 0x1fff;
  const moreFragments = (flagsAndOffset & 0x2000) !== 0;
  if (fragmentOffset !== 0 || moreFragments) {
    parsed.fragmentId[p] = readUint16(slab, start + 4);
    parsed.fragment[p] = fragmentOffset === 0 ? FRAGMENT_FIRST : FRAGMENT_LATER;
    if (fragmentOffset !== 0) return;
  }
  const headerBytes = (slab[start] & 15) * 4;
  if (headerBytes < IPV4_HEADER_BYTES) return;
  parsed.l4Offset[p] = headerBytes;
  parseTransport(slab, start + headerBytes, end, protocol, parsed, p);
}

/** RFC 8200, 3. */
function parseIpv6(slab: Uint8Array, start: number, end: number, parsed: Parsed, p: number): void {
  parsed.family[p] = 6;
  if (start + IPV6_HEADER_BYTES > end) return;
  const classAndFlow = readUint16(slab, start);
  parsed.dscp[p] = (classAndFlow >> 6) & 63;
  parsed.ecn[p] = (classAndFlow >> 4) & 3;
  parsed.src0[p] = readUint32(slab, start + 8);
  parsed.src1[p] = readUint32(slab, start + 12);
  parsed.src2[p] = readUint32(slab, start + 16);
  parsed.src3[p] = readUint32(slab, start + 20);
  parsed.dst0[p] = readUint32(slab, start + 24);
  parsed.dst1[p] = readUint32(slab, start + 28);
  parsed.dst2[p] = readUint32(slab, start + 32);
  parsed.dst3[p] = readUint32(slab, start + 36);

  const nextHeader = slab[start + 6];
  if (isExtension(nextHeader)) {
    parseExtensions(slab, start, end, nextHeader, parsed, p);
    return;
  }
  parsed.protocol[p] = nextHeader;
  parsed.l4Offset[p] = IPV6_HEADER_BYTES;
  parseTransport(slab, start + IPV6_HEADER_BYTES, end, nextHeader, parsed, p);
}

/**
 * Whether the header is an extension header that another header follows in clear (RFC 8200, 4; AH: RFC 4302).
 */
function isExtension(nextHeader: number): boolean {
  return (
    nextHeader === IPPROTO_HOPOPTS ||
    nextHeader === IPPROTO_ROUTING ||
    nextHeader === IPPROTO_FRAGMENT ||
    nextHeader === IPPROTO_DSTOPTS ||
    nextHeader === IPPROTO_AH
  );
}

/**
 * Walks the chain from `firstHeader`, an extension header
 * right behind the IPv6 header, to the transport header.
 */
function parseExtensions(
  slab: Uint8Array,
  start: number,
  end: number,
  firstHeader: number,
  parsed: Parsed,
  p: number,
): void {
  let header = firstHeader;
  let at = start + IPV6_HEADER_BYTES;
  for (let n = 0; isExtension(header); n++) {
    if (n === EXTENSION_HEADERS_MAX || at + 8 > end) return; // every one has at least 8 bytes
    const next = slab[at];
    if (header === IPPROTO_FRAGMENT) {
      // RFC 8200, 4.5. Offset 0 without M is a whole packet that only looks like a fragment (RFC 6946).
      const offsetAndMore = readUint16(slab, at + 2);
      if ((offsetAndMore & 0xfff9) !== 0) {
        parsed.fragmentId[p] = readUint32(slab, at + 4);
        const isFirst = offsetAndMore >> 3 === 0;
        parsed.fragment[p] = isFirst ? FRAGMENT_FIRST : FRAGMENT_LATER;
        if (!isFirst) {
          if (!isExtension(next)) parsed.protocol[p] = next;
          return;
        }
      }
      at += IPV6_FRAGMENT_BYTES;
    } else if (header === IPPROTO_AH) {
      at += (slab[at + 1] + 2) * 4; // RFC 4302, 2.2: in 4-byte units, minus 2
    } else {
      at += (slab[at + 1] + 1) * 8; // RFC 8200, 4.3 to 4.6: in 8-byte units, not counting the first
    }
    header = next;
  }
  parsed.protocol[p] = header;
  parsed.l4Offset[p] = at - start;
  parseTransport(slab, at, end, header, parsed, p);
}

function parseTransport(
  slab: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  parsed: Parsed,
  p: number,
): void {
  if (protocol === IPPROTO_TCP) {
    parsePorts(slab, at, end, parsed, p);
    if (at + 14 <= end) parsed.tcpFlags[p] = slab[at + 13]; // RFC 9293, 3.1
  } else if (protocol === IPPROTO_UDP || protocol === IPPROTO_SCTP || protocol === IPPROTO_UDPLITE) {
    parsePorts(slab, at, end, parsed, p);
  } else if (protocol === IPPROTO_ICMP) {
    parseIcmp(slab, at, end, parsed, p);
  } else if (protocol === IPPROTO_ICMPV6) {
    parseIcmpv6(slab, at, end, parsed, p);
  } else if (protocol === IPPROTO_ESP) {
    if (at + 4 <= end) setKey(slab, at, parsed, p); // RFC 4303, 2: SPI
  } else if (protocol === IPPROTO_GRE) {
    parseGre(slab, at, end, parsed, p);
  }
}

/**
 * Reads the first four bytes of TCP (RFC 9293, 3.1), UDP (RFC
 * 768), UDP-Lite (RFC 3828, 3.1) or SCTP (RFC 9260, 3.1).
 */
function parsePorts(slab: Uint8Array, at: number, end: number, parsed: Parsed, p: number): void {
  if (at + 4 > end) return;
  parsed.sport[p] = readUint16(slab, at);
  parsed.dport[p] = readUint16(slab, at + 2);
  parsed.hasPorts[p] = 1;
}

/** RFC 792. The identifier of an echo plays the part of a port, as it does in connection tracking. */
function parseIcmp(slab: Uint8Array, at: number, end: number, parsed: Parsed, p: number): void {
  if (at >= end) return;
  const type = slab[at];
  // Destination unreachable ("fragmentation needed" is its code 4), time exceeded, parameter problem.
  if (type === 3 || type === 11 || type === 12) parsed.icmpError[p] = 1;
  if ((type === 8 || type === 0) && at + 6 <= end) parsed.sport[p] = readUint16(slab, at + 4);
}

/** RFC 4443, 2.1 and 3.1 to 3.4 (errors 1 to 4), 4.1 and 4.2 (echo). */
function parseIcmpv6(slab: Uint8Array, at: number, end: number, parsed: Parsed, p: number): void {
  if (at >= end) return;
  const type = slab[at];
  if (type >= 1 && type <= 4) parsed.icmpError[p] = 1;
  if ((type === 128 || type === 129) && at + 6 <= end) parsed.sport[p] = readUint16(slab, at + 4);
}

/**
 * Reads the key of GRE (RFC 2890, 2), which stands behind the checksum word if C or R says that there is one
 * (RFC 1701). In version 1 (PPTP, RFC 2637, 4.1) the key's high half is the payload's length. Only its low
 * half, the call id, names a flow.
 */
function parseGre(slab: Uint8Array, at: number, end: number, parsed: Parsed, p: number): void {
  if (at + 2 > end) return;
  const flags = slab[at];
  if ((flags & 0x20) === 0) return;
  const keyAt = at + ((flags & 0xc0) !== 0 ? 8 : 4);
  if (keyAt + 4 > end) return;
  setKey(slab, keyAt, parsed, p);
  if ((slab[at + 1] & 7) === 1) parsed.sport[p] = 0;
}

/** Takes four bytes that tell flows apart where there are no ports. */
function setKey(slab: Uint8Array, at: number, parsed: Parsed, p: number): void {
  parsed.sport[p] = readUint16(slab, at);
  parsed.dport[p] = readUint16(slab, at + 2);
}

function readUint16(slab: Uint8Array, at: number): number {
  return (slab[at] << 8) | slab[at + 1];
}

/** A signed number, which an unsigned column turns into the right one. */
function readUint32(slab: Uint8Array, at: number): number {
  return (slab[at] << 24) | (slab[at + 1] << 16) | (slab[at + 2] << 8) | slab[at + 3];
}
