/**
 * Size-aware bands by packets, as the papers have them.
 *
 * Reference: Guo, Matta, "The war between mice and elephants" (2001), and its itmBench implementation.
 *
 * Model. A packet is short while its flow sent fewer packets than one threshold and fewer bytes than another,
 * and again if it ends the connection (FIN).
 */
import {
  BAND_LONG,
  BAND_SHORT,
  type SizeAwareParameters,
  sizeAwareBand,
} from '../../src/algo/queues/size-aware.ts';

export interface PacketParameters extends SizeAwareParameters {
  readonly thresholdPackets: number;
}

export function bandByPackets(
  params: PacketParameters,
  sentPackets: number,
  sentBytes: number,
  isLast: boolean,
): number {
  if (isLast) return BAND_SHORT;
  return sentPackets < params.thresholdPackets ? sizeAwareBand(params.thresholdBytes, sentBytes) : BAND_LONG;
}
