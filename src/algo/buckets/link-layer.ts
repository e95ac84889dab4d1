/**
 * Link layer: how many bytes on the link an IP packet takes.
 *
 * Reference: net/sched/sch_cake.c, cake_calc_overhead() and cake_overhead(); tc-cake(8), "Link layer" (the
 * keywords and their numbers); ITU-T I.363.5 (AAL5: cells of 53 bytes carry 48), IEEE 802.3ah (64b/65b
 * encoding of PTM).
 *
 * Model. First the overhead is added, then the smallest frame counts, then the framing adds its bytes:
 *
 *     n = max(ip + overhead, mpu)
 *
 *     none   n                    atm   ceil(n / 48) * 53                    ptm   n + ceil(n / 64)
 *
 *     ip 1500, PPPoE over ATM:    |1500.......................|40|            1540
 *                                 |48|48|48| ... 33 cells ... |04|pad|        33 * 53 = 1749
 *
 * A superpacket is cut before it is sent: every segment has headers, overhead, minimum and framing of its
 * own.
 *
 * | parameter     | unit  | range     | default                                              |
 * |---------------|-------|-----------|------------------------------------------------------|
 * | overheadBytes | bytes | -64 .. 256| 0; bytes that the line adds to an IP packet          |
 * | mpuBytes      | bytes | 0 .. 256  | 0; smallest frame, counted after the overhead        |
 * | framing       |       |           | none                                                 |
 *
 * Worked example: an acknowledgement of 40 bytes is 40 + 40 = 80 = 2 cells = 106 bytes with pppoe-llcsnap,
 * and 84 bytes on Ethernet with preamble and gap. A superpacket of 14640 bytes with 40 of headers and
 * segments of 1460 is ten frames, 15380 bytes.
 *
 * Invariants (test/unit/algo/buckets/link-layer):
 *  1. A longer packet never takes less, and every packet takes at least one byte.
 *  2. A superpacket takes as much as its segments together.
 *
 * Departures: the kernel shows us IP lengths, so no link header is taken off first. A total that the overhead
 * makes zero or less is one byte: a packet that costs nothing would pass any limit. Cost: a comparison, and a
 * division with framing.
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

const CELL_BYTES = 53;
const CELL_PAYLOAD_BYTES = 48;
const PTM_BLOCK_BYTES = 64;

const layerOf = (framing: number, overheadBytes: number, mpuBytes = 0): LinkLayer =>
  Object.freeze({ overheadBytes, mpuBytes, framing });

/** CAKE's keywords. `ethernet` counts everything on the wire: preamble, frame check and gap too. */
export const LINK_LAYERS: Readonly<Record<string, LinkLayer>> = Object.freeze({
  raw: layerOf(FRAMING_NONE, 0),
  conservative: layerOf(FRAMING_ATM, 48),
  'pppoa-vcmux': layerOf(FRAMING_ATM, 10),
  'pppoa-llc': layerOf(FRAMING_ATM, 14),
  'pppoe-vcmux': layerOf(FRAMING_ATM, 32),
  'pppoe-llcsnap': layerOf(FRAMING_ATM, 40),
  'bridged-vcmux': layerOf(FRAMING_ATM, 24),
  'bridged-llcsnap': layerOf(FRAMING_ATM, 32),
  'ipoa-vcmux': layerOf(FRAMING_ATM, 8),
  'ipoa-llcsnap': layerOf(FRAMING_ATM, 16),
  'pppoe-ptm': layerOf(FRAMING_PTM, 30),
  'bridged-ptm': layerOf(FRAMING_PTM, 22),
  docsis: layerOf(FRAMING_NONE, 18, 64),
  ethernet: layerOf(FRAMING_NONE, 38, 84),
});

/** Whether every packet takes its IP length on the link. */
export function isPlain({ overheadBytes, mpuBytes, framing }: LinkLayer): boolean {
  return overheadBytes === 0 && mpuBytes <= 1 && framing === FRAMING_NONE;
}

/** Bytes on the link that one IP packet takes. */
export function wireBytes(layer: LinkLayer, ipBytes: number): number {
  const n = Math.max(ipBytes + layer.overheadBytes, layer.mpuBytes, 1);
  if (layer.framing === FRAMING_ATM) return Math.ceil(n / CELL_PAYLOAD_BYTES) * CELL_BYTES;
  if (layer.framing === FRAMING_PTM) return n + Math.ceil(n / PTM_BLOCK_BYTES);
  return n;
}

/** Packets that a superpacket becomes, each of `headerBytes` of headers and `segmentBytes` of payload. */
export function segmentsOf(ipBytes: number, headerBytes: number, segmentBytes: number): number {
  return Math.max(1, Math.ceil((ipBytes - headerBytes) / segmentBytes));
}

/** Bytes on the link that a superpacket takes once it is cut. */
export function superpacketWireBytes(
  layer: LinkLayer,
  ipBytes: number,
  headerBytes: number,
  segmentBytes: number,
): number {
  const whole = segmentsOf(ipBytes, headerBytes, segmentBytes) - 1;
  const last = ipBytes - whole * segmentBytes;
  return whole * wireBytes(layer, headerBytes + segmentBytes) + wireBytes(layer, last);
}
