/** Reads recorded TCP segments out of memory that the packet thread goes on writing, in any thread. */
import { TRACE_ROWS } from '../../limits.ts';
import type { TraceBegun } from './trace.ts';
import {
  ACK,
  AT_NS,
  DROP_REASON,
  FLAGS,
  FLOW,
  FLOW_GENERATION,
  HEADER_BEGUN,
  HEADER_WRITTEN,
  KIND,
  KIND_DROPPED,
  KIND_HELD,
  LENGTH_BYTES,
  NFQUEUE,
  PACKET_ID,
  PAYLOAD_BYTES,
  SCALE,
  SEQ,
  TRACE_SHIFT,
  type TraceMemory,
  traceMemoryOver,
  WINDOW_AFTER,
  WINDOW_BEFORE,
} from './trace-layout.ts';

interface Named {
  /** Names the packet until it has a verdict. */
  readonly packet: number;
  readonly f: number;
  readonly generation: number;
}

export interface TracedSegment extends Named {
  /** Instant of the engine's clock. */
  readonly atNs: number;
  readonly lengthBytes: number;
  readonly payloadBytes: number;
  readonly flags: number;
  /** Signed words. */
  readonly seq: number;
  readonly ack: number;
  /** Fields of the header, not scaled. */
  readonly windowBefore: number;
  readonly windowAfter: number;
  /** NONE if it is not known. */
  readonly scale: number;
  readonly isHeld: boolean;
}

export interface TracedDrop extends Named {
  readonly reason: number;
}

export interface TraceListener {
  segment(segment: TracedSegment): void;
  dropped(drop: TracedDrop): void;
}

export class TraceReader {
  /** Records that were overwritten before they were read. */
  missed = 0;
  private readonly memory: TraceMemory;
  private taken: number;
  private readonly words = new Int32Array(TRACE_ROWS << TRACE_SHIFT);
  private readonly floats = new Float64Array(this.words.buffer);

  constructor({ buffer, from }: TraceBegun) {
    this.memory = traceMemoryOver(buffer);
    this.taken = from;
  }

  /** Tells of what was recorded since the last call, in order. */
  take(listener: TraceListener): void {
    const { header, words } = this.memory;
    const written = Atomics.load(header, HEADER_WRITTEN);
    if (((written - this.taken) | 0) <= 0) return;
    this.words.set(words);
    const oldest = (Atomics.load(header, HEADER_BEGUN) - TRACE_ROWS) | 0;
    const lost = Math.min((oldest - this.taken) | 0, (written - this.taken) | 0);
    if (lost > 0) {
      this.missed += lost;
      this.taken = (this.taken + lost) | 0;
    }
    for (; this.taken !== written; this.taken = (this.taken + 1) | 0) this.tell(listener);
  }

  private tell(listener: TraceListener): void {
    const { words, floats } = this;
    const r = (this.taken & (TRACE_ROWS - 1)) << TRACE_SHIFT;
    const named = {
      packet: words[r + NFQUEUE] * 2 ** 32 + (words[r + PACKET_ID] >>> 0),
      f: words[r + FLOW],
      generation: words[r + FLOW_GENERATION],
    };
    const kind = words[r + KIND];
    if (kind === KIND_DROPPED) {
      listener.dropped({ ...named, reason: words[r + DROP_REASON] });
      return;
    }
    listener.segment({
      ...named,
      atNs: floats[(r + AT_NS) >> 1],
      lengthBytes: words[r + LENGTH_BYTES],
      payloadBytes: words[r + PAYLOAD_BYTES],
      flags: words[r + FLAGS],
      seq: words[r + SEQ],
      ack: words[r + ACK],
      windowBefore: words[r + WINDOW_BEFORE],
      windowAfter: words[r + WINDOW_AFTER],
      scale: words[r + SCALE],
      isHeld: kind === KIND_HELD,
    });
  }
}
