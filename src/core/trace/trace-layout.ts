/**
 * The memory between the packet thread, which records TCP segments there while somebody watches them, and
 * the control thread, which reads them: a header, then a ring of records.
 *
 *   header: begun, written | record 0 | record 1 | ... | record TRACE_ROWS - 1 | record 0 again
 *
 * Both counts of the header go on modulo 2^32. A record counts as begun before its first word is written,
 * and all records of a batch as written at its end. So who has copied records and then finds how many were
 * begun meanwhile, knows which of them may have been overwritten.
 */
import { TRACE_ROWS } from '../../limits.ts';

/** A cache line. */
const HEADER_WORDS = 16;
export const HEADER_BEGUN = 0;
export const HEADER_WRITTEN = 1;

export const TRACE_SHIFT = 4;
const RECORD_WORDS = 1 << TRACE_SHIFT;

export const KIND = 2; // KIND_*
/** Packet id and NFQUEUE: together they name a packet until it has a verdict. */
export const PACKET_ID = 3;
export const NFQUEUE = 4;
/** Row and generation of its flow. */
export const FLOW = 5;
export const FLOW_GENERATION = 6;
// Of a segment:
export const AT_NS = 0; // float64: instant of the engine's clock
export const LENGTH_BYTES = 7; // by IP
export const PAYLOAD_BYTES = 8;
export const FLAGS = 9;
export const SEQ = 10;
export const ACK = 11;
/** The field as its sender wrote it, and as it left us. */
export const WINDOW_BEFORE = 12;
export const WINDOW_AFTER = 13;
/** By which both are shifted; NONE if it is not known. */
export const SCALE = 14;
// Of a drop:
export const DROP_REASON = 7; // DROP_* of the ledger

/** A segment that has come; one whose acknowledgement pacing holds; a segment that was dropped here. */
export const KIND_SEGMENT = 0;
export const KIND_HELD = 1;
export const KIND_DROPPED = 2;

export interface TraceMemory {
  readonly buffer: SharedArrayBuffer;
  readonly header: Int32Array;
  /** Record n begins at `(n % TRACE_ROWS) << TRACE_SHIFT`. */
  readonly words: Int32Array;
  readonly floats: Float64Array;
}

export function createTraceMemory(): TraceMemory {
  return traceMemoryOver(new SharedArrayBuffer(4 * (HEADER_WORDS + TRACE_ROWS * RECORD_WORDS)));
}

export function traceMemoryOver(buffer: SharedArrayBuffer): TraceMemory {
  return {
    buffer,
    header: new Int32Array(buffer, 0, HEADER_WORDS),
    words: new Int32Array(buffer, 4 * HEADER_WORDS),
    floats: new Float64Array(buffer, 4 * HEADER_WORDS),
  };
}
