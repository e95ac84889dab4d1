/**
 * What a counter has counted between two readings, although it wraps and is reset.
 *
 * Reference: rrdtool, data sources COUNTER and DERIVE (rrdcreate(1)); RFC 2863, 3.1.6, for the widths.
 *
 * Model. A counter of 32 or 64 bits grows until it wraps. A reading that is lower than the one before has
 * wrapped, or the counter was reset:
 *
 *     delta = current - previous            unknown: a reading is missing, or dt is not in (0, heartbeat]
 *     delta < 0:  delta += 2^32; still < 0: delta += 2^64 - 2^32
 *     delta / dt > maximum rate:            unknown: nothing is so fast, so the counter was reset
 *
 * | parameter       | unit         | range      | default                                    |
 * |-----------------|--------------|------------|--------------------------------------------|
 * | bits            |              | 32, 64     | 'auto': what fits; a given width wraps there |
 * | heartbeatNs     | ns           | > 0        | by source                                  |
 * | bytesPerSecMax  | bytes/second | > 0        | the link's rate * 1.1; Infinity: no check  |
 *
 * Worked example: 4294967290, 60 s later 10: 16 bytes by a wrap at 2^32. 9000000000, then 100 with at most
 * 125 MB/s: 2^64 more would be too fast, so the counter was reset and the delta is unknown.
 *
 * Invariants (test/property/counter):
 *  1. Of a counter that wraps at most once between readings all bytes are found, whatever the readings are.
 *  2. A reset is never told as more than the maximum rate allows.
 *
 * Departures: rrdtool since 2014 adds 2^32 - 1, one byte low for each wrap. Values are bigint, because 64
 * bits are beyond 2^53; they come from elsewhere and not from packets. Cost: one allocation a reading.
 */

export type CounterBits = 32 | 64 | 'auto';

export interface CounterParameters {
  readonly bits: CounterBits;
  readonly heartbeatNs: number;
  readonly bytesPerSecMax: number;
}

const WRAP_32 = 2n ** 32n;
const WRAP_64 = 2n ** 64n;

/** Bytes between two readings `elapsedNs` apart; null: unknown. A reading that is null was not possible. */
export function counterDelta(
  previous: bigint | null,
  current: bigint | null,
  elapsedNs: number,
  params: CounterParameters,
): bigint | null {
  if (previous === null || current === null) return null;
  if (!(elapsedNs > 0 && elapsedNs <= params.heartbeatNs)) return null;
  const delta = unwrapped(current - previous, params.bits);
  if (delta < 0n) return null;
  return Number(delta) > (params.bytesPerSecMax * elapsedNs) / 1e9 ? null : delta;
}

function unwrapped(delta: bigint, bits: CounterBits): bigint {
  if (delta >= 0n) return delta;
  if (bits === 64) return delta + WRAP_64;
  const narrow = delta + WRAP_32;
  return narrow >= 0n || bits === 32 ? narrow : delta + WRAP_64;
}
