/**
 * ACK timing: an acknowledgement goes on when the share of its connection has earned what it acknowledges.
 *
 * Reference: Karandikar, Kalyanaraman, Bagal, Packer, "TCP rate control", ACM CCR 30 (2000), section 3:
 * rates below two segments a round trip need acknowledgements that are spaced, as the window cannot say
 * them. RFC 8985, 7.2 (tail loss probe after 2 SRTT), RFC 6298 (RTO of SRTT + max(G, 4 RTTVAR); Linux adds
 * at least 200 ms).
 *
 * Model. An acknowledgement lets the sender send. So it goes on when the share has earned what it
 * acknowledges, and what the sender has sent already:
 *
 *     clock = max(clock, now - credit) + bytes / share                      for data that comes
 *     due   = max(due of the one before + acknowledged bytes / share, clock - way to the sender and back)
 *
 *     20 connections share 2 Mbit/s: 12.5 kB/s each; two segments (2896 bytes) take 232 ms, of which the
 *     path takes 20 ms and the acknowledgement waits here for the rest
 *
 * The clock holds a sender back whose window grows, where one acknowledgement brings twice what it
 * acknowledges. Who comes late leaves its turn to the next, but not more than one.
 *
 * A hold may be `holdMaxNs` at most, and beside the smoothed one of before half a round trip, as the sender
 * sees it, and GROWTH_NS: then its estimate follows, and neither its probe (Linux waits for 2 SRTT and two
 * jiffies, 2 ms at least) nor its timer fires. Where the bound cuts a hold, the schedule begins anew.
 *
 * | parameter     | unit         | range | default                                      |
 * |---------------|--------------|-------|----------------------------------------------|
 * | costNs        | ns           | >= 0  | of payload bytes, at the share               |
 * | roundTripNs   | ns           | > 0   | the path's, without our hold                 |
 * | holdMaxNs     | ns           | > 0   | HOLD_MAX_NS                                  |
 *
 * Worked example: as above, from rest: holds of 0, 0, 12, 14, 16 ... and 212 ms from about the thirtieth on.
 *
 * Where the window ends and timing begins: TIMED_SEGMENTS. A window of n whole segments is up to 1/n off
 * the share, which timing corrects; from eight segments on the window is exact enough, and acknowledgements
 * pass at once. Measured in virtual time (CUBIC, delayed acknowledgements, 10 ms of allowance), with windows
 * of fewer than so many segments timed:
 *
 *                                        of the rate            queue p50, p99
 *     20 at 2 Mbit/s, 20 ms    none      99.7 %                 188 ms, 188 ms
 *                              2 or 8    99.3 %                  11 ms,  28 ms
 *     4 at 2 Mbit/s, 20 ms     none      99.6 %                  28 ms,  28 ms
 *                              4, 8      99.6 %                 0.2 ms,  8 and 15 ms
 *     4 at 10 Mbit/s, 20 ms    4, 8      99.9 %                 7 and 1 ms,  10 and 2 ms
 *     3 at 3 Mbit/s, 50 ms     4, 8      96.0 and 99.6 %        0 and 2 ms,  0 and 10 ms
 *
 * Sixteen are no better than eight, and hold acknowledgements of more connections. An allowance of 20 or
 * 30 ms carries no more and makes queues of 20 and 30 ms; 2 ms carry 98.6 % for four at 2 Mbit/s. In these
 * runs nothing was sent again. test/sim/paced-transfers holds the lines with eight.
 *
 * Invariants (test/property/pacing):
 *  1. No hold is longer than holdMaxNs, nor more than half a round trip longer than the one before.
 *  2. Acknowledgements of one connection are due in their order.
 *
 * Departures: none here. The caller lets acknowledgements go that are due within HELD_ACK_SLACK_NS, which
 * spares wake-ups; the schedule keeps the instants. Cost: a few ns an acknowledgement.
 */

/** No acknowledgement is held longer. */
export const HOLD_MAX_NS = 400e6;
/** Windows of so many segments or fewer are timed. */
export const TIMED_SEGMENTS = 8;
/**
 * While the window lets the sender send more, its probe is new data and harms nobody. Only its timer counts
 * then, 200 ms at least after the last acknowledgement.
 */
const OPEN_HOLD_NS = 150e6;
/** A hold may be so much longer than half a round trip allows. */
const GROWTH_NS = 1.5e6;

// Words of the state, float64.
/** When the last acknowledgement was due. */
const DUE_NS = 0;
/**
 * How long it was held, smoothed as the sender smooths its round trip: an eighth of the difference counts.
 */
const HOLD_NS = 1;
/** When the share has earned all data that has come. */
const CLOCK_NS = 2;
export const TIMING_WORDS = 3;

export function openTiming(words: Float64Array, at: number): void {
  words[at + DUE_NS] = 0;
  words[at + HOLD_NS] = 0;
  words[at + CLOCK_NS] = 0;
}

/** How long acknowledgements were held lately. */
export function recentHoldNs(words: Float64Array, at: number): number {
  return words[at + HOLD_NS];
}

/** Data comes whose bytes take `costNs` at the share. */
export function dataComes(words: Float64Array, at: number, costNs: number, nowNs: number): void {
  words[at + CLOCK_NS] = Math.max(words[at + CLOCK_NS], nowNs - costNs) + costNs;
}

/**
 * The instant at which an acknowledgement that came at `nowNs` is to go on. What it acknowledges takes
 * `costNs` at the share. `roundTripNs` is what the sender would see without our hold, and `backNs` the part
 * of it from here to the sender and back.
 */
export function dueNs(
  words: Float64Array,
  at: number,
  costNs: number,
  roundTripNs: number,
  backNs: number,
  isOpen: boolean,
  holdMaxNs: number,
  nowNs: number,
): number {
  const earned = Math.max(words[at + DUE_NS] + costNs, nowNs - costNs, words[at + CLOCK_NS] - backNs);
  const held = words[at + HOLD_NS];
  const grown = held + (roundTripNs + held) / 2 + GROWTH_NS;
  const longest = Math.min(holdMaxNs, isOpen && grown < OPEN_HOLD_NS ? OPEN_HOLD_NS : grown);
  const due = Math.min(earned, nowNs + longest);
  words[at + DUE_NS] = due;
  if (due < earned) words[at + CLOCK_NS] = Math.min(words[at + CLOCK_NS], due + backNs);
  const hold = due > nowNs ? due - nowNs : 0;
  words[at + HOLD_NS] = held + (hold - held) / 8;
  return due;
}

/** An acknowledgement of so much passes at once. What it has not earned, the next ones wait for. */
export function passes(words: Float64Array, at: number, costNs: number, nowNs: number): void {
  words[at + DUE_NS] = Math.max(words[at + DUE_NS], nowNs - 2 * costNs) + costNs;
}
