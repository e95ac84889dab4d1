/**
 * Size-aware scheduling: the first packets of every flow go before those of flows that have already sent
 * much, so that short flows do not wait for long ones.
 *
 * Reference: Guo, Matta, "The war between mice and elephants" (2001) and its itmBench implementation (classes
 * by a counter per flow); Avrachenkov, Ayesta, Brown, Nyberg, "Differentiation between short and long TCP
 * flows" (2004).
 *
 * Model. A counter of bytes per flow. A packet is short while its flow has sent less than the threshold:
 *
 *     flow    1 2 3 4 5 6 | 7 8 9 ...            short band  ----------------->|
 *             short       | long                 long band   -----.....------->|  link
 *
 * The short band goes first, but bytes that it sends while the long one waits are owed to the long band in
 * proportion to `longShare`. So many new flows at once (a flood, or a browser) slow long flows down, and
 * cannot stop them.
 *
 * | parameter        | unit    | range   | default                                                  |
 * |------------------|---------|---------|----------------------------------------------------------|
 * | thresholdBytes   | bytes   | > 0     | the queue's shortBytes                                   |
 * | longShare        | 0 .. 1  | [0, 1)  | 0.25: a quarter of the bytes while they wait; 0: strict  |
 *
 * Worked example: longShare 0.25, both bands full of 1500 B: three short, one long, three short, one long.
 *
 * Invariants (test/property/size-aware):
 *  1. While both bands wait, the long one gets at least its share of the bytes, less one packet of each band.
 *  2. With longShare 0 no long packet goes before a short one.
 *  3. A flow's packets change from short to long once.
 *
 * Departures: the papers count packets, and take the last packet of a connection (FIN) for short again.
 * Superpackets do not change a count of bytes, and a FIN would overtake its flow's own packets. Those rules
 * are in test/reference/size-aware-packets.ts. A flow that becomes long has its short packets ahead, in
 * order. The counter starts anew when the flow table has forgotten the flow, which it does not while its
 * packets wait. Cost: a comparison per arrival, two per departure.
 */

export interface SizeAwareParameters {
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

/** Band of a packet whose flow sent `sentBytes` before it. */
export function sizeAwareBand(thresholdBytes: number, sentBytes: number): number {
  return sentBytes < thresholdBytes ? BAND_SHORT : BAND_LONG;
}

/**
 * Band to serve if packets of these sizes are at the heads. 0 stands for an empty band; one of them must
 * wait.
 */
export function sizeAwareTurn(
  queues: SizeAwareQueues,
  i: number,
  shortBytes: number,
  longBytes: number,
): number {
  if (longBytes === 0) return BAND_SHORT;
  return shortBytes === 0 || queues.owedBytes[i] >= longBytes ? BAND_LONG : BAND_SHORT;
}

/**
 * Tells that `band`, whose turn it was, sent a packet. `longWaits` says whether the long band had packets
 * then.
 */
export function sizeAwareSent(
  queues: SizeAwareQueues,
  i: number,
  params: SizeAwareParameters,
  band: number,
  bytes: number,
  longWaits: boolean,
): void {
  // A debt makes the long band wait less; it is no credit to save up for later.
  if (!longWaits) queues.owedBytes[i] = 0;
  else if (band === BAND_LONG) queues.owedBytes[i] = Math.max(0, queues.owedBytes[i] - bytes);
  else queues.owedBytes[i] += (bytes * params.longShare) / (1 - params.longShare);
}
