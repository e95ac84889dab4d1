/**
 * CoDel with Linux's ce_threshold: every capable packet that waited longer is marked, whatever the episode.
 *
 * Reference: include/net/codel_impl.h, codel_dequeue(), the label `end`.
 *
 * Model. codelDecide() decides first. A packet that it passes is marked if it can carry a mark and waited
 * longer than the threshold; such a mark is no part of the episode.
 */
import { CODEL_PASS, type CodelParameters, type CodelQueues, codelDecide } from '../../src/algo/aqm/codel.ts';

/** As CODEL_MARK, because of the threshold. */
export const CODEL_MARK_CE = 3;

export interface ThresholdParameters extends CodelParameters {
  /** Infinity: no threshold. */
  readonly ceThresholdNs: number;
}

export function codelDecideByThreshold(
  queues: CodelQueues,
  i: number,
  params: ThresholdParameters,
  sojournNs: number,
  backlogBytes: number,
  ect: boolean,
  nowNs: number,
): number {
  const signal = codelDecide(queues, i, params, sojournNs, backlogBytes, ect, nowNs);
  return signal === CODEL_PASS && ect && sojournNs > params.ceThresholdNs ? CODEL_MARK_CE : signal;
}
