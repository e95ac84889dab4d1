/** CoDel's signal for a packet that is about to leave, in flow queues and bands alike. */
import {
  CODEL_DROP,
  CODEL_PASS,
  type CodelParameters,
  type CodelQueues,
  codelDecide,
} from '../../algo/aqm/codel.ts';
import { FLAG_ALONE, FLAG_CE, FLAG_ECT, FLAG_SPARED, type HeldTable } from '../packets/held.ts';

/**
 * Whether packet `h`, just taken from row `i` of `codel` with `backlogBytes` behind it, may leave at `atNs`.
 * Sets FLAG_CE if the signal is a mark. A packet that must not be dropped leaves in any case, and so does a
 * fragment of a datagram that has its leaf for itself: without it the others are useless. A packet of a
 * connection that obeys pacing tells CoDel nothing: its sender is held back already.
 */
export function codelLetsGo(
  held: HeldTable,
  codel: CodelQueues,
  i: number,
  h: number,
  backlogBytes: number,
  params: CodelParameters,
  atNs: number,
): boolean {
  if ((held.flags[h] & FLAG_SPARED) !== 0) return true;
  const ect = (held.flags[h] & FLAG_ECT) !== 0;
  const signal = codelDecide(codel, i, params, atNs - held.queuedNs(h), backlogBytes, ect, atNs);
  if (signal === CODEL_DROP) return held.neverDrop(h) || (held.flags[h] & FLAG_ALONE) !== 0;
  if (signal !== CODEL_PASS) held.flags[h] |= FLAG_CE;
  return true;
}
