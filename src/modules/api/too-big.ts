/**
 * The answer to a packet that is too long: what a router says whose next link has a smaller MTU. A module
 * that makes packets longer has to send it, or the sender never learns why nothing arrives.
 *
 * Sources: RFC 792 and RFC 1191, 4 (destination unreachable, fragmentation needed, with the MTU); RFC 4443,
 * 3.2 (packet too big); RFC 1812, 4.3.2 (when not to answer, how much of the packet to send back).
 */
import type { Packet } from './packet.ts';

const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const ICMP_BYTES = 8;
const PROTO_ICMP = 1;
const PROTO_ICMPV6 = 58;
/** The longest answer: what every host takes in one piece. */
const ANSWER_BYTES_MAX_IPV4 = 576;
const ANSWER_BYTES_MAX_IPV6 = 1280;
/** The smallest MTU that a link may have: RFC 791, RFC 8200. */
const MTU_MIN_IPV4 = 68;
const MTU_MIN_IPV6 = 1280;
/** DSCP CS6, as routers send what belongs to the network itself. */
const TOS_CONTROL = 0xc0;
const ANSWER_TTL = 64;

/**
 * Whether the sender of a packet that is longer than the MTU is to be answered: the packet may not be
 * fragmented (IPv4 with DF, or IPv6), it is no later fragment and no ICMP error, and its sender is one host.
 * Others that do not fit are dropped in silence, or, IPv4 without DF, left to the kernel, which fragments.
 * How often answers are sent is up to the module: RFC 4443, 2.4, asks for a limit.
 * @throws TypeError if the module has no `payload: true`
 */
export function mayAnswerTooBig(p: Packet): boolean {
  const bytes = bytesOf(p);
  return p.family === 4 ? mayAnswerIpv4(bytes) : p.family === 6 && mayAnswerIpv6(bytes);
}

/**
 * The ICMP answer, for `itm.inject()`: a whole packet to the sender of `p` that says that the next link
 * takes `mtu` bytes. It comes from the address to which `p` went, because a bridge has none of its own. As
 * much of `p` follows as RFC 1812 (IPv4) and RFC 4443 (IPv6) allow. Ask mayAnswerTooBig() first.
 * @throws TypeError if the module has no `payload: true`, or `p` is no IP packet
 * @throws RangeError if `mtu` is no whole number, below 68 (IPv4) or 1280 (IPv6), or above 65535
 */
export function tooBig(p: Packet, mtu: number): Uint8Array {
  const bytes = bytesOf(p);
  if (p.family === 0) throw new TypeError('tooBig: the packet is no IP packet, so nobody can be answered');
  const mtuMin = p.family === 4 ? MTU_MIN_IPV4 : MTU_MIN_IPV6;
  if (!Number.isInteger(mtu) || mtu < mtuMin || mtu > 0xffff)
    throw new RangeError(
      `tooBig: an MTU of IPv${p.family} is a whole number from ${mtuMin} to 65535, not ${mtu}`,
    );
  return p.family === 4 ? answerIpv4(bytes, mtu) : answerIpv6(bytes, mtu);
}

function bytesOf(p: Packet): Uint8Array {
  if (p.bytes === null) throw new TypeError("tooBig needs the packet's bytes: write payload: true");
  return p.bytes;
}

function mayAnswerIpv4(bytes: Uint8Array): boolean {
  const isDf = (bytes[6] & 0x40) !== 0;
  const isLaterFragment = ((bytes[6] & 0x1f) << 8) + bytes[7] !== 0;
  // 0.0.0.0/8, loopback, multicast and what is above it are no single host elsewhere (RFC 1812, 4.3.2.7).
  const isHost = (first: number): boolean => first !== 0 && first !== 127 && first < 224;
  if (!isDf || isLaterFragment || !isHost(bytes[12]) || bytes[16] >= 224) return false;
  const headerBytes = (bytes[0] & 0x0f) * 4;
  if (bytes[9] !== PROTO_ICMP) return true;
  // Echo, time stamp, information and address mask are questions and answers, all others are errors.
  const type = bytes[headerBytes];
  return type === 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18);
}

/** A sender to a group would be answered as well (RFC 4443, 2.4), but there is no address to answer from. */
function mayAnswerIpv6(bytes: Uint8Array): boolean {
  const isUnspecified = bytes.subarray(8, 24).every((byte) => byte === 0);
  if (isUnspecified || bytes[8] === 0xff || bytes[24] === 0xff) return false;
  const at = upperLayerIpv6(bytes);
  if (at.isLaterFragment) return false;
  // Types below 128 are errors.
  return at.protocol !== PROTO_ICMPV6 || bytes[at.offset] >= 128;
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;

/** What is behind the extension headers, as far as they can be read. */
function upperLayerIpv6(bytes: Uint8Array): { protocol: number; offset: number; isLaterFragment: boolean } {
  let protocol = bytes[6];
  let offset = IPV6_BYTES;
  while (offset + 8 <= bytes.length) {
    let length = 8 * (bytes[offset + 1] + 1);
    if (protocol === FRAGMENT) {
      if ((bytes[offset + 2] << 5) + (bytes[offset + 3] >> 3) !== 0)
        return { protocol, offset, isLaterFragment: true };
      length = 8;
    } else if (protocol === AUTHENTICATION) length = 4 * (bytes[offset + 1] + 2);
    else if (![HOP_BY_HOP, ROUTING, DESTINATION].includes(protocol)) break;
    protocol = bytes[offset];
    offset += length;
  }
  return { protocol, offset, isLaterFragment: false };
}

function answerIpv4(bytes: Uint8Array, mtu: number): Uint8Array {
  const sentBack = bytes.subarray(0, ANSWER_BYTES_MAX_IPV4 - IPV4_BYTES - ICMP_BYTES);
  const answer = new Uint8Array(IPV4_BYTES + ICMP_BYTES + sentBack.length);
  answer[0] = 0x45;
  answer[1] = TOS_CONTROL;
  write16(answer, 2, answer.length);
  answer[8] = ANSWER_TTL;
  answer[9] = PROTO_ICMP;
  answer.set(bytes.subarray(16, 20), 12);
  answer.set(bytes.subarray(12, 16), 16);
  write16(answer, 10, checksum(answer, 0, IPV4_BYTES, 0));
  answer[20] = 3;
  answer[21] = 4;
  write16(answer, 26, mtu);
  answer.set(sentBack, IPV4_BYTES + ICMP_BYTES);
  write16(answer, 22, checksum(answer, IPV4_BYTES, answer.length, 0));
  return answer;
}

function answerIpv6(bytes: Uint8Array, mtu: number): Uint8Array {
  const sentBack = bytes.subarray(0, ANSWER_BYTES_MAX_IPV6 - IPV6_BYTES - ICMP_BYTES);
  const answer = new Uint8Array(IPV6_BYTES + ICMP_BYTES + sentBack.length);
  answer[0] = 0x60 | (TOS_CONTROL >> 4);
  answer[1] = (TOS_CONTROL << 4) & 0xff;
  write16(answer, 4, answer.length - IPV6_BYTES);
  answer[6] = PROTO_ICMPV6;
  answer[7] = ANSWER_TTL;
  answer.set(bytes.subarray(24, 40), 8);
  answer.set(bytes.subarray(8, 24), 24);
  answer[40] = 2;
  write16(answer, 46, mtu);
  answer.set(sentBack, IPV6_BYTES + ICMP_BYTES);
  // The pseudo header of RFC 8200, 8.1, has both addresses, the length and the protocol.
  const pseudo = answer.length - IPV6_BYTES + PROTO_ICMPV6;
  write16(answer, 42, checksum(answer, 8, answer.length, pseudo));
  return answer;
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

/** RFC 1071. The checksum's own place must be 0. */
function checksum(bytes: Uint8Array, from: number, to: number, start: number): number {
  let sum = start;
  for (let at = from; at < to; at += 2) sum += (bytes[at] << 8) + (at + 1 < to ? bytes[at + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
