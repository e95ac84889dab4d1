/**
 * Strict priority: the best band that has a packet goes first.
 *
 * Reference: net/sched/sch_prio.c; the row of classes by priority in net/sched/sch_htb.c (row_mask).
 *
 * Model. Bands 0 .. 31, of which 0 is the best; bit b of a word is set while band b has packets. A packet
 * that has begun is finished. A better band starves a worse one as long as it has packets, by design: bound
 * it with a policer or a ceil.
 *
 *     bands   7 6 5 4 3 2 1 0
 *     word    0 0 1 0 1 1 0 0   ->  the lowest bit set: band 2
 *
 * | parameter | unit | range | default |
 * |-----------|------|-------|---------|
 * | band      |      | 0..31 |         |
 *
 * Worked example: as drawn.
 *
 * Invariants (test/unit/reference/strict-priority):
 *  1. No band is picked while a better one has packets.
 *
 * Departures: none. Cost: two instructions, however many bands.
 */
import { NONE } from '../../src/base/none.ts';

export const BANDS_MAX = 32;

/** The best band of the word; NONE if no bit is set. */
export function bestBand(waiting: number): number {
  return waiting === 0 ? NONE : 31 - Math.clz32(waiting & -waiting);
}

/** The word with band `band` set or cleared. */
export function withBand(waiting: number, band: number, hasPackets: boolean): number {
  return hasPackets ? waiting | (1 << band) : waiting & ~(1 << band);
}
