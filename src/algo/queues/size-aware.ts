/**
 * Size-aware scheduling: the first packets of every flow go before those of flows that have already sent
 * much, so that short flows do not wait for long ones.
 *
 * Reference: Guo, Matta, "The war between mice and elephants" (2001) and its itmBench implementation (classes
 * by a counter per flow); Avrachenkov, Ayesta, Brown, Nyberg, "Differentiation between short and long TCP
 * flows" (2004).
 *
 * Model. A counter per flow; a packet is short while its flow has sent less than the threshold, and when it
 * ends a connection:
 *
 *     flow    1 2 3 4 5 6 | 7 8 9 ... FIN        short band  ----------------->|
 *             short       | long      short      long band   -----.....------->|  link
 *
 * Two bands: short first, but what the short band sends while the long one waits is owed to the long band in
 * a proportion of `longShare`: many new flows at once (a flood, or a browser) slow long flows down, and
 * cannot stop them.
 *
 * | parameter        | unit    | range   | default                                                  |
 * |------------------|---------|---------|----------------------------------------------------------|
 * | thresholdPackets | packets | > 0     | 20                                                       |
 * | thresholdBytes   | bytes   | > 0     | Infinity; the first of the two that is reached counts    |
 * | longShare        | 0 .. 1  | [0, 1)  | 0.25: a quarter of the bytes while they wait; 0: strict  |
 *
 * Worked example: longShare 0.25, both bands full of 1500 B: three short, one long, three short, one long.
 *
 * Invariants (test/property/size-aware):
 *  1. While both bands wait, the long one gets at least its share of the bytes, less one packet of each band.
 *  2. With longShare 0 no long packet goes before a short one.
 *  3. A flow's packets change from short to long once; only one with FIN may be short again.
 *
 * Reordering: a flow that becomes long has its short packets ahead, in order. A FIN would overtake the flow's
 * own long packets: the caller passes isLast only when none of them waits. The counter starts anew when the
 * flow table has forgotten the flow, which it does not while its packets wait. Cost: a comparison per
 * arrival, two per departure.
 */

export interface SizeAwareParameters {
  readonly thresholdPackets: number;
  readonly thresholdBytes: number;
  readonly longShare: number;
}

/** Bytes owed to the long band, by queue. */
export interface SizeAwareQueues {
  readonly owedBytes: Float64Array;
}

export const BAND_SHORT = 0;
export const BAND_LONG = 1;

export function createSizeAwareQueues(rows: number): SizeAwareQueues {
  return { owedBytes: new Float64Array(rows) };
}

/** Band of a packet whose flow has sent so much before it; `isLast`: it ends the connection (FIN). */
export function sizeAwareBand(
  p: SizeAwareParameters,
  sentPackets: number,
  sentBytes: number,
  isLast: boolean,
): number {
  const isShort = sentPackets < p.thresholdPackets && sentBytes < p.thresholdBytes;
  return isShort || isLast ? BAND_SHORT : BAND_LONG;
}

/** Band to serve when packets of these sizes are at the heads; 0: that band is empty, and they may not both be. */
export function sizeAwareTurn(q: SizeAwareQueues, i: number, shortBytes: number, longBytes: number): number {
  if (longBytes === 0) return BAND_SHORT;
  return shortBytes === 0 || q.owedBytes[i] >= longBytes ? BAND_LONG : BAND_SHORT;
}

/** The band whose turn it was has sent a packet of `bytes`; `longWaits`: the long band was not empty before. */
export function sizeAwareSent(
  q: SizeAwareQueues,
  i: number,
  p: SizeAwareParameters,
  band: number,
  bytes: number,
  longWaits: boolean,
): void {
  // What is owed is a claim to wait less, not a credit to save.
  if (!longWaits) q.owedBytes[i] = 0;
  else if (band === BAND_LONG) q.owedBytes[i] = Math.max(0, q.owedBytes[i] - bytes);
  else q.owedBytes[i] += (bytes * p.longShare) / (1 - p.longShare);
}
