/** CoDel's word on a packet that is about to leave a queue, whatever the queue's discipline. */
import {
  CODEL_DROP,
  CODEL_PASS,
  type CodelParameters,
  type CodelQueues,
  codelDecide,
} from '../../algo/aqm/codel.ts';
import { FLAG_CE, FLAG_ECT, type HeldTable } from '../packets/held.ts';

/**
 * Whether packet `h`, just taken from queue `i` with `backlogBytes` behind it, may leave at `atNs`, with FLAG_CE set if it is to
 * be marked. A packet that must not be dropped leaves in any case.
 */
export function codelLetsGo(
  held: HeldTable,
  codel: CodelQueues,
  i: number,
  parameters: CodelParameters,
  h: number,
  backlogBytes: number,
  atNs: number,
): boolean {
  const ect = (held.flags[h] & FLAG_ECT) !== 0;
  const decision = codelDecide(codel, i, parameters, atNs - held.enteredNs(h), backlogBytes, ect, atNs);
  if (decision === CODEL_DROP) return held.neverDrop(h);
  if (decision !== CODEL_PASS) held.flags[h] |= FLAG_CE;
  return true;
}
