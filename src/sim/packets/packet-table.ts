/**
 * The packets under way as rows of columns, from the endpoint that sends them, over lines and through the
 * shaper, to the endpoint that receives them. There is no object per packet. The table doubles when it is
 * full.
 */
import { NONE } from '../../base/none.ts';

/**
 * Kinds of packets. Odd kinds travel in the reverse direction of their flow; multiples of four carry its
 * data.
 */
export const KIND_DATA = 0; // TCP segment with data
export const KIND_ACK = 1; // TCP acknowledgement
export const KIND_SYN = 2;
export const KIND_SYN_ACK = 3;
export const KIND_DATAGRAM = 4; // of a constant, Poisson, on-off or ping source
export const KIND_REQUEST = 5; // asks the far end of a request-response flow
export const KIND_PROBE = 6; // TCP segment without data that asks for a window
export const KIND_ANSWER = 7; // to a ping
export const KIND_CAPTURED = 8; // from a capture file; seq is its number there

export function isBack(kind: number): boolean {
  return (kind & 1) === 1;
}

export function carriesData(kind: number): boolean {
  return (kind & 3) === 0;
}

/** TCP flags as in the header (RFC 9293, 3.1). */

/** ECN field (RFC 3168, 5). */
export const ECT_0 = 2;
export const CE = 3;

/** SACK blocks in an acknowledgement: as many as fit beside timestamps (RFC 2018, 3). */
export const SACK_BLOCKS = 3;
/** Words per row for the ends of these blocks. */
export const SACK_WORDS = 2 * SACK_BLOCKS;

const ROWS_AT_START = 4096;

export class PacketTable {
  rows = 0;
  /** Rows in use. */
  size = 0;
  flow = new Int32Array(0);
  kind = new Uint8Array(0);
  /** IP length. */
  lengthBytes = new Int32Array(0);
  /** Number of the segment or datagram. In an acknowledgement, the first segment not received. */
  seq = new Int32Array(0);
  tcpFlags = new Uint8Array(0);
  ecn = new Uint8Array(0);
  /** Of TCP: number of the first byte, and of the byte that the sender awaits, modulo 2^32. */
  firstByte = new Int32Array(0);
  ackByte = new Int32Array(0);
  /** Of TCP: the window as it stands in the header, without its scale. */
  windowField = new Int32Array(0);
  /** The instant that the packet returns: that of its cause (RFC 7323, 3). 0 is none. */
  echoNs = new Float64Array(0);
  /** Position in the table of hops. */
  hop = new Int32Array(0);
  /** The next row in the same FIFO, or the next free row. */
  next = new Int32Array(0);
  /** Instant at which its line delivers the packet. */
  dueNs = new Float64Array(0);
  /** Instant at which the packet came to the shaper. */
  enteredNs = new Float64Array(0);
  /** Time that the packet has spent in queues of the shaper and of lines, its own transmission included. */
  queuedNs = new Float64Array(0);
  /** Instant at which its sender sent the packet; of the answer to a ping, at which the ping was sent. */
  sentNs = new Float64Array(0);
  /** SACK blocks [start, end) as segment numbers, SACK_WORDS per row; `sacks` says how many blocks count. */
  sack = new Int32Array(0);
  sacks = new Uint8Array(0);
  /** The same blocks as byte numbers. */
  sackByte = new Int32Array(0);
  private free = NONE;
  private highWater = 0;

  constructor() {
    this.grow(ROWS_AT_START);
  }

  /** Takes a row for a new packet. Length, kind, flow and number are set; the rest is zero. */
  take(flow: number, kind: number, seq: number, lengthBytes: number): number {
    let p = this.free;
    if (p !== NONE) this.free = this.next[p];
    else {
      if (this.highWater === this.rows) this.grow(2 * this.rows);
      p = this.highWater++;
    }
    this.size++;
    this.flow[p] = flow;
    this.kind[p] = kind;
    this.seq[p] = seq;
    this.lengthBytes[p] = lengthBytes;
    this.tcpFlags[p] = 0;
    this.ecn[p] = 0;
    this.firstByte[p] = 0;
    this.ackByte[p] = 0;
    this.windowField[p] = 0;
    this.echoNs[p] = 0;
    this.queuedNs[p] = 0;
    this.sacks[p] = 0;
    return p;
  }

  /** Takes a row for a packet that is as `from` is, at the same place. */
  copy(from: number): number {
    const p = this.take(this.flow[from], this.kind[from], this.seq[from], this.lengthBytes[from]);
    for (const column of [this.tcpFlags, this.ecn, this.firstByte, this.ackByte, this.windowField])
      column[p] = column[from];
    for (const column of [this.echoNs, this.hop, this.queuedNs, this.sentNs, this.sacks])
      column[p] = column[from];
    for (const column of [this.sack, this.sackByte])
      column.copyWithin(p * SACK_WORDS, from * SACK_WORDS, (from + 1) * SACK_WORDS);
    return p;
  }

  give(p: number): void {
    this.next[p] = this.free;
    this.free = p;
    this.size--;
  }

  private grow(rows: number): void {
    const longer = <T extends Int32Array | Float64Array | Uint8Array>(column: T, made: T): T => {
      made.set(column);
      return made;
    };
    this.flow = longer(this.flow, new Int32Array(rows));
    this.kind = longer(this.kind, new Uint8Array(rows));
    this.lengthBytes = longer(this.lengthBytes, new Int32Array(rows));
    this.seq = longer(this.seq, new Int32Array(rows));
    this.tcpFlags = longer(this.tcpFlags, new Uint8Array(rows));
    this.ecn = longer(this.ecn, new Uint8Array(rows));
    this.firstByte = longer(this.firstByte, new Int32Array(rows));
    this.ackByte = longer(this.ackByte, new Int32Array(rows));
    this.windowField = longer(this.windowField, new Int32Array(rows));
    this.echoNs = longer(this.echoNs, new Float64Array(rows));
    this.hop = longer(this.hop, new Int32Array(rows));
    this.next = longer(this.next, new Int32Array(rows));
    this.dueNs = longer(this.dueNs, new Float64Array(rows));
    this.enteredNs = longer(this.enteredNs, new Float64Array(rows));
    this.queuedNs = longer(this.queuedNs, new Float64Array(rows));
    this.sentNs = longer(this.sentNs, new Float64Array(rows));
    this.sack = longer(this.sack, new Int32Array(rows * SACK_WORDS));
    this.sackByte = longer(this.sackByte, new Int32Array(rows * SACK_WORDS));
    this.sacks = longer(this.sacks, new Uint8Array(rows));
    this.rows = rows;
  }
}

/** FIFOs of packet rows, one per row of some other table. */
export class PacketFifos {
  readonly head: Int32Array;
  private readonly tail: Int32Array;
  private readonly packets: PacketTable;

  constructor(rows: number, packets: PacketTable) {
    this.head = new Int32Array(rows).fill(NONE);
    this.tail = new Int32Array(rows);
    this.packets = packets;
  }

  isEmpty(row: number): boolean {
    return this.head[row] === NONE;
  }

  push(row: number, p: number): void {
    const { next } = this.packets;
    next[p] = NONE;
    if (this.head[row] === NONE) this.head[row] = p;
    else next[this.tail[row]] = p;
    this.tail[row] = p;
  }

  /** Takes the head, which must be there. */
  shift(row: number): number {
    const p = this.head[row];
    this.head[row] = this.packets.next[p];
    return p;
  }
}
