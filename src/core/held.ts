/**
 * Packets between arrival and verdict. The kernel keeps their bytes; we keep these columns, and rows are linked into
 * FIFOs through `next`. A row is taken at arrival and given back with the verdict, so one path serves packets that wait
 * and packets that do not.
 */
import { invariant } from '../base/assert.ts';
import { NONE } from '../base/none.ts';
import { ARRIVAL_ROWS } from '../limits.ts';

export class HeldTable {
  readonly rows: number;
  /** Rows in use. */
  size = 0;
  readonly packetId: Uint32Array;
  /** Queue index. */
  readonly queue: Uint8Array;
  readonly hook: Uint8Array;
  /** As it came, or as the trees it has passed want it. */
  readonly dscp: Uint8Array;
  /** By the meters of the present tree: GREEN, YELLOW or RED of algo/markers.ts. */
  readonly colour: Uint8Array;
  /** Number of the DSCP that the verdict asks for (mark-codes.ts); 0: none. */
  readonly remark: Uint8Array;
  /** Mark as it arrived. */
  readonly mark: Uint32Array;
  /** IP length, as counted and shown. */
  readonly lengthBytes: Int32Array;
  /** Length charged on the present link: with its overhead. */
  readonly chargeBytes: Int32Array;
  /** IP and transport header of a superpacket; 0: an ordinary packet. */
  readonly headerBytes: Uint8Array;
  /** Flow row; NONE when the flow table had no room. */
  readonly flow: Int32Array;
  /** Leaf of the tree the packet is in. */
  readonly leaf: Uint16Array;
  /** Leaf of the tree that follows; NO_LEAF for none. */
  readonly nextLeaf: Uint16Array;
  /** Leaf of the tree it has passed; NO_LEAF for none. */
  readonly leafBefore: Uint16Array;
  /** FLAG_* */
  readonly flags: Uint8Array;
  /** Instant at which it entered the present tree. */
  readonly enteredNs: Float64Array;
  /** Instant from which the ceilings may let it go: entered, or let go by its last `each` bucket. */
  readonly readyNs: Float64Array;
  /** Row behind this one in its FIFO, or the next free row. */
  readonly next: Int32Array;
  private free = NONE;
  private highWater = 0;

  constructor(rows: number) {
    this.rows = rows;
    this.packetId = new Uint32Array(rows);
    this.queue = new Uint8Array(rows);
    this.hook = new Uint8Array(rows);
    this.dscp = new Uint8Array(rows);
    this.colour = new Uint8Array(rows);
    this.remark = new Uint8Array(rows);
    this.mark = new Uint32Array(rows);
    this.lengthBytes = new Int32Array(rows);
    this.chargeBytes = new Int32Array(rows);
    this.headerBytes = new Uint8Array(rows);
    this.flow = new Int32Array(rows);
    this.leaf = new Uint16Array(rows);
    this.nextLeaf = new Uint16Array(rows);
    this.leafBefore = new Uint16Array(rows);
    this.flags = new Uint8Array(rows);
    this.enteredNs = new Float64Array(rows);
    this.readyNs = new Float64Array(rows);
    this.next = new Int32Array(rows);
  }

  /** Whether a packet may still be made to wait: a batch of others must find rows while they are answered. */
  mayWait(): boolean {
    return this.size + ARRIVAL_ROWS <= this.rows;
  }

  /** Whether packet `h` must get through whatever happens. */
  neverDrop(h: number): boolean {
    return (this.flags[h] & FLAG_NEVER_DROP) !== 0;
  }

  /** A row for a packet. Packets that may not wait are answered at once, so there always is one. */
  take(): number {
    let h = this.free;
    if (h !== NONE) this.free = this.next[h];
    else h = this.highWater++;
    invariant(h < this.rows, 'more packets between arrival and verdict than rows');
    this.size++;
    this.next[h] = NONE;
    return h;
  }

  give(h: number): void {
    this.next[h] = this.free;
    this.free = h;
    this.size--;
    invariant(this.size >= 0, 'a held row was given back twice');
  }
}

export const NO_LEAF = 0xffff;
/** Charged like the rest but never dropped: SSH to or from this host. */
export const FLAG_NEVER_DROP = 1;
/** ICMP error message: not policed. */
export const FLAG_ICMP_ERROR = 2;
/** Too many were held: passes all trees at once. */
export const FLAG_UNDELAYED = 4;

/** Can carry a mark: ECT(0), ECT(1) or CE. */
export const FLAG_ECT = 8;
/** The present tree signals by a mark. */
export const FLAG_CE = 16;
/** A tree has signalled: the verdict asks for CE. */
export const FLAG_MARKED = 32;
/** Came by the wrong queue for its class: the verdict asks for the flow to be moved. */
export const FLAG_STEER = 64;
/** The first of its flow that came by another queue than the one before. */
export const FLAG_MOVED = 128;

/**
 * First-in first-out lists of held rows, one per row of some other table. Heads and tails are columns of their own, or parts of the
 * other table's records: then a row is given by its place there.
 */
export class HeldFifos {
  readonly head: Int32Array;
  private readonly tail: Int32Array;
  private readonly next: Int32Array;
  private readonly held: HeldTable;

  /** `head` and `tail`: given where they are parts of records; each must begin with NONE. */
  constructor(
    rows: number,
    held: HeldTable,
    head: Int32Array = new Int32Array(rows).fill(NONE),
    tail: Int32Array = new Int32Array(rows).fill(NONE),
  ) {
    this.head = head;
    this.tail = tail;
    this.next = held.next;
    this.held = held;
  }

  isEmpty(row: number): boolean {
    return this.head[row] === NONE;
  }

  push(row: number, h: number): void {
    this.next[h] = NONE;
    if (this.head[row] === NONE) this.head[row] = h;
    else this.next[this.tail[row]] = h;
    this.tail[row] = h;
  }

  /** Takes `h`, which is behind `before` in the list; NONE: `h` is the head. */
  unlink(row: number, h: number, before: number): void {
    if (before === NONE) this.head[row] = this.next[h];
    else this.next[before] = this.next[h];
    if (this.tail[row] === h) this.tail[row] = before;
  }

  /** Takes the head, which must be there. */
  shift(row: number): number {
    const h = this.head[row];
    this.head[row] = this.next[h];
    return h;
  }

  /** Takes out all, first to last, as an array. */
  takeAll(row: number): number[] {
    const all: number[] = [];
    for (let h = this.head[row]; h !== NONE; h = this.next[h]) all.push(h);
    this.head[row] = NONE;
    return all;
  }

  /** Whether the packets of a list that may be dropped are so many and have so many bytes. */
  canSpare(row: number, packets: number, bytes: number): boolean {
    const { held } = this;
    let packetsLeft = packets;
    let bytesLeft = bytes;
    for (let h = this.head[row]; h !== NONE && (packetsLeft > 0 || bytesLeft > 0); h = this.next[h]) {
      if (held.neverDrop(h)) continue;
      packetsLeft--;
      bytesLeft -= held.lengthBytes[h];
    }
    return packetsLeft <= 0 && bytesLeft <= 0;
  }

  /** Takes the first packet that may be dropped, which must be there; those before it keep their places. */
  shiftDroppable(row: number): number {
    const { held, next } = this;
    let before = NONE;
    let h = this.head[row];
    while (held.neverDrop(h)) {
      before = h;
      h = next[h];
    }
    this.unlink(row, h, before);
    return h;
  }
}
