/**
 * Packets that modules look at, as rows of columns: those of a batch, or those that modules have released.
 * Beside the packets stands what modules have decided and changed. A packet that is changed is changed where
 * it was copied to, so whoever reads its row afterwards sees it as it is now.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS } from '../../limits.ts';
import { type Arrivals, NF_INET_LOCAL_OUT } from '../../packet/batch.ts';
import { type Parsed, parseRow } from '../../packet/parse.ts';
import type { PacketSource } from '../../packet/port.ts';

// What becomes of a packet.
export const GOES_ON = 0;
export const IS_DROPPED = 1;
export const IS_HELD = 2;

// What was changed of a packet.
/** Its bytes. */
export const EDITED = 1;
/** What the kernel routes local packets by: addresses, TOS, mark. */
export const REROUTED = 2;

/** The flow number of a row was not looked up. */
export const FLOW_UNKNOWN = -2;

export class Rows {
  arrivals: Arrivals;
  slab: Uint8Array;
  parsed: Parsed;
  /** End of the place for the bytes of the last row. */
  endOffset = 0;
  rows = 0;
  readonly decision = new Uint8Array(ARRIVAL_ROWS);
  readonly edits = new Uint8Array(ARRIVAL_ROWS);
  /** Place among the modules of the first that has not seen the packet. */
  readonly from = new Uint16Array(ARRIVAL_ROWS);
  /** Hold of the packet that IS_HELD; NONE. */
  readonly hold = new Int32Array(ARRIVAL_ROWS);
  /** Number and direction of the flow (flow-numbers.ts), or FLOW_UNKNOWN. */
  readonly flow = new Int32Array(ARRIVAL_ROWS);
  readonly direction = new Uint8Array(ARRIVAL_ROWS);
  /** Row of the held table that the packet has already; NONE. */
  readonly h = new Int32Array(ARRIVAL_ROWS);
  /** 1: it goes to another place in the line. */
  readonly isLeaving = new Uint8Array(ARRIVAL_ROWS);

  private readonly asSource: { batch: { arrivals: Arrivals }; slab: Uint8Array };

  constructor(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed) {
    this.asSource = { batch: { arrivals }, slab };
    this.arrivals = arrivals;
    this.slab = slab;
    this.parsed = parsed;
  }

  /** These are the packets from now on. */
  use(arrivals: Arrivals, slab: Uint8Array, endOffset: number, parsed: Parsed): void {
    this.arrivals = arrivals;
    this.slab = slab;
    this.endOffset = endOffset;
    this.parsed = parsed;
  }

  /** The packets as the rest of the core takes them. */
  get source(): PacketSource {
    this.asSource.batch.arrivals = this.arrivals;
    this.asSource.slab = this.slab;
    return this.asSource;
  }

  /** Nothing is decided about row `p`. */
  clear(p: number): void {
    this.decision[p] = GOES_ON;
    this.edits[p] = 0;
    this.from[p] = 0;
    this.hold[p] = NONE;
    this.flow[p] = FLOW_UNKNOWN;
    this.h[p] = NONE;
    this.isLeaving[p] = 0;
  }

  /** Whether the packet is here to its last byte, so that it can be changed. */
  isWhole(p: number): boolean {
    return this.arrivals.copiedBytes[p] === this.arrivals.lengthBytes[p];
  }

  /** Packet `p` was changed; `reroutes`: the kernel may route it by that. */
  changed(p: number, reroutes: boolean): void {
    const isLocal = this.arrivals.hook[p] === NF_INET_LOCAL_OUT;
    this.edits[p] |= reroutes && isLocal ? EDITED | REROUTED : EDITED;
  }

  /** The packet is another one: its headers are parsed again. */
  readAgain(p: number): void {
    parseRow(this.arrivals, this.slab, p, this.parsed);
    this.flow[p] = FLOW_UNKNOWN;
  }

  /** Bytes that the packet may have where it lies. */
  roomBytes(p: number): number {
    const { slabOffset } = this.arrivals;
    const end = p + 1 < this.rows ? slabOffset[p + 1] : this.endOffset;
    return Math.max(this.arrivals.copiedBytes[p], end - slabOffset[p]);
  }
}
