/**
 * Explicit congestion notification through a tunnel.
 *
 * Reference: RFC 6040, section 4 (normal mode); RFC 3168, section 5 (the code points).
 *
 * Model. The outer header begins with the code point of the inner one. Where the packet leaves the tunnel,
 * the congestion that the outer header met joins what the inner header can carry:
 *
 *     inner \ outer   00    01    10    11
 *     00 Not-ECT      00    00    00   drop
 *     01 ECT(1)       01    01    01    11
 *     10 ECT(0)       10    01    10    11
 *     11 CE           11    11    11    11
 *
 * | parameter | unit | range |                                                  |
 * |-----------|------|-------|--------------------------------------------------|
 * | inner     |      | 0..3  | the two low bits of the inner traffic class      |
 * | outer     |      | 0..3  | those of the outer one, as it left the tunnel    |
 *
 * Worked example: ECT(0) inside, CE outside: the packet goes on with CE. Not-ECT inside, CE outside: a router
 * in the tunnel marked a packet whose ends hear no marks, so the packet is dropped, as it would have been.
 *
 * Invariants (test/unit/algo/overlay/ecn-tunnel, test/vectors):
 *  1. CE stays CE, and ECT never becomes Not-ECT.
 *  2. Only Not-ECT inside CE is dropped.
 *
 * Departures: none. The RFC asks for a log of strange combinations; callers count drops only. Cost: nothing.
 */

export const ECN_NOT_ECT = 0;
export const ECN_ECT_1 = 1;
export const ECN_ECT_0 = 2;
export const ECN_CE = 3;
/** In place of a code point: the packet is dropped. */
export const ECN_DROP = -1;

/** Code point of a packet that leaves a tunnel; ECN_DROP: congestion was told to ends that cannot hear. */
export function ecnDecapsulated(inner: number, outer: number): number {
  if (outer === ECN_CE) return inner === ECN_NOT_ECT ? ECN_DROP : ECN_CE;
  return inner === ECN_ECT_0 && outer === ECN_ECT_1 ? ECN_ECT_1 : inner;
}
