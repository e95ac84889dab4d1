/**
 * Link layers of captures: where the IP packet of a frame starts, if the frame carries one. The frame's own
 * type field decides, never the first bits behind it; only MPLS has no such field.
 *
 * Reference: tcpdump.org/linktypes.html; IEEE 802.3 and 802.2, IEEE 802.1Q, RFC 2516 (PPPoE), RFC 1662 (PPP),
 * RFC 2427 (frame relay), RFC 4928 section 3 (MPLS), IEEE 802.11 section 9.2, radiotap.org.
 */
import { CaptureError } from './capture-error.ts';

/** What a frame carries. */
export const CARRIES_OTHER = 0;
export const CARRIES_IP = 1;
/** ARP: the kernel never queues it. */
export const CARRIES_ARP = 2;

const CARRY_KINDS = 4;

export interface LinkLayer {
  readonly name: string;
  /**
   * Looks into the frame of `frameBytes` captured bytes at `at`. carriesOf() and headerBytesOf() read the
   * result; the link headers are never longer than the frame.
   */
  locate(view: DataView, at: number, frameBytes: number): number;
  /**
   * Place of the field of a cooked header that says whether the machine sent the frame; -1 if there is none.
   */
  readonly packetTypeAt: number;
  readonly packetTypeBytes: 1 | 2;
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_RARP = 0x8035;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_PPPOE = 0x8864;
const ETHERTYPES_VLAN = [0x8100, 0x88a8, 0x9100, 0x9200];
const ETHERTYPES_MPLS = [0x8847, 0x8848];
/** Smaller values in the type field of Ethernet are lengths (IEEE 802.3). */
const ETHERTYPE_MIN = 0x600;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_MPLS = 0x0281;
/** LLC header with SNAP and an EtherType (IEEE 802.2, RFC 1042). */
const SNAP = [0xaa, 0xaa, 0x03, 0, 0, 0];

/** What a frame carries and the length of its link headers, in one number. */
function carry(carries: number, headerBytes: number): number {
  return headerBytes * CARRY_KINDS + carries;
}

export function carriesOf(located: number): number {
  return located % CARRY_KINDS;
}

export function headerBytesOf(located: number): number {
  return Math.floor(located / CARRY_KINDS);
}

/** The first half byte decides; for layers that carry nothing but IP. */
function locateByVersion(view: DataView, at: number, frameBytes: number, from: number): number {
  const version = from < frameBytes ? view.getUint8(at + from) >> 4 : 0;
  return carry(version === 4 || version === 6 ? CARRIES_IP : CARRIES_OTHER, Math.min(from, frameBytes));
}

/** The EtherType field is the two bytes at `typeAt`; the payload follows it. */
function locateByType(view: DataView, at: number, frameBytes: number, typeAt: number): number {
  let from = typeAt;
  while (from + 2 <= frameBytes) {
    const type = view.getUint16(at + from);
    from += 2;
    if (ETHERTYPES_VLAN.includes(type)) from += 2;
    else if (ETHERTYPES_MPLS.includes(type)) return locateMpls(view, at, frameBytes, from);
    else if (type === ETHERTYPE_PPPOE) return locatePpp(view, at, frameBytes, from + 6);
    else if (type < ETHERTYPE_MIN) return locateLlc(view, at, frameBytes, from);
    else return carry(carriedBy(type), Math.min(from, frameBytes));
  }
  return carry(CARRIES_OTHER, frameBytes);
}

function carriedBy(etherType: number): number {
  if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6) return CARRIES_IP;
  return etherType === ETHERTYPE_ARP || etherType === ETHERTYPE_RARP ? CARRIES_ARP : CARRIES_OTHER;
}

function locateLlc(view: DataView, at: number, frameBytes: number, from: number): number {
  const isSnap = from + 8 <= frameBytes && SNAP.every((byte, i) => view.getUint8(at + from + i) === byte);
  if (isSnap) return locateByType(view, at, frameBytes, from + 6);
  else return carry(CARRIES_OTHER, Math.min(from, frameBytes));
}

/** Labels of four bytes up to the one with the bottom-of-stack bit; behind them the version decides. */
function locateMpls(view: DataView, at: number, frameBytes: number, from: number): number {
  let next = from;
  while (next + 4 <= frameBytes) {
    next += 4;
    if ((view.getUint8(at + next - 2) & 1) === 1) return locateByVersion(view, at, frameBytes, next);
  }
  return carry(CARRIES_OTHER, frameBytes);
}

/** The protocol field, one or two bytes (an odd first byte ends it). */
function locatePpp(view: DataView, at: number, frameBytes: number, from: number): number {
  let next = from;
  if (next + 2 <= frameBytes && view.getUint16(at + next) === 0xff03) next += 2;
  if (next + 2 > frameBytes) return carry(CARRIES_OTHER, frameBytes);
  const first = view.getUint8(at + next);
  const isShort = (first & 1) === 1;
  const protocol = isShort ? first : view.getUint16(at + next);
  next += isShort ? 1 : 2;
  if (protocol === PPP_MPLS) return locateMpls(view, at, frameBytes, next);
  return carry(protocol === PPP_IPV4 || protocol === PPP_IPV6 ? CARRIES_IP : CARRIES_OTHER, next);
}

/** PPP in HDLC framing, or Cisco HDLC, which the first byte tells apart (0x0f, 0x8f). */
function locateHdlc(view: DataView, at: number, frameBytes: number): number {
  const address = frameBytes > 0 ? view.getUint8(at) : 0;
  if (address === 0x0f || address === 0x8f) return locateByType(view, at, frameBytes, 2);
  else return locatePpp(view, at, frameBytes, 0);
}

/** Address of two to four bytes (the last has its lowest bit set), control 3, NLPID (RFC 2427). */
function locateFrameRelay(view: DataView, at: number, frameBytes: number): number {
  let from = 0;
  while (from < Math.min(4, frameBytes) && (view.getUint8(at + from) & 1) === 0) from++;
  from += 2;
  // A pad byte of 0 may stand before the NLPID.
  if (from < frameBytes && view.getUint8(at + from) === 0) from++;
  const nlpid = from < frameBytes ? view.getUint8(at + from) : 0;
  from++;
  if (nlpid === 0xcc || nlpid === 0x8e) return carry(CARRIES_IP, Math.min(from, frameBytes));
  else if (nlpid === 0x80) return locateByType(view, at, frameBytes, from + 3);
  else return carry(CARRIES_OTHER, Math.min(from, frameBytes));
}

/** An 802.11 frame at `from`: data frames that are neither empty nor encrypted carry LLC. */
function locateWifi(view: DataView, at: number, frameBytes: number, from: number, isPadded: boolean): number {
  if (from + 24 > frameBytes) return carry(CARRIES_OTHER, frameBytes);
  const kind = view.getUint8(at + from);
  const flags = view.getUint8(at + from + 1);
  const isData = (kind & 0x0c) === 0x08 && (kind & 0x40) === 0;
  const isProtected = (flags & 0x40) !== 0;
  const isQos = (kind & 0x80) !== 0;
  let next = from + 24;
  if ((flags & 3) === 3) next += 6;
  if (isQos) next += 2;
  // QoS data with the order bit has a field of high throughput.
  if (isQos && (flags & 0x80) !== 0) next += 4;
  if (isPadded) next = from + Math.ceil((next - from) / 4) * 4;
  if (!isData || isProtected || next > frameBytes) return carry(CARRIES_OTHER, Math.min(next, frameBytes));
  return locateLlc(view, at, frameBytes, next);
}

/**
 * Radiotap: version, pad, length, then a map of the fields present; only the flag of padded headers counts.
 */
function locateRadiotap(view: DataView, at: number, frameBytes: number): number {
  if (frameBytes < 8) return carry(CARRIES_OTHER, frameBytes);
  const headerBytes = view.getUint16(at + 2, true);
  const present = view.getUint32(at + 4, true);
  let fields = 8;
  for (let map = present; (map & 0x8000_0000) !== 0 && fields + 4 <= frameBytes; fields += 4)
    map = view.getUint32(at + fields, true);
  if ((present & 1) !== 0) fields = Math.ceil(fields / 8) * 8 + 8;
  const flags = (present & 2) !== 0 && fields < frameBytes ? view.getUint8(at + fields) : 0;
  return locateWifi(view, at, frameBytes, headerBytes, (flags & 0x20) !== 0);
}

/** BSD loopback: an address family in four bytes, in the byte order of the machine that captured. */
function locateLoopback(view: DataView, at: number, frameBytes: number): number {
  const family = frameBytes >= 4 ? Math.min(view.getUint32(at, true), view.getUint32(at, false)) : 0;
  const isIp = [2, 10, 24, 28, 30].includes(family);
  return carry(isIp ? CARRIES_IP : CARRIES_OTHER, Math.min(4, frameBytes));
}

type Locate = LinkLayer['locate'];

function layer(name: string, locate: Locate): LinkLayer {
  return { name, locate, packetTypeAt: -1, packetTypeBytes: 2 };
}

const raw = (name: string): LinkLayer =>
  layer(name, (view, at, frameBytes) => locateByVersion(view, at, frameBytes, 0));

/** Link layers that are read, by their number in files. 12 and 14 are raw IP on some systems. */
const LINKS: ReadonlyMap<number, LinkLayer> = new Map([
  [0, layer('BSD loopback', locateLoopback)],
  [1, layer('Ethernet', (view, at, frameBytes) => locateByType(view, at, frameBytes, 12))],
  [9, layer('PPP', (view, at, frameBytes) => locatePpp(view, at, frameBytes, 0))],
  [12, raw('raw IP')],
  [14, raw('raw IP')],
  [50, layer('PPP in HDLC framing', locateHdlc)],
  [51, layer('PPPoE', (view, at, frameBytes) => locatePpp(view, at, frameBytes, 6))],
  [101, raw('raw IP')],
  [104, layer('Cisco HDLC', locateHdlc)],
  [105, layer('802.11', (view, at, frameBytes) => locateWifi(view, at, frameBytes, 0, false))],
  [107, layer('frame relay', locateFrameRelay)],
  [108, layer('OpenBSD loopback', locateLoopback)],
  [
    113,
    {
      name: 'Linux cooked',
      locate: (view, at, frameBytes) => locateByType(view, at, frameBytes, 14),
      packetTypeAt: 0,
      packetTypeBytes: 2,
    },
  ],
  [127, layer('802.11 with radiotap', locateRadiotap)],
  [228, raw('IPv4')],
  [229, raw('IPv6')],
  [
    276,
    {
      name: 'Linux cooked, version 2',
      locate: (view, at, frameBytes) => {
        // The EtherType comes first, the payload after 20 bytes; VLAN tags stand in the payload.
        const type = frameBytes >= 2 ? view.getUint16(at) : 0;
        if (ETHERTYPES_VLAN.includes(type)) return locateByType(view, at, frameBytes, 22);
        else if (ETHERTYPES_MPLS.includes(type)) return locateMpls(view, at, frameBytes, 20);
        else if (type === ETHERTYPE_PPPOE) return locatePpp(view, at, frameBytes, 26);
        else return carry(carriedBy(type), Math.min(20, frameBytes));
      },
      packetTypeAt: 10,
      packetTypeBytes: 1,
    },
  ],
]);

/** Link layers that people meet and that carry no IP packets as such. */
const OTHER_LINKS: ReadonlyMap<number, string> = new Map([
  [6, 'token ring'],
  [119, '802.11 with Prism headers'],
  [147, 'a private link type'],
  [163, '802.11 with AVS headers'],
  [187, 'Bluetooth HCI'],
  [189, 'USB'],
  [192, 'PPI'],
  [195, 'IEEE 802.15.4'],
  [201, 'Bluetooth HCI with direction'],
  [220, 'USB'],
  [227, 'CAN'],
  [239, 'NFLOG'],
  [249, 'USBPcap'],
  [252, 'Wireshark upper PDU'],
  [253, 'netlink'],
  [272, 'nRF sniffer'],
]);

/** Throws CaptureError if the link layer cannot be read. */
export function linkLayer(linkType: number): LinkLayer {
  const known = LINKS.get(linkType);
  if (known) return known;
  const name = OTHER_LINKS.get(linkType);
  const names = [...new Set([...LINKS.values()].map((link) => link.name))].join(', ');
  throw new CaptureError(
    `link type ${linkType}${name === undefined ? '' : ` (${name})`} cannot be read; ` +
      `capture on a device that carries IP. These are read: ${names}`,
  );
}
