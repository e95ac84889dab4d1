/** Segments by hand, as the packet thread would record them. */
import type { TracedSegment } from '../../../../src/core/trace/trace-reader.ts';
import { ACK } from '../../../../src/packet/tcp-header.ts';

let packets = 0;

/** A pure acknowledgement at `atMs`, but for what `more` says. Numbers may lie beyond 2^32. */
export function traced(atMs: number, more: Partial<TracedSegment> = {}): TracedSegment {
  const window = more.windowBefore ?? 1000;
  const { payloadBytes = 0, seq = 0, ack = 0 } = more;
  return {
    atNs: atMs * 1e6,
    packet: ++packets,
    f: 0,
    generation: 1,
    lengthBytes: 52 + payloadBytes,
    flags: ACK,
    windowBefore: window,
    windowAfter: window,
    scale: 7,
    isHeld: false,
    ...more,
    payloadBytes,
    seq: seq | 0,
    ack: ack | 0,
  };
}
