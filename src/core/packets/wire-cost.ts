/** The charge for a packet: its bytes on the wire of the link, with framing and overhead. */
import { isPlain, type LinkLayer, superpacketWireBytes, wireBytes } from '../../algo/buckets/link-layer.ts';
import type { HeldTable } from './held.ts';

/** Segments of a superpacket are assumed to fill packets of this length. */
const MTU_BYTES = 1500;
/** The least payload assumed of a segment (RFC 9293 section 3.7.1), however long the headers claim to be. */
const SEGMENT_BYTES_MIN = 536;

/**
 * Bytes that packet `h` costs on the wire of its leaf's link. `linkLayers` has the link layer of every class.
 * A superpacket costs as much as its segments will.
 */
export function chargeBytesOf(linkLayers: readonly LinkLayer[], held: HeldTable, h: number): number {
  const layer = linkLayers[held.leaf[h]];
  const headerBytes = held.headerBytes(h);
  if (headerBytes === 0) return wireBytes(layer, held.lengthBytes[h]);
  const segmentBytes = Math.max(SEGMENT_BYTES_MIN, MTU_BYTES - headerBytes);
  return superpacketWireBytes(layer, held.lengthBytes[h], headerBytes, segmentBytes);
}

/** About what `packets` packets of `lengthBytes` together cost: as if they were of one length. */
export function chargeBytesOfMany(layer: LinkLayer, packets: number, lengthBytes: number): number {
  if (isPlain(layer) || packets <= 0) return lengthBytes;
  // Longer ones are superpackets.
  const segments = Math.max(packets, Math.ceil(lengthBytes / MTU_BYTES));
  return segments * wireBytes(layer, lengthBytes / segments);
}
