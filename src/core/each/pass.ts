/** The way of a packet through the `each` buckets of its leaf and of the classes around it. */
import { NONE } from '../../base/none.ts';
import type { Chain } from '../classes/classes.ts';
import type { HeldTable } from '../packets/held.ts';
import type { Ledger } from '../packets/ledger.ts';
import { type EachTable, NO_ROOM, PASSES } from './each.ts';

/**
 * Takes packet `h` through the buckets from class `c` upwards in which it may wait: PASSES, WAITS in one of
 * them, or NO_ROOM. A packet that must not be dropped passes where there is no room for it.
 */
export function passBuckets(
  each: EachTable,
  waits: Chain,
  ledger: Ledger,
  held: HeldTable,
  h: number,
  c: number,
  nowNs: number,
  horizonNs: number,
): number {
  for (let row = c; row !== NONE; row = waits.above[row]) {
    const e = each.bucketOf(row, h, nowNs);
    const answer = e === NONE ? NO_ROOM : each.pass(e, h, nowNs, horizonNs);
    if (answer === PASSES) continue;
    if (answer !== NO_ROOM) return answer;
    if (e === NONE) ledger.eachFull();
    else ledger.fairFull();
    if (!held.neverDrop(h)) return answer;
  }
  return PASSES;
}
