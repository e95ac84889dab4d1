/**
 * ACK timing: an acknowledgement goes on when the share of its connection has earned what it acknowledges.
 *
 * Reference: Karandikar, Kalyanaraman, Bagal, Packer, "TCP rate control", ACM CCR 30 (2000), section 3:
 * rates below two segments a round trip need acknowledgements that are spaced, as the window cannot say
 * them. RFC 8985, 7.2 (tail loss probe after 2 SRTT), RFC 6298 (RTO of SRTT + max(G, 4 RTTVAR); Linux adds
 * at least 200 ms).
 *
 * Model. Data that is acknowledged lets the sender send as much again. So acknowledgements that go on at
 * the pace of the share make the sender send at the share:
 *
 *     due = max(due of the one before + acknowledged bytes / share, now - credit)
 *
 *     20 connections share 2 Mbit/s: 12.5 kB/s each; two segments (2896 bytes) take 232 ms, of which the
 *     path takes 20 ms and the acknowledgement waits here for the rest
 *
 * A hold may be `holdMaxNs` at most, and half a round trip, as the sender sees it, longer than the one
 * before: then its estimate follows, and neither its probe nor its timer fires. Where the bound cuts a
 * hold, the schedule begins anew.
 *
 * | parameter     | unit         | range | default                                      |
 * |---------------|--------------|-------|----------------------------------------------|
 * | nsPerByte     | ns/byte      | > 0   | of payload, at the share                     |
 * | roundTripNs   | ns           | > 0   | the path's, without our hold                 |
 * | holdMaxNs     | ns           | > 0   | HOLD_MAX_NS                                  |
 *
 * Worked example: as above, from rest: the first holds are 10, 25, 47, 81, 131, 206 and 212 ms.
 *
 * Where the window ends and timing begins: TIMED_SEGMENTS. A window of n whole segments is up to 1/n off
 * the share, which timing corrects; beyond eight segments the window is exact enough, and acknowledgements
 * pass at once.
 *
 * Invariants (test/property/pacing-ack-timing):
 *  1. No hold is longer than holdMaxNs, nor more than half a round trip longer than the one before.
 *  2. Acknowledgements of one connection are due in their order.
 *
 * Departures: none. Cost: a few ns an acknowledgement.
 */

/** No acknowledgement is held longer. */
export const HOLD_MAX_NS = 400e6;
/** Windows of so many segments or fewer are timed. */
export const TIMED_SEGMENTS = 8;

// Words of the state, float64.
/** When the last acknowledgement was due. */
const DUE_NS = 0;
/**
 * How long it was held, smoothed as the sender smooths its round trip: an eighth of the difference counts.
 */
const HOLD_NS = 1;
export const TIMING_WORDS = 2;

export function openTiming(words: Float64Array, at: number): void {
  words[at + DUE_NS] = 0;
  words[at + HOLD_NS] = 0;
}

/** How long acknowledgements were held lately. */
export function recentHoldNs(words: Float64Array, at: number): number {
  return words[at + HOLD_NS];
}

/** The instant at which an acknowledgement of `ackedBytes` that came at `nowNs` is to go on. */
export function dueNs(
  words: Float64Array,
  at: number,
  ackedBytes: number,
  nsPerByte: number,
  roundTripNs: number,
  holdMaxNs: number,
  nowNs: number,
): number {
  const costNs = ackedBytes * nsPerByte;
  // One that came late leaves its turn to the next, but not more than one.
  const earned = Math.max(words[at + DUE_NS] + costNs, nowNs - costNs);
  const held = words[at + HOLD_NS];
  const longest = Math.min(holdMaxNs, held + (roundTripNs + held) / 2);
  const due = Math.min(earned, nowNs + longest);
  words[at + DUE_NS] = due;
  const hold = due > nowNs ? due - nowNs : 0;
  words[at + HOLD_NS] = held + (hold - held) / 8;
  return due;
}

/** An acknowledgement of `ackedBytes` passes at once. What it has not earned, the next ones wait for. */
export function passes(
  words: Float64Array,
  at: number,
  ackedBytes: number,
  nsPerByte: number,
  nowNs: number,
): void {
  const costNs = ackedBytes * nsPerByte;
  words[at + DUE_NS] = Math.max(words[at + DUE_NS] + costNs, nowNs - costNs);
}
