/** TCP segments as they pass a device of a host: captured by bench/native/capture.c, read back as values. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBatch } from '../../src/packet/batch.ts';
import { createParsed, FRAGMENT_NONE, type Parsed, parseBatch } from '../../src/packet/parse.ts';
import {
  ACK,
  ACK_AT,
  FLAGS_AT,
  headerBytesOf,
  IPPROTO_TCP,
  SEQ_AT,
  SYN,
  WINDOW_AT,
} from '../../src/packet/tcp-header.ts';
import { TcpOptions } from '../../src/packet/tcp-options.ts';
import { CaptureCursor } from '../../src/sim/capture/capture.ts';
import { CARRIES_IP } from '../../src/sim/capture/links.ts';
import { readAtOf } from '../../src/sim/capture/window.ts';
import type { Host } from './lab.ts';
import { nativeProgram } from './native.ts';
import { finish } from './process.ts';

/** Ethernet, IPv6 with an extension header, TCP with all its options. */
const FRAME_BYTES = 160;

export interface Segment {
  /** When it passed the device, in nanoseconds of the machine's clock. Differences are exact. */
  readonly ns: number;
  /** Both ends, as `addresses:port` in hexadecimal words. */
  readonly from: string;
  readonly to: string;
  readonly seq: number;
  /** 0 without ACK. */
  readonly ack: number;
  /** As it stands in the header, not scaled. */
  readonly window: number;
  readonly flags: number;
  readonly dscp: number;
  readonly payloadBytes: number;
  /** Of the option in a SYN; null without one. */
  readonly scale: number | null;
  /** TSval and TSecr; null without the option. */
  readonly stamps: readonly [number, number] | null;
}

export interface Capture {
  /** Ends it. Rejects if the kernel had no room for some frames. */
  stop(): Promise<Segment[]>;
}

/** Captures what passes `device` from now on. */
export async function startCapture(
  host: Host,
  device: string,
  folder: string,
  timeoutMs: number,
): Promise<Capture> {
  const file = join(folder, `${host.name}-${device}.pcap`);
  const child = host.spawn([await nativeProgram('capture'), device, file, String(FRAME_BYTES)]);
  const report = finish(child, timeoutMs);
  report.catch(() => undefined); // awaited by stop()
  await Promise.race([new Promise((resolve) => child.stdout?.once('data', resolve)), report]);
  return {
    stop: async () => {
      child.kill('SIGTERM');
      const { code, stdout, stderr } = await report;
      if (code !== 0) throw new Error(`capture of ${device}: exit ${code}\n${stderr}`);
      const { lost } = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '{}');
      if (lost !== 0) throw new Error(`capture of ${device}: ${lost} frames were lost`);
      return readSegments(readFileSync(file));
    },
  };
}

/** The TCP segments of a capture file, in its order. */
export function readSegments(file: Uint8Array): Segment[] {
  const cursor = new CaptureCursor(readAtOf(file));
  const { arrivals } = createBatch();
  const parsed = createParsed();
  const options = new TcpOptions();
  const segments: Segment[] = [];
  while (cursor.next()) {
    if (cursor.carries !== CARRIES_IP) continue;
    arrivals.slabOffset[0] = cursor.offset;
    arrivals.copiedBytes[0] = cursor.capturedBytes;
    arrivals.lengthBytes[0] = cursor.lengthBytes;
    parseBatch(arrivals, cursor.bytes, 1, parsed);
    if (parsed.protocol[0] !== IPPROTO_TCP || parsed.fragment[0] !== FRAGMENT_NONE) continue;
    const at = cursor.offset + parsed.l4Offset[0]!;
    const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + at);
    const headerBytes = headerBytesOf(cursor.bytes, at);
    const flags = view.getUint8(FLAGS_AT);
    options.read(cursor.bytes, at, at + headerBytes, (flags & SYN) !== 0);
    segments.push({
      ns: cursor.record.sec * 1e9 + cursor.record.ns,
      ...endsOf(parsed),
      seq: view.getUint32(SEQ_AT),
      ack: (flags & ACK) === 0 ? 0 : view.getUint32(ACK_AT),
      window: view.getUint16(WINDOW_AT),
      flags,
      dscp: parsed.dscp[0]!,
      payloadBytes: cursor.lengthBytes - parsed.l4Offset[0]! - headerBytes,
      scale: options.scale < 0 ? null : options.scale,
      stamps: options.hasStamp ? [options.stamp >>> 0, options.echo >>> 0] : null,
    });
  }
  if (cursor.trouble)
    throw new Error(`capture file: ${cursor.trouble.kind} at byte ${cursor.trouble.atByte}`);
  return segments;
}

function endsOf(parsed: Parsed): { from: string; to: string } {
  const name = (words: readonly Uint32Array[], port: Uint16Array): string =>
    `${words.map((word) => word[0]!.toString(16)).join('.')}:${port[0]}`;
  const { src0, src1, src2, src3, dst0, dst1, dst2, dst3, sport, dport } = parsed;
  return {
    from: name([src0, src1, src2, src3], sport),
    to: name([dst0, dst1, dst2, dst3], dport),
  };
}
