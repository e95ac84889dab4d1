/**
 * Link layer: how many bytes of a link an IP packet takes.
 *
 * Reference: net/sched/sch_cake.c, cake_calc_overhead() and cake_overhead(); tc-cake(8), "Link layer" (the
 * keywords and their numbers); ITU-T I.363.5 (AAL5: cells of 53 bytes carry 48), IEEE 802.3ah (64b/65b
 * encoding of PTM).
 *
 * Model. Headers first, then what is at least sent, then what the framing adds:
 *
 *     n = max(ip + overhead, mpu)
 *
 *     none   n                    atm   ceil(n / 48) * 53                    ptm   n + ceil(n / 64)
 *
 *     ip 1500, PPPoE over ATM:    |1500.......................|40|            1540
 *                                 |48|48|48| ... 33 cells ... |04|pad|        33 * 53 = 1749
 *
 * A superpacket is cut before it is sent: every segment has the headers, the overhead, the minimum and the
 * framing anew.
 *
 * | parameter     | unit  | range     | default                                              |
 * |---------------|-------|-----------|------------------------------------------------------|
 * | overheadBytes | bytes | -64 .. 256| 0; what the line adds to an IP packet                |
 * | mpuBytes      | bytes | 0 .. 256  | 0; smallest frame, counted after the overhead        |
 * | framing       |       |           | none                                                 |
 *
 * Worked example: 40 bytes of acknowledgement are 40 + 40 = 80 = 2 cells = 106 bytes with pppoe-llcsnap, 84
 * on Ethernet with preamble and gap. A superpacket of 14640 bytes with 40 of headers and segments of 1460 is
 * ten frames, 15380 bytes.
 *
 * Invariants (test/unit/algo/link-layer):
 *  1. A longer packet never takes less, and every packet takes at least one byte.
 *  2. A superpacket takes what its segments take one by one.
 *
 * Departure: the kernel shows us IP lengths, so nothing is taken off for a link header first. A total that
 * the overhead makes zero or less is one byte: a packet that costs nothing would pass any limit. Cost: a
 * comparison, a division with framing.
 */

export const FRAMING_NONE = 0;
export const FRAMING_ATM = 1;
export const FRAMING_PTM = 2;

export interface LinkLayer {
  readonly overheadBytes: number;
  readonly mpuBytes: number;
  readonly framing: number;
}

export const OVERHEAD_BYTES_MIN = -64;
export const OVERHEAD_BYTES_MAX = 256;
export const MPU_BYTES_MAX = 256;
/** To be added to overheadBytes for each VLAN tag that the shaped device does not see. */
export const VLAN_TAG_BYTES = 4;

const CELL_BYTES = 53;
const CELL_PAYLOAD_BYTES = 48;
const PTM_BLOCK_BYTES = 64;

const layer = (framing: number, overheadBytes: number, mpuBytes = 0): LinkLayer =>
  Object.freeze({ overheadBytes, mpuBytes, framing });

/** CAKE's keywords. `ethernet` is a whole wire: preamble, frame check and gap too. */
export const LINK_LAYERS: Readonly<Record<string, LinkLayer>> = Object.freeze({
  raw: layer(FRAMING_NONE, 0),
  conservative: layer(FRAMING_ATM, 48),
  'pppoa-vcmux': layer(FRAMING_ATM, 10),
  'pppoa-llc': layer(FRAMING_ATM, 14),
  'pppoe-vcmux': layer(FRAMING_ATM, 32),
  'pppoe-llcsnap': layer(FRAMING_ATM, 40),
  'bridged-vcmux': layer(FRAMING_ATM, 24),
  'bridged-llcsnap': layer(FRAMING_ATM, 32),
  'ipoa-vcmux': layer(FRAMING_ATM, 8),
  'ipoa-llcsnap': layer(FRAMING_ATM, 16),
  'pppoe-ptm': layer(FRAMING_PTM, 30),
  'bridged-ptm': layer(FRAMING_PTM, 22),
  docsis: layer(FRAMING_NONE, 18, 64),
  ethernet: layer(FRAMING_NONE, 38, 84),
});

/** Bytes of the link that one IP packet takes. */
export function wireBytes(l: LinkLayer, ipBytes: number): number {
  const n = Math.max(ipBytes + l.overheadBytes, l.mpuBytes, 1);
  if (l.framing === FRAMING_ATM) return Math.ceil(n / CELL_PAYLOAD_BYTES) * CELL_BYTES;
  if (l.framing === FRAMING_PTM) return n + Math.ceil(n / PTM_BLOCK_BYTES);
  return n;
}

/**
 * Packets that a superpacket becomes: `headerBytes` of IP and transport header, `segmentBytes` of payload
 * each.
 */
export function segmentsOf(ipBytes: number, headerBytes: number, segmentBytes: number): number {
  return Math.max(1, Math.ceil((ipBytes - headerBytes) / segmentBytes));
}

/** Bytes of the link that a superpacket takes once it is cut. */
export function superpacketWireBytes(
  l: LinkLayer,
  ipBytes: number,
  headerBytes: number,
  segmentBytes: number,
): number {
  const whole = segmentsOf(ipBytes, headerBytes, segmentBytes) - 1;
  const last = ipBytes - whole * segmentBytes;
  return whole * wireBytes(l, headerBytes + segmentBytes) + wireBytes(l, last);
}
