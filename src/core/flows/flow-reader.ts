/**
 * Reads flows out of the memory of a flow table while the packet thread writes it, in any thread, without a
 * message: views cost packets nothing.
 *
 *   for (let f = reader.next(NONE); f !== NONE; f = reader.next(f)) if (reader.read(f, record)) ...
 *
 * A record is read twice if a flow began or ended in its row meanwhile, and given up after a few times. What
 * is read is of one flow, but not of one instant: counts may be a few packets apart, and packets of a batch
 * that is under way count as sent unless they wait.
 */
import { NONE } from '../../base/none.ts';
import { ADDRESS_SHIFT } from '../hosts/host-layout.ts';
import {
  BYTES,
  BYTES_DROPPED,
  DROP_CLASS,
  DROP_MS,
  DROP_REASON_BITS,
  DROP_REASON_MASK,
  DROPS,
  EACH_CLASS,
  EACH_MS,
  FIRST_TICK,
  type FlowMemory,
  FOREIGN_MARK,
  FULL_MS,
  flowMemoryOver,
  GENERATION,
  HASH_SLOT,
  HEADER_CLASS_CHANGES,
  HEADER_HIGH_WATER,
  HEADER_NOW_NS,
  HEADER_SIZE,
  HOOK_DSCP,
  HOST_PAIR,
  IF_INDEX_IN,
  IF_INDEX_OUT,
  KEY_DST,
  KEY_SRC,
  LAST_SEEN_NS,
  LEAVES,
  MARKED,
  MODULE_DROPS_SHIFT,
  measureAt,
  PACKETS,
  PEER_ACK,
  PEER_EDGE,
  RECORD_WORDS,
  RETRANSMITS,
  REVERSE,
  REVERSE_GENERATION,
  RTT_MIN_US,
  RTT_US,
  SEQ_HIGH,
  TCP_ACK_KNOWN,
  TCP_EDGE_KNOWN,
  TCP_READ,
  TCP_SEQ_KNOWN,
  TCP_STATE,
  tickNs,
  WAIT_BINS,
  WAIT_MS,
  WAITING_BYTES,
  WAITING_PACKETS,
} from './flow-layout.ts';

/** Times that a record is read before it is given up. */
const READS_MAX = 4;

/** A flow as it was read. Instants are nanoseconds of the engine's clock, -Infinity for never. */
export interface FlowRecord {
  /** Row and generation together name a flow: another flow never has both. */
  f: number;
  generation: number;
  family: number;
  protocol: number;
  sport: number;
  dport: number;
  /** Four words, of which IPv4 uses the first. */
  readonly src: Uint32Array;
  readonly dst: Uint32Array;
  /** What a packet of it shows beside its addresses and ports; hook 0 before it is classified. */
  hook: number;
  dscp: number;
  ifIndexIn: number;
  ifIndexOut: number;
  foreignMark: number;
  /** Rows of its inside addresses (core/hosts/host-reader.ts); 0 for an end that is not inside. */
  srcAddress: number;
  dstAddress: number;
  /** Rows of the flow's leaves, in the order in which its packets pass them; NONE if there is none. */
  leaf: number;
  secondLeaf: number;
  firstNs: number;
  lastNs: number;
  /** Packets and bytes that came. */
  receivedPackets: number;
  receivedBytes: number;
  /** What was accepted, packets included that the kernel had discarded before. */
  sentPackets: number;
  sentBytes: number;
  /** What waits in queues. */
  backlogPackets: number;
  backlogBytes: number;
  dropTail: number;
  dropEarly: number;
  dropPolice: number;
  dropAqm: number;
  /** At most 65,535 are counted. */
  dropModule: number;
  marked: number;
  /** Packets by the time that they have waited in a tree (waitBinStartNs), modulo 2^16. */
  readonly waits: Uint16Array;
  /** Instant, to the millisecond, at which a packet left that had waited. */
  waitedNs: number;
  /** The last time that a packet came to wait for an `each` bucket: instant, and class row or NONE. */
  eachNs: number;
  eachClass: number;
  /** The last drop: instant; row of the policer's class if it was one, else of the leaf; or NONE; DROP_*. */
  dropNs: number;
  dropClass: number;
  dropReason: number;
  /** Whether a TCP segment was read; the rest has a meaning only then. NaN is "not known". */
  isTcp: boolean;
  /** Row of the flow of the other direction; NONE if there is none. */
  reverse: number;
  /** Round trip of the connection, smoothed and the least. */
  rttNs: number;
  rttNsMin: number;
  /** The half of it between this place and the receiver. */
  halfRttNs: number;
  halfRttNsMin: number;
  retransmits: number;
  /** Bytes sent that are not acknowledged yet, and how many more the window of the receiver takes. */
  flightBytes: number;
  windowLeftBytes: number;
  /** Instant, to the millisecond, at which the receiver's window was full. */
  windowFullNs: number;
}

export function createFlowRecord(): FlowRecord {
  return {
    f: NONE,
    generation: 0,
    family: 0,
    protocol: 0,
    sport: 0,
    dport: 0,
    src: new Uint32Array(4),
    dst: new Uint32Array(4),
    hook: 0,
    dscp: 0,
    ifIndexIn: 0,
    ifIndexOut: 0,
    foreignMark: 0,
    srcAddress: 0,
    dstAddress: 0,
    leaf: NONE,
    secondLeaf: NONE,
    firstNs: 0,
    lastNs: 0,
    receivedPackets: 0,
    receivedBytes: 0,
    sentPackets: 0,
    sentBytes: 0,
    backlogPackets: 0,
    backlogBytes: 0,
    dropTail: 0,
    dropEarly: 0,
    dropPolice: 0,
    dropAqm: 0,
    dropModule: 0,
    marked: 0,
    waits: new Uint16Array(WAIT_BINS),
    waitedNs: Number.NEGATIVE_INFINITY,
    eachNs: Number.NEGATIVE_INFINITY,
    eachClass: NONE,
    dropNs: Number.NEGATIVE_INFINITY,
    dropClass: NONE,
    dropReason: NONE,
    isTcp: false,
    reverse: NONE,
    rttNs: Number.NaN,
    rttNsMin: Number.NaN,
    halfRttNs: Number.NaN,
    halfRttNsMin: Number.NaN,
    retransmits: 0,
    flightBytes: Number.NaN,
    windowLeftBytes: Number.NaN,
    windowFullNs: Number.NEGATIVE_INFINITY,
  };
}

export class FlowReader {
  private readonly memory: FlowMemory;
  private readonly words: Int32Array;
  private readonly floats: Float64Array;

  constructor(buffer: ArrayBufferLike) {
    this.memory = flowMemoryOver(buffer);
    this.floats = this.memory.records;
    this.words = new Int32Array(buffer, this.floats.byteOffset, 2 * this.floats.length);
  }

  /** Flows that are known. */
  get size(): number {
    return this.memory.header[HEADER_SIZE];
  }

  /** Instant of the last batch. */
  get nowNs(): number {
    return this.memory.headerFloats[HEADER_NOW_NS >> 1];
  }

  /**
   * How often classes have got other rows. If it is the same before and after, all rows of classes that were
   * read meanwhile are those of one list of classes.
   */
  get classChanges(): number {
    return Atomics.load(this.memory.header, HEADER_CLASS_CHANGES);
  }

  /** The row in use behind row `f`; NONE: the first. NONE if there is none. */
  next(f: number): number {
    const { words } = this;
    const end = Math.min(this.memory.header[HEADER_HIGH_WATER], words.length);
    for (let row = f === NONE ? 0 : f + RECORD_WORDS; row < end; row += RECORD_WORDS)
      if (words[row + GENERATION] !== 0 && words[row + HASH_SLOT] !== NONE) return row;
    return NONE;
  }

  /** Reads row `f`. Returns false if it is not in use, or was never read whole. */
  read(f: number, into: FlowRecord): boolean {
    const { words } = this;
    for (let n = 0; n < READS_MAX; n++) {
      const generation = Atomics.load(words, f + GENERATION);
      if (generation === 0) return false;
      this.copyKey(f, into);
      this.copyRecord(f, into);
      this.copyMeasure(f, into);
      this.copyTcp(f, into);
      into.f = f;
      into.generation = generation;
      if (Atomics.load(words, f + GENERATION) === generation) return true;
    }
    return false;
  }

  private copyKey(f: number, into: FlowRecord): void {
    const { words } = this;
    into.family = (words[f] >>> 8) & 0xff;
    into.protocol = words[f] & 0xff;
    into.sport = words[f + 1] >>> 16;
    into.dport = words[f + 1] & 0xffff;
    for (let w = 0; w < 4; w++) {
      into.src[w] = words[f + KEY_SRC[w]];
      into.dst[w] = words[f + KEY_DST[w]];
    }
    into.hook = (words[f + HOOK_DSCP] >> 8) & 0xff;
    into.dscp = words[f + HOOK_DSCP] & 0xff;
    into.ifIndexIn = words[f + IF_INDEX_IN];
    into.ifIndexOut = words[f + IF_INDEX_OUT];
    into.srcAddress = (words[f + HOST_PAIR] & 0xffff) << ADDRESS_SHIFT;
    into.dstAddress = (words[f + HOST_PAIR] >>> 16) << ADDRESS_SHIFT;
    into.foreignMark = words[f + FOREIGN_MARK] >>> 0;
  }

  private copyRecord(f: number, into: FlowRecord): void {
    const { words, floats } = this;
    const { measureFloats } = this.memory;
    const at = measureAt(f);
    into.leaf = (words[f + LEAVES] << 16) >> 16;
    into.secondLeaf = words[f + LEAVES] >> 16;
    into.lastNs = floats[(f + LAST_SEEN_NS) >> 1];
    into.receivedBytes = floats[(f + BYTES) >> 1];
    into.receivedPackets = floats[(f + PACKETS) >> 1];
    into.backlogPackets = words[f + WAITING_PACKETS];
    into.backlogBytes = words[f + WAITING_BYTES] >>> 0;
    const droppedBytes = measureFloats[(at + BYTES_DROPPED) >> 1];
    into.sentBytes = Math.max(0, into.receivedBytes - into.backlogBytes - droppedBytes);
  }

  private copyMeasure(f: number, into: FlowRecord): void {
    const { measures, waits } = this.memory;
    const at = measureAt(f);
    into.firstNs = Math.min(tickNs(measures[at + FIRST_TICK]), into.lastNs);
    into.dropTail = measures[at + DROPS] >>> 0;
    into.dropEarly = measures[at + DROPS + 1] >>> 0;
    into.dropPolice = measures[at + DROPS + 2] >>> 0;
    into.dropAqm = measures[at + DROPS + 3] >>> 0;
    into.dropModule = measures[at + DROP_CLASS] >>> MODULE_DROPS_SHIFT;
    const dropped = into.dropTail + into.dropEarly + into.dropPolice + into.dropAqm + into.dropModule;
    into.sentPackets = Math.max(0, into.receivedPackets - into.backlogPackets - dropped);
    into.marked = measures[at + MARKED] >>> 0;
    for (let bin = 0; bin < WAIT_BINS; bin++) into.waits[bin] = waits[2 * at + bin];
    into.waitedNs = this.instantOf(measures[at + WAIT_MS]);
    into.eachNs = this.instantOf(measures[at + EACH_MS]);
    into.eachClass = measures[at + EACH_CLASS] - 1;
    into.dropNs = this.instantOf(measures[at + DROP_MS]);
    into.dropClass = ((measures[at + DROP_CLASS] & 0xffff) >> DROP_REASON_BITS) - 1;
    into.dropReason = measures[at + DROP_CLASS] & DROP_REASON_MASK;
  }

  private copyTcp(f: number, into: FlowRecord): void {
    const { words } = this;
    const { measures } = this.memory;
    const at = measureAt(f);
    const state = measures[at + TCP_STATE];
    into.isTcp = (state & TCP_READ) !== 0;
    const other = into.isTcp ? measures[at + REVERSE] : NONE;
    into.reverse =
      other !== NONE && words[other + GENERATION] === measures[at + REVERSE_GENERATION] ? other : NONE;
    into.halfRttNs = nsOf(measures[at + RTT_US]);
    into.halfRttNsMin = nsOf(measures[at + RTT_MIN_US]);
    const back = into.reverse === NONE ? NONE : measureAt(into.reverse);
    into.rttNs = into.halfRttNs + (back === NONE ? Number.NaN : nsOf(measures[back + RTT_US]));
    into.rttNsMin = into.halfRttNsMin + (back === NONE ? Number.NaN : nsOf(measures[back + RTT_MIN_US]));
    into.retransmits = measures[at + RETRANSMITS] >>> 0;
    const high = measures[at + SEQ_HIGH];
    const isAckKnown = (state & TCP_SEQ_KNOWN) !== 0 && (state & TCP_ACK_KNOWN) !== 0;
    into.flightBytes = isAckKnown ? Math.max(0, (high - measures[at + PEER_ACK]) | 0) : Number.NaN;
    into.windowLeftBytes =
      isAckKnown && (state & TCP_EDGE_KNOWN) !== 0
        ? Math.max(0, (measures[at + PEER_EDGE] - high) | 0)
        : Number.NaN;
    into.windowFullNs = this.instantOf(measures[at + FULL_MS]);
  }

  /** The last instant with this millisecond, which counts modulo 2^32; 0 is never. */
  private instantOf(ms: number): number {
    if (ms === 0) return Number.NEGATIVE_INFINITY;
    const nowMs = Math.floor(this.nowNs / 1e6);
    return (nowMs - ((nowMs - ms) >>> 0)) * 1e6;
  }
}

/** 0 is "not known". */
function nsOf(us: number): number {
  return us === 0 ? Number.NaN : us * 1e3;
}
