/** What TcpWatch has seen of connections, for those who act on it. */
import type { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { FLOW_IDLE_NS, PACED_IDLE_NS } from '../../limits.ts';
import {
  BYTES,
  GENERATION,
  HAS_SCALE,
  measureAt,
  REVERSE,
  REVERSE_GENERATION,
  RTT_MIN_US,
  RTT_US,
  SCALE_SHIFT,
  SEQ_HIGH,
  SYN_SEEN,
  TCP_KEPT,
  TCP_STATE,
  WAITING_BYTES,
} from './flow-layout.ts';

export class TcpView {
  private readonly records: Int32Array;
  private readonly floats: Float64Array;
  private readonly measures: Int32Array;

  constructor({ words, floats }: KeyTable, measures: Int32Array) {
    this.records = words;
    this.floats = floats;
    this.measures = measures;
  }

  generation(f: number): number {
    return this.records[f + GENERATION];
  }

  /** Bytes of all packets of the flow. */
  bytes(f: number): number {
    return this.floats[(f + BYTES) >> 1];
  }

  /** Bytes of packets of the flow that wait in queues. */
  waitingBytes(f: number): number {
    return this.records[f + WAITING_BYTES];
  }

  /** The flow of the other direction; NONE if none is known. */
  reverseOf(f: number): number {
    const { measures, records } = this;
    const m = measureAt(f);
    const other = measures[m + REVERSE];
    if (measures[m + TCP_STATE] === 0 || other === NONE) return NONE;
    return records[other + GENERATION] === measures[m + REVERSE_GENERATION] ? other : NONE;
  }

  /** Scale of the windows that flow `f` advertises to flow `d`; NONE unless both SYNs were seen. */
  scaleOf(f: number, d: number): number {
    const { measures } = this;
    return scaleOf(measures[measureAt(f) + TCP_STATE], measures[measureAt(d) + TCP_STATE]);
  }

  /** An idle flow is remembered for so long. */
  idleNs(f: number): number {
    return (this.measures[measureAt(f) + TCP_STATE] & TCP_KEPT) === 0 ? FLOW_IDLE_NS : PACED_IDLE_NS;
  }

  /** The flow is remembered longer than others while it is idle. */
  keep(f: number): void {
    this.measures[measureAt(f) + TCP_STATE] |= TCP_KEPT;
  }

  /** The flow is remembered as others are. */
  letGo(f: number): void {
    this.measures[measureAt(f) + TCP_STATE] &= ~TCP_KEPT;
  }

  /** End of the highest data of the flow, modulo 2^32. */
  sentEnd(f: number): number {
    return this.measures[measureAt(f) + SEQ_HIGH];
  }

  /** From here to where the flow goes and back, at least; 0 if it is not known. */
  leastHalfUs(f: number): number {
    return this.measures[measureAt(f) + RTT_MIN_US];
  }

  /** The round trip of a connection, smoothed, without the time that its acknowledgements wait here. */
  smoothedUs(f: number, d: number): number {
    return this.measures[measureAt(d) + RTT_US] + this.measures[measureAt(f) + RTT_US];
  }

  /** The least round trip of a connection, in microseconds; 0 if one half is not known. */
  roundTripUs(f: number, d: number): number {
    const there = this.measures[measureAt(d) + RTT_MIN_US];
    const back = this.measures[measureAt(f) + RTT_MIN_US];
    return there === 0 || back === 0 ? 0 : there + back;
  }
}

/**
 * Scale of the windows of a flow by its TCP_STATE and that of the other direction; NONE if it is not known.
 */
export function scaleOf(state: number, other: number): number {
  if ((state & other & SYN_SEEN) === 0) return NONE;
  return (state & other & HAS_SCALE) === 0 ? 0 : state >> SCALE_SHIFT;
}
