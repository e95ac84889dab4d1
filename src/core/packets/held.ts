/**
 * Packets between arrival and verdict. The kernel keeps their bytes; this table keeps a record of each, and
 * `next` links records into FIFOs. Every packet has a record from arrival to verdict, so one path serves
 * packets that wait and packets that do not.
 *
 * With thousands of packets waiting, records are visited in the order of the queues' turns, not in that of
 * memory. So a record is one cache line. The columns are views of the same memory; each begins at its word of
 * the first record.
 */
import { invariant } from '../../base/assert.ts';
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS, CLASSES_MAX, NFQUEUES_MAX } from '../../limits.ts';
import { NF_INET_POST_ROUTING } from '../../packet/batch.ts';
import { MARK_DSCPS_MAX } from '../../spec/mark-codes.ts';

/** A row is named by the place of its record, in words of 32 bits; a record is one cache line. */
export const HELD_SHIFT = 4;
const WORDS = 1 << HELD_SHIFT;
/** The most header bytes that a record holds. */
export const HEADER_BYTES_MAX = 0xffff;

invariant(NFQUEUES_MAX <= 0x100, 'the index of an NFQUEUE has 8 bits in a held record');
const HOOK_MASK = 0x7f;
const REROUTED = 0x8000;
invariant(NF_INET_POST_ROUTING <= HOOK_MASK, 'a hook has 7 bits in a held record');
invariant(CLASSES_MAX < 0x7fff, 'the row of a class plus 1 has 15 bits beside the flags of a held record');
invariant(
  MARK_DSCPS_MAX <= 0xff,
  'the number of a DSCP has 8 bits in the table of remarks, 16 in a held record',
);

export class HeldTable {
  readonly rows: number;
  /** Rows that packets may take, those of a whole batch included. */
  private rowsMax: number;
  /** Rows in use. */
  size = 0;
  readonly packetId: Uint32Array;
  /** The packet mark as it arrived. */
  readonly mark: Uint32Array;
  /** IP length, which is counted and shown. */
  readonly lengthBytes: Int32Array;
  /** Length on the wire of the present link, which buckets are charged with. */
  readonly chargeBytes: Int32Array;
  /** Flow row; NONE when the flow table had no room. */
  readonly flow: Int32Array;
  /** Leaf of the tree the packet is in. */
  readonly leaf: Int32Array;
  /** Leaf of the second tree; NONE if no tree follows. */
  readonly nextLeaf: Int32Array;
  /** Leaf of the tree that the packet has passed; NONE if this is the first. */
  readonly leafBefore: Int32Array;
  /** FLAG_*; above them lender + 1, and FLAG_PASSED_HOST. */
  readonly flags: Int32Array;
  /** The packet behind this one in its FIFO, or the next free row. */
  readonly next: Int32Array;
  /** Index of the NFQUEUE, hook << 8, REROUTED, header bytes << 16. */
  private readonly way: Int32Array;
  /** DSCP, colour << 8, remark << 16. */
  private readonly codes: Int32Array;
  private readonly floats: Float64Array;
  private free = NONE;
  private highWater = 0;

  /** `packetsMax` of them may wait, and a whole batch finds rows beside them. There must be so many rows. */
  constructor(rows: number, packetsMax = rows - ARRIVAL_ROWS) {
    invariant(packetsMax + ARRIVAL_ROWS <= rows, 'a row for every packet that may wait');
    this.rows = rows;
    this.rowsMax = packetsMax + ARRIVAL_ROWS;
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

  /** The packet came by this NFQUEUE and hook. `headerBytes` is at most HEADER_BYTES_MAX. */
  setWay(h: number, nfqueue: number, hook: number, headerBytes: number): void {
    this.way[h] = nfqueue | (hook << 8) | (headerBytes << 16);
  }

  /** Index of the NFQUEUE. */
  nfqueue(h: number): number {
    return this.way[h] & 0xff;
  }

  hook(h: number): number {
    return (this.way[h] >> 8) & HOOK_MASK;
  }

  /**
   * Whether a module has changed by what the kernel routes a packet of this host: the verdict lets it be
   * routed again.
   */
  isRerouted(h: number): boolean {
    return (this.way[h] & REROUTED) !== 0;
  }

  reroute(h: number): void {
    this.way[h] |= REROUTED;
  }

  /** Length of a superpacket's IP and transport headers; 0 for an ordinary packet. */
  headerBytes(h: number): number {
    return this.way[h] >>> 16;
  }

  /** The packet carries `dscp`, is green, and asks for no remark. */
  setDscp(h: number, dscp: number): void {
    this.codes[h] = dscp;
  }

  /** The DSCP that the packet came with, or that the tree which it has passed gives it. */
  dscp(h: number): number {
    return this.codes[h] & 0xff;
  }

  /** What the meters of the present tree say: GREEN, YELLOW or RED of algo/buckets/markers.ts. */
  colour(h: number): number {
    return (this.codes[h] >> 8) & 0xff;
  }

  setColour(h: number, colour: number): void {
    this.codes[h] = (this.codes[h] & ~0xff00) | (colour << 8);
  }

  /** Number of the DSCP for which the verdict asks (spec/mark-codes.ts); 0 for none. */
  remark(h: number): number {
    return this.codes[h] >>> 16;
  }

  /** The verdict asks for `dscp`, whose number is `remark`. */
  setRemark(h: number, remark: number, dscp: number): void {
    this.codes[h] = (this.codes[h] & 0xff00) | dscp | (remark << 16);
  }

  /** The packet comes into a tree at `nowNs`. Its ceilings count from `readyNs`. */
  enter(h: number, readyNs: number, nowNs: number): void {
    this.floats[h >> 1] = nowNs;
    this.floats[(h >> 1) + 1] = readyNs;
  }

  /** Instant at which the packet came into the present tree. */
  enteredNs(h: number): number {
    return this.floats[h >> 1];
  }

  /** Instant from which the ceilings may let the packet go: it came, or its last `each` bucket let it go. */
  readyNs(h: number): number {
    return this.floats[(h >> 1) + 1];
  }

  setReadyNs(h: number, ns: number): void {
    this.floats[(h >> 1) + 1] = ns;
  }

  /**
   * The class that lent the tokens of the packet, which has waited in the present tree and leaves it now.
   * NONE if it has not waited, or if it leaves without tokens.
   */
  lender(h: number): number {
    return ((this.flags[h] >> LENDER_SHIFT) & LENDER_MASK) - 1;
  }

  setLender(h: number, c: number): void {
    this.flags[h] = (this.flags[h] & FLAGS_MASK) | ((c + 1) << LENDER_SHIFT);
  }

  /**
   * Whether buckets were charged for the packet, which leaves the present tree: of its host, or of
   * classes.
   */
  isCharged(h: number): boolean {
    return this.flags[h] >> LENDER_SHIFT !== 0;
  }

  /** The packet has passed the present tree: it has no lender, and has not waited for a bucket yet. */
  leaveTree(h: number): void {
    this.flags[h] &= FLAGS_MASK & ~FLAG_WAITED;
  }

  /** Instant at which the packet came to the queue in which it waits: a bucket's, or its leaf's. */
  queuedNs(h: number): number {
    return Math.max(this.enteredNs(h), this.readyNs(h));
  }

  /**
   * So many packets may wait from now on, or more if more might before: the kernel bounds what comes, and a
   * lower bound here would let packets pass unshaped while those of before wait.
   */
  raiseBound(packets: number): void {
    invariant(packets + ARRIVAL_ROWS <= this.rows, 'a row for every packet that may wait');
    this.rowsMax = Math.max(this.rowsMax, packets + ARRIVAL_ROWS);
  }

  /** Whether one more packet may wait: a whole batch must still find rows until its verdicts. */
  mayWait(): boolean {
    return this.size + ARRIVAL_ROWS <= this.rowsMax;
  }

  /** Whether so many packets of a batch may wait that has not been taken yet. */
  mayAllWait(packets: number): boolean {
    return this.size + packets + ARRIVAL_ROWS <= this.rowsMax;
  }

  /** Whether packet `h` must not be dropped. */
  neverDrop(h: number): boolean {
    return (this.flags[h] & FLAG_NEVER_DROP) !== 0;
  }

  /** Packet `h` passes all trees at once, because too many are held. Returns whether that is news. */
  becomesUndelayed(h: number): boolean {
    const isNews = (this.flags[h] & FLAG_UNDELAYED) === 0;
    this.flags[h] |= FLAG_UNDELAYED;
    return isNews;
  }

  /** Every row in use, in no order. It walks the whole table, so it is for rare events. */
  rowsInUse(): number[] {
    const isFree = new Uint8Array(this.highWater >> HELD_SHIFT);
    for (let h = this.free; h !== NONE; h = this.next[h]) isFree[h >> HELD_SHIFT] = 1;
    const rows: number[] = [];
    for (const [row, free] of isFree.entries()) if (free === 0) rows.push(row << HELD_SHIFT);
    return rows;
  }

  /**
   * A row for one more packet. There always is one, because packets that may not wait have their verdict at
   * once.
   */
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

const LENDER_SHIFT = 16;
const LENDER_MASK = 0x7fff;
/** Has passed the bucket of its host (quotas/host-buckets.ts). */
export const FLAG_PASSED_HOST = 1 << 31;
const FLAGS_MASK = 0xffff | FLAG_PASSED_HOST;

/**
 * Charged like the rest but never dropped: TCP of an exempt port of this host within its bounds
 * (admission/exemption.ts). The bounds are checked when the packet comes to its leaf.
 */
export const FLAG_NEVER_DROP = 1;
/** ICMP error message: not policed. */
export const FLAG_ICMP_ERROR = 2;
/** Passes all trees at once, because too many packets were held. */
export const FLAG_UNDELAYED = 4;

/** Can carry a CE mark: the packet has ECT(0), ECT(1) or CE. */
export const FLAG_ECT = 8;
/** The present tree asks for a CE mark. */
export const FLAG_CE = 16;
/** A tree that the packet has passed asked for a CE mark, so the verdict does. */
export const FLAG_MARKED = 32;
/** Came by the wrong NFQUEUE for its class: the verdict asks to move the flow. */
export const FLAG_STEER = 64;
/** The first packet of its flow that came by another NFQUEUE than the packet before. */
export const FLAG_MOVED = 128;
/** Was copied whole, so its bytes may be replaced: known of packets for which Edits.mayEdit() was asked. */
export const FLAG_WHOLE = 256;
/** Has waited for an `each` bucket in the present tree. */
export const FLAG_WAITED = 512;
/** A later fragment of a datagram. */
export const FLAG_LATER_FRAGMENT = 1024;
/** Its new bytes wait in edits.ts for the verdict. */
export const FLAG_EDITED = 8192;
/** Of a paced connection that keeps to its window: the AQM of its class lets it be. */
export const FLAG_SPARED = 16384;
/** Of a paced connection whose answers do not come yet: the verdict asks to mark it. */
export const FLAG_FETCH = 32768;
/** Has come to a queue, so its flow counts it as waiting until its verdict. */
export const FLAG_QUEUED = 4096;
/** A later fragment of a datagram that has its leaf for itself (admission/admission.ts): CoDel drops none. */
export const FLAG_ALONE = 2048;
