/**
 * Records the TCP segments of a connection or a class while somebody watches them (trace-layout.ts). The
 * packet thread writes them down as they are; what they mean is found out by who reads them. While nobody
 * watches, a batch asks once whether somebody does.
 *
 *   control thread   watch(subject)  watch(subject) again, every second           end()
 *   packet thread    ....................records..............................    or TRACE_LEASE_NS later
 *
 * A reader that is gone renews no more, and the watch ends by itself. A reader that is slow loses records,
 * and knows how many.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { NONE } from '../../base/none.ts';
import { TRACE_LEASE_NS, TRACE_ROWS } from '../../limits.ts';
import type { Arrivals } from '../../packet/batch.ts';
import { FRAGMENT_NONE, type Parsed } from '../../packet/parse.ts';
import {
  ACK_AT,
  FLAGS_AT,
  headerBytesOf,
  IPPROTO_TCP,
  readHalf,
  readWord,
  SEQ_AT,
  SYN,
  TCP_HEADER_BYTES,
  WINDOW_AT,
} from '../../packet/tcp-header.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import type { HeldTable } from '../packets/held.ts';
import {
  ACK,
  AT_NS,
  createTraceMemory,
  DROP_REASON,
  FLAGS,
  FLOW,
  FLOW_GENERATION,
  HEADER_BEGUN,
  HEADER_WRITTEN,
  KIND,
  KIND_DROPPED,
  KIND_HELD,
  KIND_SEGMENT,
  LENGTH_BYTES,
  NFQUEUE,
  PACKET_ID,
  PAYLOAD_BYTES,
  SCALE,
  SEQ,
  TRACE_SHIFT,
  type TraceMemory,
  WINDOW_AFTER,
  WINDOW_BEFORE,
} from './trace-layout.ts';
import { type Meant, meantBy, type TraceSubject } from './trace-subject.ts';

/** What the one who watches reads. */
export interface TraceBegun {
  readonly buffer: SharedArrayBuffer;
  /** Records from this one on are of the watch. */
  readonly from: number;
  readonly atNs: number;
}

export class Trace {
  /** Whether somebody watches. */
  isOn = false;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private memory: TraceMemory | null = null;
  private subject: TraceSubject | null = null;
  private meant: Meant | null = null;
  private untilNs = FLOAT_ZERO;
  /** Records begun. */
  private begun = 0;
  /** The record of the segment that arrives, and its header in the slab; NONE if it is not recorded. */
  private record = NONE;
  private at = NONE;

  constructor(held: HeldTable, flows: FlowTable) {
    this.held = held;
    this.flows = flows;
  }

  /** Records the segments of the subject from now on, for TRACE_LEASE_NS. The same again renews that. */
  watch(subject: TraceSubject, classes: readonly ClassInfo[], nowNs: number): TraceBegun {
    this.memory ??= createTraceMemory();
    this.subject = subject;
    this.regroup(classes);
    this.untilNs = nowNs + TRACE_LEASE_NS;
    this.isOn = true;
    return { buffer: this.memory.buffer, from: this.begun, atNs: nowNs };
  }

  end(): void {
    this.isOn = false;
    this.subject = null;
    this.meant = null;
  }

  /** Goes by other classes. */
  regroup(classes: readonly ClassInfo[]): void {
    if (this.subject !== null) this.meant = meantBy(this.subject, this.flows, classes);
  }

  /** A batch has ended: its records may be read. */
  finish(): void {
    if (this.memory !== null) Atomics.store(this.memory.header, HEADER_WRITTEN, this.begun);
  }

  /** Arrival `p`, held as `h` with its flow and leaves, before anything of it is edited. Only while isOn. */
  arrives(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number, h: number, nowNs: number): void {
    this.at = NONE;
    if (nowNs > this.untilNs) this.end();
    const l4 = parsed.l4Offset[p];
    if (parsed.protocol[p] !== IPPROTO_TCP || l4 === 0 || parsed.fragment[p] !== FRAGMENT_NONE) return;
    const f = this.held.flow[h];
    const at = arrivals.slabOffset[p] + l4;
    if (at + TCP_HEADER_BYTES > arrivals.slabOffset[p] + arrivals.copiedBytes[p]) return;
    if (!this.isMeant(f)) return;
    const r = this.next(KIND_SEGMENT, h);
    const { words, floats } = this.memory!;
    const flags = slab[at + FLAGS_AT];
    const window = readHalf(slab, at + WINDOW_AT);
    floats[(r + AT_NS) >> 1] = nowNs;
    words[r + LENGTH_BYTES] = arrivals.lengthBytes[p];
    words[r + PAYLOAD_BYTES] = Math.max(0, arrivals.lengthBytes[p] - l4 - headerBytesOf(slab, at));
    words[r + FLAGS] = flags;
    words[r + SEQ] = readWord(slab, at + SEQ_AT);
    words[r + ACK] = readWord(slab, at + ACK_AT);
    words[r + WINDOW_BEFORE] = window;
    words[r + WINDOW_AFTER] = window;
    words[r + SCALE] = (flags & SYN) !== 0 ? 0 : this.scaleOf(f);
    this.record = r;
    this.at = at;
  }

  /** What pacing has made of the segment that arrives(): its bytes in the slab, and whether it waits. */
  paced(slab: Uint8Array, isHeld: boolean): void {
    const { at } = this;
    if (at === NONE) return;
    const { words } = this.memory!;
    words[this.record + WINDOW_AFTER] = readHalf(slab, at + WINDOW_AT);
    if (isHeld) words[this.record + KIND] = KIND_HELD;
  }

  /** Packet `h` is dropped for `reason`, DROP_* of the ledger. */
  dropped(h: number, reason: number): void {
    if (!this.isMeant(this.held.flow[h])) return;
    const r = this.next(KIND_DROPPED, h);
    this.memory!.words[r + DROP_REASON] = reason;
  }

  private isMeant(f: number): boolean {
    return f !== NONE && this.meant !== null && this.meant.has(f);
  }

  /** Scale of the windows of flow `f`; NONE unless both SYNs were seen. */
  private scaleOf(f: number): number {
    const { view } = this.flows.tcp;
    const other = view.reverseOf(f);
    return other === NONE ? NONE : view.scaleOf(f, other);
  }

  /** Begins a record of packet `h`. */
  private next(kind: number, h: number): number {
    const { held, flows } = this;
    const { header, words } = this.memory!;
    const r = (this.begun & (TRACE_ROWS - 1)) << TRACE_SHIFT;
    this.begun = (this.begun + 1) | 0;
    Atomics.store(header, HEADER_BEGUN, this.begun);
    const f = held.flow[h];
    words[r + KIND] = kind;
    words[r + PACKET_ID] = held.packetId[h];
    words[r + NFQUEUE] = held.nfqueue(h);
    words[r + FLOW] = f;
    words[r + FLOW_GENERATION] = flows.generation(f);
    return r;
  }
}
