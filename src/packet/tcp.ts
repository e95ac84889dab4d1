/**
 * Reads TCP segments for the ACK filter (algo/queues/ack-filter.ts): acknowledgement number, flags, options,
 * and whether the segment is nothing but an acknowledgement. Only packets of leaves with the filter are read
 * this far, into columns that live as long as the packet is held.
 *
 * Odd packets are treated more strictly than by cake_tcph_may_drop() of
 * net/sched/sch_cake.c: a header that was not copied whole is no segment at
 * all, and a segment whose options do not end where they should is not plain.
 *
 * Cost: about 35 ns per segment, no allocation. Offsets in the code are those of RFC 9293, 3.1.
 */
import { SACK_BLOCKS_MAX } from '../limits.ts';
import { ACK_AT, DATA_OFFSET_AT, FLAGS_AT, headerBytesOf, readWord, TCP_HEADER_BYTES } from './tcp-header.ts';

/** Columns that describe segments. The caller chooses the rows. */
export interface SegmentColumns {
  /** CWR ECE URG ACK PSH RST SYN FIN, from bit 7 down; 0 without a whole TCP header. */
  readonly flags: Uint8Array;
  /**
   * 1 for a segment without payload, reserved flags, and options
   * except padding, SACK, time stamps and MD5 signature.
   */
  readonly isPlain: Uint8Array;
  readonly ack: Uint32Array;
  /** TSval and, in stampEcho, TSecr (RFC 7323, 3.2); 0 without the option. */
  readonly stamp: Uint32Array;
  readonly stampEcho: Uint32Array;
  /** SACK blocks in use (RFC 2018, 3). Block b of row r has its edges at SACK_BLOCKS_MAX * r + b. */
  readonly sackBlocks: Uint8Array;
  readonly sackLeft: Uint32Array;
  readonly sackRight: Uint32Array;
}

/** Low half of the byte with the data offset: three reserved flags and AE, formerly NS (RFC 9768, 3.1). */
const RESERVED_FLAGS = 0x0f;

/** Option kinds (IANA, TCP parameters). */
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_SACK = 5;
const OPTION_TIMESTAMPS = 8;
const OPTION_MD5 = 19;
const TIMESTAMPS_BYTES = 10;
const SACK_BLOCK_BYTES = 8;

/** Makes row `r` say that there is no segment. */
export function clearSegment(columns: SegmentColumns, r: number): void {
  columns.flags[r] = 0;
  columns.isPlain[r] = 0;
}

/**
 * Reads the segment whose header begins at `slab[at]` into row `r`. `segmentBytes` are its header and payload
 * by the IP length. Touches nothing at or behind `slab[end]`. Never throws.
 */
export function parseSegment(
  slab: Uint8Array,
  at: number,
  end: number,
  segmentBytes: number,
  columns: SegmentColumns,
  r: number,
): void {
  clearSegment(columns, r);
  if (at + TCP_HEADER_BYTES > end) return;
  const headerBytes = headerBytesOf(slab, at);
  if (headerBytes < TCP_HEADER_BYTES || at + headerBytes > end) return;
  columns.flags[r] = slab[at + FLAGS_AT];
  columns.ack[r] = readWord(slab, at + ACK_AT);
  columns.stamp[r] = 0;
  columns.stampEcho[r] = 0;
  columns.sackBlocks[r] = 0;
  const isKnown = parseOptions(slab, at + TCP_HEADER_BYTES, at + headerBytes, columns, r);
  const isPure = segmentBytes === headerBytes && (slab[at + DATA_OFFSET_AT] & RESERVED_FLAGS) === 0;
  columns.isPlain[r] = isPure && isKnown ? 1 : 0;
}

/** Reads the options that matter. Returns false if there are others, or if they are malformed. */
function parseOptions(
  slab: Uint8Array,
  start: number,
  end: number,
  columns: SegmentColumns,
  r: number,
): boolean {
  let isKnown = true;
  let bytes = 1;
  for (let at = start; at < end; at += bytes) {
    const kind = slab[at];
    if (kind === OPTION_END) return isKnown;
    if (kind === OPTION_NOP) {
      bytes = 1;
      continue;
    }
    if (at + 2 > end) return false;
    bytes = slab[at + 1];
    if (bytes < 2 || at + bytes > end) return false;
    if (kind === OPTION_TIMESTAMPS && bytes === TIMESTAMPS_BYTES) {
      columns.stamp[r] = readWord(slab, at + 2);
      columns.stampEcho[r] = readWord(slab, at + 6);
    } else if (kind === OPTION_SACK && bytes % SACK_BLOCK_BYTES === 2 && columns.sackBlocks[r] === 0) {
      parseSack(slab, at, bytes, columns, r);
    } else if (kind !== OPTION_MD5) {
      isKnown = false;
    }
  }
  return isKnown;
}

function parseSack(slab: Uint8Array, at: number, bytes: number, columns: SegmentColumns, r: number): void {
  const blocks = (bytes - 2) / SACK_BLOCK_BYTES;
  columns.sackBlocks[r] = blocks;
  for (let b = 0; b < blocks; b++) {
    columns.sackLeft[r * SACK_BLOCKS_MAX + b] = readWord(slab, at + 2 + SACK_BLOCK_BYTES * b);
    columns.sackRight[r * SACK_BLOCKS_MAX + b] = readWord(slab, at + 6 + SACK_BLOCK_BYTES * b);
  }
}
