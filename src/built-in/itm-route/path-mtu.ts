/**
 * How long packets to a neighbour may be. A router on the way that finds a tunnel packet too long tells us,
 * not the sender of what is inside: RFC 2003, 5.1 asks the tunnel to remember it, and to tell senders itself.
 */
import {
  destinationOf,
  headerBytesOf,
  IPPROTO_IPIP,
  IPV4_HEADER_BYTES,
  isPiece,
  packetBytes,
  protocolOf,
  readHalf,
  sourceOf,
} from '../../algo/overlay/ipip.ts';

const IPPROTO_ICMP = 1;
const ICMP_HEADER_BYTES = 8;
const DEST_UNREACH = 3;
const FRAG_NEEDED = 4;
/** RFC 1191, 6.3: after ten minutes a greater one is tried. */
const KNOWN_NS = 600e9;
/** What every host takes (RFC 791); whoever tells of less is not believed. */
const MTU_MIN = 576;

export class PathMtus {
  private readonly known = new Map<number, { mtu: number; untilNs: number }>();

  /** Bytes of a packet to `neighbour`; Infinity: nobody has complained. */
  of(neighbour: number, nowNs: number): number {
    const found = this.known.get(neighbour);
    return found === undefined || nowNs > found.untilNs ? Number.POSITIVE_INFINITY : found.mtu;
  }

  /**
   * Reads an ICMP message about a packet that `self` sent to one of `neighbours` through the tunnel. Returns
   * whether it was one.
   */
  learn(bytes: Uint8Array, self: number, neighbours: readonly number[], nowNs: number): boolean {
    const length = packetBytes(bytes, 0, bytes.length);
    if (length === 0 || protocolOf(bytes) !== IPPROTO_ICMP || isPiece(bytes)) return false;
    const icmp = headerBytesOf(bytes);
    const about = icmp + ICMP_HEADER_BYTES;
    if (about + IPV4_HEADER_BYTES > length) return false;
    if (bytes[icmp] !== DEST_UNREACH || bytes[icmp + 1] !== FRAG_NEEDED) return false;
    if (protocolOf(bytes, about) !== IPPROTO_IPIP || sourceOf(bytes, about) !== self) return false;
    const neighbour = destinationOf(bytes, about);
    const mtu = readHalf(bytes, icmp + 6);
    if (!neighbours.includes(neighbour) || mtu < MTU_MIN) return false;
    this.known.set(neighbour, { mtu, untilNs: nowNs + KNOWN_NS });
    return true;
  }
}
