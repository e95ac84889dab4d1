/**
 * Reads capture files of the classic format: both byte orders, microseconds and nanoseconds, Ethernet with
 * VLAN tags, raw IP, Linux cooked (SLL and SLL2), BSD loopback. Nothing is copied: columns point into the
 * file's bytes.
 *
 * Reference: draft-ietf-opsawg-pcap (file and record headers); tcpdump.org/linktypes.html (link layers).
 *
 *   file:    magic 4 | major 2 | minor 2 | 8 unused | snaplen 4 | linktype 4
 *   record:  seconds 4 | fraction 4 | captured 4 | length 4
 */

export class PcapError extends Error {
  override readonly name = 'PcapError';
}

/** Whether the capturing machine sent or received a packet, if the link layer says so. */
export const DIRECTION_UNKNOWN = 0;
export const DIRECTION_OUT = 1;
export const DIRECTION_IN = 2;

export interface Capture {
  readonly bytes: Uint8Array;
  readonly packets: number;
  /**
   * Instant since the first packet. It never decreases: a packet stamped before its predecessor gets the same
   * instant.
   */
  readonly timeNs: Float64Array;
  /** Position of the network header in `bytes`. */
  readonly offset: Float64Array;
  /** Bytes of the packet that were captured. */
  readonly capturedBytes: Int32Array;
  /** IP length, or the length that the link layer carried if there is no IP header. At least 1. */
  readonly lengthBytes: Int32Array;
  readonly direction: Uint8Array;
  /** A record was cut short, and everything behind it is lost. */
  readonly isCut: boolean;
}

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const MAGIC_PCAPNG = 0x0a0d0d0a;
const IP_BYTES_MAX = 0xffff;
const SLL_OUTGOING = 4;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_QINQ = 0x88a8;

/**
 * Reads the link-layer header of the frame at `at`: its length (more than the frame has, if it is cut) and
 * the direction.
 */
interface Link {
  headerBytes(view: DataView, at: number, frameBytes: number): number;
  direction(view: DataView, at: number, frameBytes: number): number;
}

const unknownDirection = (): number => DIRECTION_UNKNOWN;
const fixed = (bytes: number): Link => ({ headerBytes: () => bytes, direction: unknownDirection });

const ETHERNET: Link = {
  headerBytes(view, at, frameBytes) {
    let bytes = 14;
    while (bytes + 4 <= frameBytes && isVlanTag(view.getUint16(at + bytes - 2))) bytes += 4;
    return bytes;
  },
  direction: unknownDirection,
};

const cooked = (headerBytes: number, typeAt: number, typeBytes: 1 | 2): Link => ({
  headerBytes: () => headerBytes,
  direction(view, at, frameBytes) {
    if (frameBytes < headerBytes) return DIRECTION_UNKNOWN;
    const type = typeBytes === 1 ? view.getUint8(at + typeAt) : view.getUint16(at + typeAt);
    return type === SLL_OUTGOING ? DIRECTION_OUT : DIRECTION_IN;
  },
});

/**
 * Link layers by their number in the file's header (tcpdump.org/linktypes.html). 12 and 14 are raw IP on some
 * systems.
 */
const LINKS: ReadonlyMap<number, Link> = new Map([
  [0, fixed(4)],
  [1, ETHERNET],
  [12, fixed(0)],
  [14, fixed(0)],
  [101, fixed(0)],
  [108, fixed(4)],
  [113, cooked(16, 0, 2)],
  [228, fixed(0)],
  [229, fixed(0)],
  [276, cooked(20, 10, 1)],
]);

function isVlanTag(etherType: number): boolean {
  return etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_QINQ;
}

/** Throws PcapError if the file is no capture, or is of a kind that cannot be read. */
export function readPcap(bytes: Uint8Array): Capture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { isLittle, fractionNs, link } = readFileHeader(view);
  const packets = countRecords(view, isLittle);
  const capture: Capture = {
    bytes,
    packets: packets.count,
    timeNs: new Float64Array(packets.count),
    offset: new Float64Array(packets.count),
    capturedBytes: new Int32Array(packets.count),
    lengthBytes: new Int32Array(packets.count),
    direction: new Uint8Array(packets.count),
    isCut: packets.isCut,
  };
  let firstSec = 0;
  let firstFraction = 0;
  let latestNs = 0;
  let at = FILE_HEADER_BYTES;
  for (let i = 0; i < packets.count; i++) {
    const sec = view.getUint32(at, isLittle);
    const fraction = view.getUint32(at + 4, isLittle);
    const frameBytes = view.getUint32(at + 8, isLittle);
    const wireBytes = view.getUint32(at + 12, isLittle);
    const frame = at + RECORD_HEADER_BYTES;
    if (i === 0) {
      firstSec = sec;
      firstFraction = fraction;
    }
    latestNs = Math.max(latestNs, (sec - firstSec) * 1e9 + (fraction - firstFraction) * fractionNs);
    const headerBytes = Math.min(link.headerBytes(view, frame, frameBytes), frameBytes);
    capture.timeNs[i] = latestNs;
    capture.offset[i] = frame + headerBytes;
    capture.capturedBytes[i] = frameBytes - headerBytes;
    capture.lengthBytes[i] = networkBytes(
      view,
      frame + headerBytes,
      frameBytes - headerBytes,
      wireBytes - headerBytes,
    );
    capture.direction[i] = link.direction(view, frame, frameBytes);
    at = frame + frameBytes;
  }
  return capture;
}

function readFileHeader(view: DataView): { isLittle: boolean; fractionNs: number; link: Link } {
  if (view.byteLength < FILE_HEADER_BYTES) throw new PcapError('not a capture file: too short');
  for (const isLittle of [true, false]) {
    const magic = view.getUint32(0, isLittle);
    if (magic === MAGIC_PCAPNG)
      throw new PcapError('a pcapng file; convert it with: editcap -F pcap IN OUT, or tcpdump -r IN -w OUT');
    if (magic !== MAGIC_MICROSECONDS && magic !== MAGIC_NANOSECONDS) continue;
    // The upper bits say whether frames end with a check sequence.
    const linkType = view.getUint32(20, isLittle) & 0xffff;
    const link = LINKS.get(linkType);
    if (!link)
      throw new PcapError(`link type ${linkType} is not read; known are ${[...LINKS.keys()].join(', ')}`);
    return { isLittle, fractionNs: magic === MAGIC_NANOSECONDS ? 1 : 1000, link };
  }
  throw new PcapError('not a capture file: no magic number of pcap at its start');
}

function countRecords(view: DataView, isLittle: boolean): { count: number; isCut: boolean } {
  let count = 0;
  let at = FILE_HEADER_BYTES;
  while (at + RECORD_HEADER_BYTES <= view.byteLength) {
    const end = at + RECORD_HEADER_BYTES + view.getUint32(at + 8, isLittle);
    if (end > view.byteLength) return { count, isCut: true };
    at = end;
    count++;
  }
  return { count, isCut: at < view.byteLength };
}

/**
 * Length of the packet by its IP header, which leaves out Ethernet's padding. The frame's length counts if
 * there is no such header, or if the header says 0 or too much, as it does in packets that were captured
 * before the card segmented them.
 */
function networkBytes(view: DataView, at: number, presentBytes: number, wireBytes: number): number {
  // A length that no network layer has comes from a broken record. Only the captured bytes are certain.
  const carried = Math.max(1, Math.min(wireBytes, Math.max(presentBytes, IP_BYTES_MAX)));
  const version = presentBytes > 0 ? view.getUint8(at) >> 4 : 0;
  let said = 0;
  if (version === 4 && presentBytes >= 4) said = view.getUint16(at + 2);
  if (version === 6 && presentBytes >= 6) {
    const payloadBytes = view.getUint16(at + 4);
    said = payloadBytes === 0 ? 0 : payloadBytes + 40;
  }
  return said >= 20 && said <= carried ? said : carried;
}
