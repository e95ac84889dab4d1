/**
 * CAKE's aggressive ACK filter: a single redundant ACK goes too, if it is right before the ACK that makes it
 * redundant.
 *
 * Reference: net/sched/sch_cake.c, cake_ack_filter(), CAKE_ACK_AGGRESSIVE.
 *
 * Model. findRedundantAck() looks for two redundant ACKs first. If it finds none to drop, the segment before
 * the trigger goes if it is redundant and its ECE and CWR are the trigger's.
 */
import {
  type AckRows,
  ecnFlags,
  type FoundAck,
  findRedundantAck,
  isRedundant,
  isTrigger,
} from '../../src/algo/queues/ack-filter.ts';
import { NONE } from '../../src/base/none.ts';

export function findAggressively(
  acks: AckRows,
  links: { next(row: number): number },
  head: number,
  trigger: number,
  looksMax: number,
  found: FoundAck,
): boolean {
  if (findRedundantAck(acks, links, head, trigger, looksMax, found)) return true;
  let last = NONE;
  let before = NONE;
  let looks = 0;
  for (let row = head; row !== trigger; row = links.next(row), looks++) {
    before = last;
    last = row;
  }
  if (last === NONE || looks > looksMax || !isTrigger(acks, trigger)) return false;
  if (acks.connection[last] !== acks.connection[trigger] || !isRedundant(acks, last, trigger)) return false;
  if (ecnFlags(acks, last) !== ecnFlags(acks, trigger)) return false;
  found.row = last;
  found.before = before;
  return true;
}
