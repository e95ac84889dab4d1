/**
 * Explicit congestion notification: the two low bits of the traffic class.
 *
 * Reference: RFC 3168, section 5 and 6.1; RFC 8311 (ECT(1) is marked like ECT(0)). Tunnels are in
 * src/algo/overlay/ecn-tunnel.ts.
 *
 * Model. A packet whose ends understand a mark says so, and a queue marks it where it would have dropped it:
 *
 *     00 Not-ECT  cannot be marked: a signal drops it
 *     01 ECT(1)   a signal makes it CE
 *     10 ECT(0)   a signal makes it CE
 *     11 CE       stays CE, and counts as one more mark
 *
 * | parameter | unit    | range |                                                 |
 * |-----------|---------|-------|-------------------------------------------------|
 * | ecn       |         | 0..3  | the two low bits                                |
 * | dscp      |         | 0..63 | the six high bits                               |
 *
 * Worked example: traffic class 0xb9 is DSCP 46 with ECT(1); rewritten to DSCP 8 it is 0x21, still ECT(1).
 *
 * Invariants (test/unit/reference/ecn):
 *  1. No function turns ECT or CE into Not-ECT, or CE into anything else.
 *  2. Rewriting a DSCP leaves the two ECN bits, whatever they are.
 *
 * The AQM decides which signals may be marks: an overflow and RED's forced region drop capable packets too,
 * or a sender that ignores marks would own the queue. Cost: nothing.
 */

import { ECN_CE, ECN_DROP, ECN_NOT_ECT } from '../../src/algo/overlay/ecn-tunnel.ts';

const ECN_MASK = 3;
const DSCP_SHIFT = 2;

/** Whether a signal may be a mark. */
export function isEcnCapable(ecn: number): boolean {
  return ecn !== ECN_NOT_ECT;
}

/** Code point after an AQM's signal; ECN_DROP: it cannot be marked. */
export function ecnSignalled(ecn: number): number {
  return ecn === ECN_NOT_ECT ? ECN_DROP : ECN_CE;
}

/** Traffic class with another DSCP. */
export function withDscp(trafficClass: number, dscp: number): number {
  return (dscp << DSCP_SHIFT) | (trafficClass & ECN_MASK);
}
