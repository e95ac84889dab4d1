/**
 * What is known of each paced connection: a record of two cache lines for the flow whose data is paced. It
 * has the row of that flow, `d` in all of this room, and begins anew with the generation of the flow.
 * Memory that no connection has used costs nothing.
 */
import { openTiming } from '../../algo/pacing/ack-timing.ts';
import { openWindow, WINDOW_WORDS } from '../../algo/pacing/window.ts';
import { invariant } from '../../base/assert.ts';
import { NONE } from '../../base/none.ts';
import { FLOWS_MAX } from '../../limits.ts';
import { RECORD_SHIFT, RECORD_WORDS } from '../flows/flow-layout.ts';

/** The state of algo/pacing/window.ts. */
export const WINDOW = 0;
/** Generation of the flow; 0 while there is no connection. */
const FLOW_GENERATION = WINDOW_WORDS;
/** The flow that answers. */
export const ANSWERS = 7;
/** Place in the list of connections. */
const LISTED = 8;
/** The window of its share. */
export const TARGET_BYTES = 9;
/** IP and TCP headers of its data. */
export const HEADER_BYTES = 10;
/** The tick in which our window or a held acknowledgement was what held it back. */
export const LIMITED_TICK = 11;
/** Ticks in a row in which it moved less than its share, although nothing but us held it back. */
export const HARMED_TICKS = 12;
/** Until this tick its windows are the receiver's; 0 if it is paced. */
export const FREE_UNTIL_TICK = 13;
/**
 * IS_ACTIVE and the flags below it; above them GAIN_ONE times by how much more than usual its window leaves
 * for a queue.
 */
export const STATE = 14; // 15 is free
// float64 from here. The state of algo/pacing/ack-timing.ts:
export const TIMING = 16; // to 20
/** Bytes that the flow had moved when the span before the present one began, and when that was. */
export const BEFORE_BYTES = 22;
export const BEFORE_NS = 24;
/** The same of the present span. */
export const SINCE_BYTES = 26;
export const SINCE_NS = 28;
/** Time that a byte of payload takes at the share. */
export const NS_PER_BYTE = 30;

invariant(NS_PER_BYTE + 2 === RECORD_WORDS, 'a record is as long as that of a flow');

export const IS_ACTIVE = 1;
/** Its acknowledgements are timed. */
export const IS_TIMED = 2;
/** Acknowledgements have passed unseen, so nobody knows how far its receiver's promise goes. */
export const IS_EDGE_UNKNOWN = 4;
/** A FIN or RST was seen. */
export const HAS_ENDED = 8;
export const GAIN_SHIFT = 8;
export const GAIN_ONE = 16;

/** Payload of a full segment, until one was seen: Ethernet, with time stamps. */
const MSS_AT_START = 1448;
const HEADER_BYTES_AT_START = 52;

export class Connections {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  size = 0;
  /** Rows of the connections, in no order. */
  private readonly list: Int32Array;

  constructor() {
    const buffer = new ArrayBuffer(4 * (FLOWS_MAX << RECORD_SHIFT));
    this.words = new Int32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.list = new Int32Array(FLOWS_MAX);
  }

  /** The connection in place `n` of the list, from 0 to size - 1. */
  at(n: number): number {
    return this.list[n];
  }

  /** Whether flow `d` of this generation has a connection. */
  has(d: number, generation: number): boolean {
    return this.words[d + FLOW_GENERATION] === generation;
  }

  /**
   * Begins a connection at the edge that its receiver has promised. `movedBytes` is what the flow has moved.
   */
  open(
    d: number,
    generation: number,
    f: number,
    scale: number,
    edge: number,
    movedBytes: number,
    nowNs: number,
  ): void {
    const { words, floats } = this;
    if (words[d + FLOW_GENERATION] === 0) {
      words[d + LISTED] = this.size;
      this.list[this.size++] = d;
    }
    openWindow(words, d + WINDOW, scale, MSS_AT_START, edge);
    openTiming(floats, (d + TIMING) >> 1);
    words[d + FLOW_GENERATION] = generation;
    words[d + ANSWERS] = f;
    words[d + TARGET_BYTES] = 0;
    words[d + HEADER_BYTES] = HEADER_BYTES_AT_START;
    words[d + LIMITED_TICK] = NONE;
    words[d + HARMED_TICKS] = 0;
    words[d + FREE_UNTIL_TICK] = 0;
    words[d + STATE] = GAIN_ONE << GAIN_SHIFT;
    floats[(d + BEFORE_BYTES) >> 1] = movedBytes;
    floats[(d + BEFORE_NS) >> 1] = nowNs;
    floats[(d + SINCE_BYTES) >> 1] = movedBytes;
    floats[(d + SINCE_NS) >> 1] = nowNs;
    floats[(d + NS_PER_BYTE) >> 1] = 0;
  }

  /** Acknowledgements of every connection may have passed unseen. */
  loseEdges(): void {
    for (let n = 0; n < this.size; n++) this.words[this.list[n] + STATE] |= IS_EDGE_UNKNOWN;
  }

  /** Forgets all connections. */
  closeAll(): void {
    for (let n = 0; n < this.size; n++) this.words[this.list[n] + FLOW_GENERATION] = 0;
    this.size = 0;
  }

  /** Forgets connection `d`, which has a place in the list: the last one comes there. */
  close(d: number): void {
    const { words, list } = this;
    words[d + FLOW_GENERATION] = 0;
    const last = list[--this.size];
    list[words[d + LISTED]] = last;
    words[last + LISTED] = words[d + LISTED];
  }
}
