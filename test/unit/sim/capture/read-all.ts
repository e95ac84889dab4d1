/** Reads every packet of a capture in memory, for tests. */
import { CaptureCursor } from '../../../../src/sim/capture/capture.ts';
import type { CaptureTrouble } from '../../../../src/sim/capture/records.ts';
import { StampReader } from '../../../../src/sim/capture/stamps.ts';
import { readAtOf } from '../../../../src/sim/capture/window.ts';

export interface ReadPacket {
  readonly atNs: number;
  readonly carries: number;
  readonly lengthBytes: number;
  readonly direction: number;
  readonly bytes: readonly number[];
}

export function readAll(file: Uint8Array): { packets: ReadPacket[]; trouble: CaptureTrouble | null } {
  const cursor = new CaptureCursor(readAtOf(file));
  const stamps = new StampReader();
  const packets: ReadPacket[] = [];
  while (cursor.next()) {
    const { record, carries, lengthBytes, direction, offset, capturedBytes } = cursor;
    packets.push({
      atNs: record.hasStamp ? stamps.next(record.sec, record.ns) : stamps.withoutStamp(),
      carries,
      lengthBytes,
      direction,
      bytes: [...cursor.bytes.slice(offset, offset + capturedBytes)],
    });
  }
  return { packets, trouble: cursor.trouble };
}
