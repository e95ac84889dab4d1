/**
 * RED with the spacings of its signals that other programs have.
 *
 * Reference: DPDK, lib/sched/rte_red.h (`half`); ns-2 and ns-3, RedQueueDisc (`wait`). `floyd` is the spacing
 * of the paper and of src/algo/aqm/red.ts.
 *
 * Model. The same maxp means three rates of signals:
 *
 *     floyd   pb / (1 - count * pb)                 gap uniform on 1 .. 1/pb       mean 1 / 2pb
 *     half    pb / (2 - count * pb)                 gap uniform on 1 .. 2/pb       mean 1 / pb
 *     wait    as half, but 0 while count * pb < 1   gap uniform on 1/pb .. 2/pb    mean 3 / 2pb
 *
 * `half` is `floyd` at half the probability. A `maxp` taken from those programs needs their spacing.
 */
import {
  type RedParameters,
  type RedQueues,
  redPacketProbability,
  redSignal,
  redSpacedProbability,
} from '../../src/algo/aqm/red.ts';

export type RedSpacing = 'floyd' | 'half' | 'wait';

/** pa: pb spaced by the packets since the last signal. */
export function spacedProbability(baseProb: number, count: number, spacing: RedSpacing): number {
  if (spacing === 'floyd') return redSpacedProbability(baseProb, count);
  return spacing === 'wait' && count * baseProb < 1 ? 0 : redSpacedProbability(baseProb / 2, count);
}

/**
 * redSignal() with another spacing: chance is decided here, so that redSignal() finds a sure or an impossible
 * one.
 */
export function spacedSignal(
  queues: RedQueues,
  i: number,
  params: RedParameters,
  lengthBytes: number,
  unit: number,
  spacing: RedSpacing,
): boolean {
  if (spacing === 'floyd') return redSignal(queues, i, params, lengthBytes, unit);
  const base = redPacketProbability(params, queues.avgBytes[i], lengthBytes);
  const isSignal = unit < spacedProbability(base, queues.count[i] + 1, spacing);
  return redSignal(queues, i, params, lengthBytes, isSignal ? 0 : 1);
}
