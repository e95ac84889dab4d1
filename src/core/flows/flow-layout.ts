/**
 * The memory of the flow table, which the control thread reads by itself (flow-reader.ts): a header, then a
 * record for each row of what every packet compares and writes, then a record for each row of what was
 * measured.
 *
 *   header | records of RECORD_WORDS, rows of the key table | measures of MEASURE_WORDS, in the same order
 *
 * The packet thread writes all of it, and nobody tells the reader when. So a record begins a generation, a
 * number that is 0 while its row is free or is being made: who reads the same number before and after has
 * read one flow. Counts of a flow that changes meanwhile may be one packet apart.
 *
 * Instants that only people ask for are ticks or milliseconds, in one word.
 */
import { invariant } from '../../base/assert.ts';
import { CLASSES_MAX } from '../../limits.ts';

/** 48 bytes: large allocations begin 16 bytes into a page, so the records lie on cache lines. */
const HEADER_WORDS = 12;
export const HEADER_NOW_NS = 0; // float64: instant of the last batch
export const HEADER_SIZE = 2; // flows
export const HEADER_HIGH_WATER = 3; // end of the records that were ever in use, in words
export const HEADER_CLASS_CHANGES = 4; // how often classes have got other rows

/** Key words: protocol and family, ports, first address words, then the rest of IPv6 addresses. */
export const KEY_WORDS = 10;
export const KEY_SRC = [2, 4, 5, 6] as const;
export const KEY_DST = [3, 7, 8, 9] as const;

// A record: two cache lines. What every packet compares is in the first, what it writes in the second.
export const HASH_SLOT = 10;
export const LEAVES = 11; // second leaf in the high half
export const IF_INDEX_IN = 12;
export const IF_INDEX_OUT = 13;
export const FOREIGN_MARK = 14;
/** DSCP, hook << 8, then the NFQUEUE of the last packet, + 1, and whether packets show their device. */
export const HOOK_DSCP = 15;
export const NFQUEUE_SHIFT = 16;
export const NFQUEUE_MASK = 0xff;
export const SHOWS_DEVICE = 1 << 24;
/** What of the word a packet is classified by. */
export const HOOK_DSCP_MASK = 0xffff;
export const LAST_SEEN_NS = 16; // float64
export const PACKETS = 18; // float64: packets that came
export const BYTES = 20; // float64: their bytes
export const PACKETS_DONE = 22; // packets that have a verdict, modulo 2^32
/** Packets that wait in a queue and their bytes; those that pass at once are never among them. */
export const WAITING_PACKETS = 23;
export const WAITING_BYTES = 24; // modulo 2^32
export const GENERATION = 25;
/** In the class of the leaf, then in a class around it. */
export const EACH_BUCKET = 26; // and 27
/** In the leaf, then in the bucket. */
export const FAIR_QUEUE = 28; // and 29
/** Its inside addresses (hosts/host-counts.ts); 0: none. */
export const HOST_PAIR = 30;
export const BUSY_TICK = 31; // the flow must not be forgotten before it
export const RECORD_SHIFT = 5;
export const RECORD_WORDS = 1 << RECORD_SHIFT;
export const FIELD_WORDS = RECORD_WORDS - KEY_WORDS - 1;

// A measure. All its words are 0 when the flow begins.
export const BYTES_BEFORE = 0; // float64
export const BYTES_DROPPED = 2; // float64
/** Packets by DROP_* of the ledger, but those that modules have dropped. */
export const DROPS = 4; // to 7
export const MARKED = 8;
/** The `each` bucket that made a packet wait last: millisecond, and class row + 1. */
export const EACH_MS = 9;
export const EACH_CLASS = 10;
/**
 * The last drop: millisecond; DROP_* in the lowest bits, class row + 1 of the policer if it was one above
 * them, and in the high half the packets that modules have dropped, at most MODULE_DROPS_MAX.
 */
export const DROP_MS = 11;
export const DROP_CLASS = 12;
export const DROP_REASON_BITS = 3;
export const DROP_REASON_MASK = (1 << DROP_REASON_BITS) - 1;
export const MODULE_DROPS_SHIFT = 16;
export const MODULE_DROPS_MAX = 0xffff;
invariant(
  CLASSES_MAX < 1 << (MODULE_DROPS_SHIFT - DROP_REASON_BITS),
  'the row of a class plus 1 has 13 bits beside the reason of a drop',
);
/** Millisecond at which the last packet left that has waited. */
export const WAIT_MS = 13;
export const FIRST_TICK = 14; // when the flow began
/** Generations of the addresses of HOST_PAIR. */
export const PAIR_GENERATIONS = 15;

// What TCP of this direction shows (tcp-watch.ts): one cache line of its own.
/** Row and generation of the flow in the other direction, when both have begun. */
export const REVERSE = 16;
export const REVERSE_GENERATION = 17;
export const TCP_STATE = 18;
export const SEQ_HIGH = 19; // end of the highest data that was seen
export const PEER_ACK = 20; // the highest acknowledgement of it
export const PEER_EDGE = 21; // end of the receiver's window
export const PENDING = 22; // end of data, or time stamp, whose answer is timed
export const PENDING_US = 23;
export const LAST_STAMP = 24; // the highest time stamp that was sent
export const RTT_US = 25; // from here to the receiver and back, smoothed; 0 if it is not known
export const RTT_MIN_US = 26;
export const RETRANSMITS = 27;
export const HOLE_END = 28; // data before it was skipped
export const HOLE_US = 29; // when it was skipped
export const FULL_MS = 30; // millisecond at which the receiver's window was full last

/** Packets by the time that they have waited in a tree, WAIT_BINS counts modulo 2^16. */
const WAITS = 32; // to 47
export const MEASURE_WORDS = 48;

/** Bits of TCP_STATE. The lowest says that a segment was read. */
export const TCP_READ = 1;
export const TCP_SEQ_KNOWN = 2;
export const TCP_ACK_KNOWN = 4;
export const TCP_EDGE_KNOWN = 8;
/** A SYN was seen, and whether it had a scale, which stands in the highest bits. */
export const SYN_SEEN = 16;
export const HAS_SCALE = 32;
/** Of a paced connection that has not ended: remembered for PACED_IDLE_NS. */
export const TCP_KEPT = 2048;
export const SCALE_SHIFT = 12;

/** Times of waiting are counted in bins of half octaves, from 98 us to 3.2 s and beyond. */
export const WAIT_BINS = 32;
const WAIT_BIN_SHIFT = 6;

/** A tick is 2^26 ns, 67 ms: in one word they last for nine years. */
const TICK_NS = 0x4000000;

/** The bin of a time of waiting. */
export function waitBin(waitNs: number): number {
  const units = waitNs < 2 ** 40 ? (waitNs / 1024) | 0 : 2 ** 30;
  if (units < 1 << WAIT_BIN_SHIFT) return 0;
  const exponent = 31 - Math.clz32(units);
  const bin = 2 * (exponent - WAIT_BIN_SHIFT) + ((units >> (exponent - 1)) & 1);
  return bin < WAIT_BINS ? bin : WAIT_BINS - 1;
}

/** The shortest time of waiting in a bin. */
export function waitBinStartNs(bin: number): number {
  if (bin === 0) return 0;
  return (1024 * (2 + (bin & 1)) * 2 ** ((bin >> 1) + WAIT_BIN_SHIFT)) / 2;
}

/** The tick that ends at or behind an instant. */
export function tickOf(ns: number): number {
  return Math.ceil(ns / TICK_NS);
}

export function tickNs(tick: number): number {
  return (tick >>> 0) * TICK_NS;
}

/** The parts of the memory of a flow table. */
export interface FlowMemory {
  readonly buffer: ArrayBufferLike;
  readonly rows: number;
  readonly header: Int32Array;
  readonly headerFloats: Float64Array;
  readonly records: Float64Array;
  /** The measure of row `f` begins at measureAt(f). */
  readonly measures: Int32Array;
  readonly measureFloats: Float64Array;
  readonly waits: Uint16Array;
}

const BYTES_PER_ROW = 4 * (RECORD_WORDS + MEASURE_WORDS);

export function createFlowMemory(rows: number): FlowMemory {
  return flowMemoryOver(new SharedArrayBuffer(4 * HEADER_WORDS + rows * BYTES_PER_ROW));
}

export function flowMemoryOver(buffer: ArrayBufferLike): FlowMemory {
  const recordsAt = 4 * HEADER_WORDS;
  const rows = (buffer.byteLength - recordsAt) / BYTES_PER_ROW;
  const measuresAt = recordsAt + rows * 4 * RECORD_WORDS;
  const words = rows * MEASURE_WORDS;
  return {
    buffer,
    rows,
    header: new Int32Array(buffer, 0, HEADER_WORDS),
    headerFloats: new Float64Array(buffer, 0, HEADER_WORDS / 2),
    records: new Float64Array(buffer, recordsAt, (rows * RECORD_WORDS) / 2),
    measures: new Int32Array(buffer, measuresAt, words),
    measureFloats: new Float64Array(buffer, measuresAt, words / 2),
    waits: new Uint16Array(buffer, measuresAt + 4 * WAITS, 2 * (words - WAITS)),
  };
}

/** Place of the measure of row `f`, in words. */
export function measureAt(f: number): number {
  return (f >> RECORD_SHIFT) * MEASURE_WORDS;
}

/** Both leaves in one word, as signed halves: CLASSES_MAX and NONE fit. */
export function leavesWord(leaf: number, secondLeaf: number): number {
  return (secondLeaf << 16) | (leaf & 0xffff);
}
