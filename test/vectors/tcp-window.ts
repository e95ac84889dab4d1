/** Runs the vectors of TCP rate control: windows, shares, checksums, and round trips. */
import { checksumAfter, tcpChecksum } from '../../src/algo/pacing/checksum.ts';
import { targetBytes } from '../../src/algo/pacing/share.ts';
import { nextField, openWindow, promisedEdge, WINDOW_WORDS } from '../../src/algo/pacing/window.ts';
import { RoundTrip } from '../reference/round-trip.ts';
import type { Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

type Event = readonly [ack: number, field: number, target: number, flags?: string, payload?: number];

function windows(vector: Vector): Found {
  const { scale, mss, init_edge } = vector.body.params as Record<'scale' | 'mss' | 'init_edge', number>;
  const words = new Int32Array(WINDOW_WORDS);
  openWindow(words, 0, scale, mss, init_edge);
  const rows = (vector.body.events as Event[]).map(([ack, field, target, flags = 'A', payload = 0]) => {
    const isUntouched = /[SR]/.test(flags);
    const isPlain = payload === 0 && flags === 'A';
    const out = isUntouched ? field : nextField(words, 0, ack, field, target, isPlain);
    return { window_field_out: out, right_edge_after: promisedEdge(words, 0) >>> 0 };
  });
  return { rows };
}

function targets(vector: Vector): Found {
  const rows = (vector.body.expect as number[][]).map(([limit, active, rtt, mss]) => {
    const share = Math.floor(limit! / 8 / Math.max(1, active!));
    const target = targetBytes(share, rtt!, mss!);
    // Names of the vectors.
    return Object.fromEntries(
      (vector.body.expect_fields as string[]).map((name, n) => [
        name,
        [limit, active, rtt, mss, share, target][n],
      ]),
    );
  });
  return { rows };
}

const WINDOW_AT = 34;
const CHECKSUM_AT = 36;
const TCP_AT = 20;

function edited({ in: hex, new_window }: { in: string; new_window: number }): string {
  const bytes = Buffer.from(hex, 'hex');
  const before = bytes.readUInt16BE(WINDOW_AT);
  const checksum = checksumAfter(bytes.readUInt16BE(CHECKSUM_AT), before, new_window);
  bytes.writeUInt16BE(new_window, WINDOW_AT);
  bytes.writeUInt16BE(checksum, CHECKSUM_AT);
  const whole = tcpChecksum(bytes, 0, TCP_AT, bytes.length);
  if (whole !== checksum) throw new Error(`${hex}: ${checksum} by the change, ${whole} by the whole segment`);
  return bytes.toString('hex');
}

function checksums(vector: Vector): Found {
  const rows = (vector.body.expect as unknown[]).map((row) => {
    if (!Array.isArray(row)) {
      const packet = row as { in: string; new_window: number };
      return { ...packet, out: edited(packet) };
    }
    const [checksum, old_word, new_word, , eq2] = row as number[];
    const result = checksumAfter(checksum!, old_word!, new_word!);
    return { checksum, old_word, new_word, result, eq2_result_for_reference: eq2 };
  });
  return { rows };
}

function roundTrips(vector: Vector): Found {
  const trip = new RoundTrip();
  const events = vector.body.events as [number, 0 | 1, number, number | null][];
  const rows = events.map(([us, direction, stamp, echo]) => {
    trip.pass(us, direction, stamp, echo);
    const [half_to_right_us, half_to_left_us] = trip.halvesUs;
    return { half_to_right_us, half_to_left_us, total_us: trip.totalUs };
  });
  return { rows };
}

export const TCP_WINDOW_RUNNERS: readonly [string, Runner][] = [
  ['tcp-window', { params: ['scale', 'mss', 'init_edge', 'min_segments'], run: windows }],
  ['tcp-window-target', { params: [], run: targets }],
  ['checksum', { params: [], run: checksums }],
  ['rtt', { params: [], run: roundTrips }],
];
