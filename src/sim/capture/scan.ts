/**
 * The first reading of a capture: which flows it has and which of them get an entry of their own in the
 * report, which packets the kernel would never queue, how long it lasts, and what is wrong with it.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS, COPY_BYTES } from '../../limits.ts';
import { createBatch } from '../../packet/batch.ts';
import { createParsed, FRAGMENT_LATER, type Parsed, parseBatch } from '../../packet/parse.ts';
import { protocolLabel } from '../packets/packets.ts';
import { CaptureCursor } from './capture.ts';
import { FlowList, grown } from './flow-list.ts';
import { CARRIES_ARP, CARRIES_IP } from './links.ts';
import { type CaptureTrouble, DIRECTION_OUT, DIRECTION_UNKNOWN } from './records.ts';
import { JumpFinder, StampReader } from './stamps.ts';
import type { ReadAt } from './window.ts';

/**
 * Flows with an entry of their own in the report: those with most bytes. The others are summed up by
 * protocol.
 */
export const NAMED_FLOWS_MAX = 200;
/**
 * Marks in the list of packets: one that is never queued, and one whose header cannot be read, up or down.
 */
const NEVER_QUEUED = -1;
const UNPARSED_UP = -2;
const UNPARSED_DOWN = -3;
/** Flows beyond the bound of the list are kept by protocol: OTHER_UP - protocol, OTHER_DOWN - protocol. */
const OTHER_UP = -1000;
const OTHER_DOWN = -2000;
const PACKETS_AT_START = 4096;
/** A longer step between packets is a pause. It counts as PAUSE_COUNTS_NS of active time. */
const PAUSE_NS_MIN = 60e9;
const PAUSE_COUNTS_NS = 1e9;

/** One entry of the report. */
export interface ReportedFlow {
  readonly name: string;
  /** IP protocol. NONE if headers could not be read. */
  readonly protocol: number;
  readonly isUp: boolean;
}

export interface CaptureScan {
  readonly readAt: ReadAt;
  readonly packets: number;
  /** Packets without a readable IP header. They are treated as unknown protocol. */
  readonly unparsed: number;
  /** Packets that the rules never queue: ARP, multicast, broadcast, neighbour discovery, DHCP. */
  readonly neverQueued: number;
  readonly flows: readonly ReportedFlow[];
  /** By packet: its entry of `flows`; NONE for a packet that is never queued. */
  readonly flowOf: Int32Array;
  /** Number of flows in each entry. */
  readonly flowsOf: readonly number[];
  /** Instant of the last packet since the first. */
  readonly durationNs: number;
  /** Time with traffic: the duration, in which every pause of more than a minute counts as a second. */
  readonly activeNs: number;
  readonly longestPauseNs: number;
  /** Number of the first packet behind the longest pause. */
  readonly longestPausePacket: number;
  /** Stamps that were wrong or stepped back. */
  readonly clockSteps: number;
  readonly wrongJumps: ReadonlySet<number>;
  readonly trouble: CaptureTrouble | null;
}

/** Throws CaptureError if the file is no capture, or is of a kind that cannot be read. */
export function scanCapture(readAt: ReadAt): CaptureScan {
  const scan = new Scan(new CaptureCursor(readAt));
  scan.run();
  const times = measureTimes(readAt, scan.jumps.wrongJumps);
  const { flows, flowOf, flowsOf } = scan.report();
  return {
    readAt,
    packets: scan.packets,
    unparsed: scan.unparsed,
    neverQueued: scan.neverQueued,
    flows,
    flowOf,
    flowsOf,
    ...times,
    wrongJumps: scan.jumps.wrongJumps,
    trouble: scan.cursor.trouble,
  };
}

class Scan {
  readonly cursor: CaptureCursor;
  readonly jumps = new JumpFinder();
  packets = 0;
  unparsed = 0;
  neverQueued = 0;
  private readonly list = new FlowList();
  private markOf = new Int32Array(PACKETS_AT_START);
  private readonly batch = createBatch();
  private readonly parsed = createParsed();
  private readonly slab = new Uint8Array(ARRIVAL_ROWS * COPY_BYTES);
  private readonly lengths = new Int32Array(ARRIVAL_ROWS);
  private readonly carries = new Uint8Array(ARRIVAL_ROWS);
  private readonly directions = new Uint8Array(ARRIVAL_ROWS);
  private rows = 0;

  constructor(cursor: CaptureCursor) {
    this.cursor = cursor;
  }

  run(): void {
    const { cursor, jumps } = this;
    while (cursor.next()) {
      if (cursor.record.hasStamp) jumps.add(cursor.record.sec, cursor.record.ns);
      else jumps.addWithoutStamp();
      this.take();
      if (this.rows === ARRIVAL_ROWS) this.settle();
    }
    this.settle();
  }

  private take(): void {
    const { cursor, rows, batch } = this;
    const { slabOffset, copiedBytes } = batch.arrivals;
    slabOffset[rows] = rows * COPY_BYTES;
    copiedBytes[rows] = copyHeader(cursor, this.slab, rows * COPY_BYTES);
    this.lengths[rows] = cursor.lengthBytes;
    this.carries[rows] = cursor.carries;
    this.directions[rows] = cursor.direction;
    this.rows++;
  }

  /** Parses the packets taken so far and books each to its flow. */
  private settle(): void {
    const { rows, parsed, batch, list } = this;
    parseBatch(batch.arrivals, this.slab, rows, parsed);
    if (this.packets + rows > this.markOf.length)
      this.markOf = grown(this.markOf, new Int32Array(2 * this.markOf.length));
    for (let p = 0; p < rows; p++) {
      const mark = this.markOfRow(p);
      this.markOf[this.packets++] = mark;
      if (mark < 0) continue;
      list.packets[mark] += 1;
      list.bytes[mark] += this.lengths[p];
    }
    this.rows = 0;
  }

  private markOfRow(p: number): number {
    const { parsed, batch, carries, directions, list } = this;
    const direction = directions[p];
    if (carries[p] === CARRIES_ARP || isNeverQueued(parsed, p)) {
      this.neverQueued++;
      return NEVER_QUEUED;
    }
    if (carries[p] !== CARRIES_IP || !isReadable(parsed, p, batch.arrivals.copiedBytes[p])) {
      this.unparsed++;
      return direction === DIRECTION_UNKNOWN || direction === DIRECTION_OUT ? UNPARSED_UP : UNPARSED_DOWN;
    }
    const f = list.rowOf(parsed, p, direction);
    if (f !== NONE) return f;
    const isUp = direction === DIRECTION_UNKNOWN || direction === DIRECTION_OUT;
    return (isUp ? OTHER_UP : OTHER_DOWN) - parsed.protocol[p];
  }

  /** The entries of the report, and the entry of every packet. */
  report(): Pick<CaptureScan, 'flows' | 'flowOf' | 'flowsOf'> {
    const { list, markOf } = this;
    const entries = new Map<string, number>();
    const flows: ReportedFlow[] = [];
    const flowsOf: number[] = [];
    const entry = (flow: ReportedFlow, count: number): number => {
      const known = entries.get(flow.name);
      if (known !== undefined) {
        flowsOf[known] += count;
        return known;
      }
      entries.set(flow.name, flows.length);
      flowsOf.push(count);
      return flows.push(flow) - 1;
    };
    const other = (protocol: number, isUp: boolean, count: number): number =>
      entry({ name: `other ${protocolLabel(protocol)} ${isUp ? 'up' : 'down'}`, protocol, isUp }, count);
    const isNamed = largest(list.bytes.subarray(0, list.count), NAMED_FLOWS_MAX);
    const entryOfFlow = Int32Array.from({ length: list.count }, (_, f) => {
      const [protocol, isUp] = [list.protocol(f), list.isUp[f] === 1];
      return isNamed[f] === 1 ? entry({ name: list.name(f), protocol, isUp }, 1) : other(protocol, isUp, 1);
    });
    const flowOf = markOf.subarray(0, this.packets);
    for (const [i, mark] of flowOf.entries()) {
      if (mark >= 0) flowOf[i] = entryOfFlow[mark];
      else if (mark === NEVER_QUEUED) flowOf[i] = NONE;
      else if (mark === UNPARSED_UP || mark === UNPARSED_DOWN) {
        const isUp = mark === UNPARSED_UP;
        flowOf[i] = entry({ name: `unparsed ${isUp ? 'up' : 'down'}`, protocol: NONE, isUp }, 0);
      } else if (mark > OTHER_DOWN) flowOf[i] = other(OTHER_UP - mark, true, 0);
      else flowOf[i] = other(OTHER_DOWN - mark, false, 0);
    }
    return { flows, flowOf, flowsOf: flowsOf.map((count) => Math.max(1, count)) };
  }
}

/**
 * Copies the first bytes of the cursor's packet, at most COPY_BYTES, to `to`. Returns their number: 0 for a
 * frame that carries no IP packet, so that the parser finds no protocol in it.
 */
export function copyHeader(cursor: CaptureCursor, into: Uint8Array, to: number): number {
  if (cursor.carries !== CARRIES_IP) return 0;
  const { bytes, offset } = cursor;
  const count = Math.min(COPY_BYTES, cursor.capturedBytes);
  for (let b = 0; b < count; b++) into[to + b] = bytes[offset + b];
  return count;
}

/** Whether the capture has the whole IP header. */
function isReadable(parsed: Parsed, p: number, copiedBytes: number): boolean {
  if (parsed.family[p] === 4)
    return copiedBytes >= 20 && (parsed.l4Offset[p] > 0 || parsed.fragment[p] === FRAGMENT_LATER);
  return parsed.family[p] === 6 && copiedBytes >= 40;
}

const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;

/**
 * The packets that the rules let pass without queueing (io/rules, chain never_queued), as far as a capture
 * tells.
 */
function isNeverQueued(parsed: Parsed, p: number): boolean {
  const [dst, sport, dport] = [parsed.dst0[p], parsed.sport[p], parsed.dport[p]];
  const isUdp = parsed.protocol[p] === IPPROTO_UDP;
  const between = (a: number, b: number): boolean =>
    isUdp && (sport === a || sport === b) && (dport === a || dport === b);
  if (parsed.family[p] === 4)
    return dst >>> 28 === 0xe || dst === 0xffff_ffff || dst >>> 24 === 127 || between(67, 68);
  if (parsed.family[p] !== 6) return false;
  const isLoopback = dst === 0 && parsed.dst1[p] === 0 && parsed.dst2[p] === 0 && parsed.dst3[p] === 1;
  return dst >>> 24 === 0xff || isLoopback || between(546, 547) || isNeighbourDiscovery(parsed, p);
}

/**
 * Neighbour discovery (RFC 4861) goes to link-local addresses, which are never forwarded. The type is not
 * parsed.
 */
function isNeighbourDiscovery(parsed: Parsed, p: number): boolean {
  return parsed.protocol[p] === IPPROTO_ICMPV6 && parsed.dst0[p] >>> 22 === 0xfe80 >> 6;
}

/** Marks the `count` largest of `values` with 1; of equal ones the first. */
function largest(values: Float64Array, count: number): Uint8Array {
  const marks = new Uint8Array(values.length);
  if (values.length <= count) return marks.fill(1);
  const least = values.slice().sort()[values.length - count];
  let left = count;
  for (const value of values) if (value > least) left--;
  for (const [i, value] of values.entries()) {
    if (value > least) marks[i] = 1;
    else if (value === least && left-- > 0) marks[i] = 1;
  }
  return marks;
}

/** A second reading, of the stamps only, once it is known which of them are wrong. */
function measureTimes(
  readAt: ReadAt,
  wrongJumps: ReadonlySet<number>,
): Pick<CaptureScan, 'durationNs' | 'activeNs' | 'longestPauseNs' | 'longestPausePacket' | 'clockSteps'> {
  const cursor = new CaptureCursor(readAt);
  const stamps = new StampReader(wrongJumps);
  let durationNs = 0;
  let activeNs = 0;
  let longestPauseNs = 0;
  let longestPausePacket = 0;
  for (let packet = 0; cursor.next(); packet++) {
    const { hasStamp, sec, ns } = cursor.record;
    const atNs = hasStamp ? stamps.next(sec, ns) : stamps.withoutStamp();
    const spanNs = atNs - durationNs;
    activeNs += spanNs > PAUSE_NS_MIN ? PAUSE_COUNTS_NS : spanNs;
    if (spanNs > longestPauseNs) {
      longestPauseNs = spanNs;
      longestPausePacket = packet;
    }
    durationNs = atNs;
  }
  return { durationNs, activeNs, longestPauseNs, longestPausePacket, clockSteps: stamps.steps };
}
