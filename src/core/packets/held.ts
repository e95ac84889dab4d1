/**
 * Packets between arrival and verdict. The kernel keeps their bytes; we keep a record, and rows are linked into FIFOs through `next`.
 * A row is taken at arrival and given back with the verdict, so one path serves packets that wait and packets that do not.
 *
 * With thousands waiting, rows are visited in the order in which queues have their turns, which is none of memory: so all of a row
 * is in one cache line. Its columns are views of the same memory, each beginning at its word of the first record.
 */
import { invariant } from '../../base/assert.ts';
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS } from '../../limits.ts';

/** A row is named by the place of its record, in words of 32 bits; a record is one cache line. */
export const HELD_SHIFT = 4;
const WORDS = 1 << HELD_SHIFT;

export class HeldTable {
  readonly rows: number;
  /** Rows in use. */
  size = 0;
  readonly packetId: Uint32Array;
  /** Mark as it arrived. */
  readonly mark: Uint32Array;
  /** IP length, as counted and shown. */
  readonly lengthBytes: Int32Array;
  /** Length charged on the present link: with its overhead. */
  readonly chargeBytes: Int32Array;
  /** Flow row; NONE when the flow table had no room. */
  readonly flow: Int32Array;
  /** Leaf of the tree the packet is in. */
  readonly leaf: Int32Array;
  /** Leaf of the tree that follows; NONE for none. */
  readonly nextLeaf: Int32Array;
  /** Leaf of the tree it has passed; NONE for none. */
  readonly leafBefore: Int32Array;
  /** FLAG_* */
  readonly flags: Int32Array;
  /** Row behind this one in its FIFO, or the next free row. */
  readonly next: Int32Array;
  /** Queue index, hook << 8, header bytes << 16. */
  private readonly way: Int32Array;
  /** DSCP, colour << 8, remark << 16. */
  private readonly codes: Int32Array;
  private readonly floats: Float64Array;
  private free = NONE;
  private highWater = 0;

  constructor(rows: number) {
    this.rows = rows;
    const buffer = new ArrayBuffer(4 * (rows << HELD_SHIFT));
    // Words 0 to 3: instants, two words each.
    this.floats = new Float64Array(buffer);
    const column = (word: number): Int32Array => new Int32Array(buffer, 4 * word);
    this.packetId = new Uint32Array(buffer, 4 * 4);
    this.mark = new Uint32Array(buffer, 4 * 5);
    this.lengthBytes = column(6);
    this.chargeBytes = column(7);
    this.flow = column(8);
    this.leaf = column(9);
    this.nextLeaf = column(10);
    this.leafBefore = column(11);
    this.flags = column(12);
    this.next = column(13);
    this.way = column(14);
    this.codes = column(15);
  }

  /** Says by which queue and hook the packet came; `headerBytes`: as below. */
  setWay(h: number, nfqueue: number, hook: number, headerBytes: number): void {
    this.way[h] = nfqueue | (hook << 8) | (headerBytes << 16);
  }

  /** Queue index. */
  nfqueue(h: number): number {
    return this.way[h] & 0xff;
  }

  hook(h: number): number {
    return (this.way[h] >> 8) & 0xff;
  }

  /** IP and transport header of a superpacket; 0: an ordinary packet. */
  headerBytes(h: number): number {
    return this.way[h] >>> 16;
  }

  /** Code point `dscp`, for which the verdict need not ask; green. */
  setDscp(h: number, dscp: number): void {
    this.codes[h] = dscp;
  }

  /** As it came, or as the trees it has passed want it. */
  dscp(h: number): number {
    return this.codes[h] & 0xff;
  }

  /** By the meters of the present tree: GREEN, YELLOW or RED of algo/markers.ts. */
  colour(h: number): number {
    return (this.codes[h] >> 8) & 0xff;
  }

  setColour(h: number, colour: number): void {
    this.codes[h] = (this.codes[h] & ~0xff00) | (colour << 8);
  }

  /** Number of the DSCP that the verdict asks for (mark-codes.ts); 0: none. */
  remark(h: number): number {
    return this.codes[h] >>> 16;
  }

  /** The verdict asks for code point `dscp`, which has this number. */
  setRemark(h: number, remark: number, dscp: number): void {
    this.codes[h] = (this.codes[h] & 0xff00) | dscp | (remark << 16);
  }

  /** The packet comes into a tree. */
  enter(h: number, nowNs: number, readyNs: number): void {
    this.floats[h >> 1] = nowNs;
    this.floats[(h >> 1) + 1] = readyNs;
  }

  /** Instant at which it entered the present tree. */
  enteredNs(h: number): number {
    return this.floats[h >> 1];
  }

  /** Instant from which the ceilings may let it go: entered, or let go by its last `each` bucket. */
  readyNs(h: number): number {
    return this.floats[(h >> 1) + 1];
  }

  setReadyNs(h: number, ns: number): void {
    this.floats[(h >> 1) + 1] = ns;
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
    if (h !== NONE) {
      this.free = this.next[h];
    } else {
      h = this.highWater;
      this.highWater += WORDS;
    }
    invariant(h < this.rows << HELD_SHIFT, 'more packets between arrival and verdict than rows');
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
/** Was copied whole, so its bytes may be replaced: known of packets for which VerdictWriter.mayEdit() was asked. */
export const FLAG_WHOLE = 256;

/** Packets of a list looked at for one of a leaf, and passed over that must stay. */
const LEAF_LOOKS = 16;
const SPARE_LOOKS = 256;

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

  /** Whether one of the first packets of a list is of this leaf. */
  hasOf(row: number, leaf: number): boolean {
    let h = this.head[row];
    for (let n = 0; n < LEAF_LOOKS && h !== NONE; n++, h = this.next[h])
      if (this.held.leaf[h] === leaf) return true;
    return false;
  }

  /** Whether the packets of a list that this leaf may lose are so many and have so many bytes; few others may be between them. */
  canSpare(row: number, leaf: number, packets: number, bytes: number): boolean {
    const { held } = this;
    let packetsLeft = packets;
    let bytesLeft = bytes;
    let looks = SPARE_LOOKS;
    for (let h = this.head[row]; h !== NONE && (packetsLeft > 0 || bytesLeft > 0); h = this.next[h]) {
      if (held.neverDrop(h) || held.leaf[h] !== leaf) {
        if (--looks === 0) return false;
        continue;
      }
      packetsLeft--;
      bytesLeft -= held.lengthBytes[h];
    }
    return packetsLeft <= 0 && bytesLeft <= 0;
  }

  /** Takes the first packet that the leaf may lose, which must be there; those before it keep their places. */
  shiftDroppable(row: number, leaf: number): number {
    const { held, next } = this;
    let before = NONE;
    let h = this.head[row];
    while (held.neverDrop(h) || held.leaf[h] !== leaf) {
      before = h;
      h = next[h];
    }
    this.unlink(row, h, before);
    return h;
  }
}
