/**
 * Random early detection: drops before the queue is full, the more often the longer its average length.
 *
 * Reference: Floyd, Jacobson, "Random early detection gateways for congestion avoidance" (1993), figure 2 and
 * sections 4-7; Floyd, "Recommendation on using the gentle variant of RED" (2000).
 *
 * Model, in real numbers, for a packet that finds q bytes queued:
 *
 *     q > 0:  avg <- avg + weight * (q - avg)
 *     q = 0:  avg <- avg * (1 - weight)^m,  m = idle time / time to send one mean packet
 *
 *   pb(avg):  1 |                        _______  avg < min:            0
 *               |                     __/         min <= avg < max:     maxp * (avg - min) / (max - min)
 *          maxp |               ___---            gentle, avg < 2 max:  maxp + (1 - maxp) * (avg - max) / max
 *             0 |______________/                  beyond:               1
 *               0            min     max   2 max
 *
 *     pa = pb / (1 - count * pb), count = packets since the last signal
 *
 * pb alone would give gaps of any length between two signals. pa spreads the signals evenly: at constant pb
 * the gap is uniform on 1 .. 1/pb - 1. While the queue is idle, the average decays as if m mean packets had
 * found it empty.
 *
 * | parameter       | unit  | range          | default                                   |
 * |-----------------|-------|----------------|-------------------------------------------|
 * | minBytes        | bytes | > 0            | a third of max                            |
 * | maxBytes        | bytes | > min          | a quarter of the limit                    |
 * | probability     | 0..1  | > 0            | 0.1 (maxp)                                |
 * | weight          | 0..1  | > 0            | 0.002 (wq)                                |
 * | gentle          |       |                | true                                      |
 * | byteMode        |       |                | false: every packet alike; true: by size  |
 * | meanPacketBytes | bytes | > 0            | 1000                                      |
 *
 * Worked example: min 5, max 15, maxp 0.1 packets, avg 10: pb = 0.05. The 10th packet since a drop has
 * pa = 0.05 / (1 - 10 * 0.05) = 0.1, the 19th is dropped for certain.
 *
 * Invariants (test/property/red):
 *  1. Nothing is signalled while avg < min.
 *  2. Gaps between signals at constant pb are uniform.
 *  3. An empty queue decays the average by the same amount, however often somebody asks.
 *
 * Departures: none from figure 2, which increments count before it takes pa. The paper's text counts from 0
 * and has gaps of 1 .. 1/pb. Other programs space their signals otherwise, so their maxp means another rate
 * of signals: test/reference/red-spacings.ts.
 *
 * The caller gives q in the unit of the thresholds (bytes) and counts in q the packets that wait for their
 * own bucket. An early drop of traffic that does not slow down (UDP) only spreads the loss: RED is no
 * policer. Cost: a dozen float operations per arrival, and one power after idling.
 */

export interface RedParameters {
  readonly minBytes: number;
  readonly maxBytes: number;
  /** maxp: the signal probability as the average reaches maxBytes. */
  readonly probability: number;
  /** wq: weight of one sample in the average. */
  readonly weight: number;
  readonly gentle: boolean;
  /** Scales the probability by size / meanPacketBytes (the paper's byte mode). */
  readonly byteMode: boolean;
  readonly meanPacketBytes: number;
}

export interface RedQueues {
  readonly avgBytes: Float64Array;
  /** Packets since the last signal; -1 while the average is below min. */
  readonly count: Int32Array;
  /** Instant at which the queue became empty. Meaningless while packets wait. */
  readonly idleSinceNs: Float64Array;
}

export function createRedQueues(rows: number): RedQueues {
  return {
    avgBytes: new Float64Array(rows),
    count: new Int32Array(rows).fill(-1),
    idleSinceNs: new Float64Array(rows),
  };
}

/** The queue's last packet left at `nowNs`: its average decays from here. */
export function redBecameIdle(queues: RedQueues, i: number, nowNs: number): void {
  queues.idleSinceNs[i] = nowNs;
}

/**
 * Moves the average for a packet that finds `backlogBytes` queued. `nsPerByte` is the class's present rate.
 * Call it for every arrival, dropped later or not.
 */
export function redObserve(
  queues: RedQueues,
  i: number,
  params: RedParameters,
  backlogBytes: number,
  nsPerByte: number,
  nowNs: number,
): void {
  if (backlogBytes > 0) {
    const avg = queues.avgBytes[i];
    queues.avgBytes[i] = avg + params.weight * (backlogBytes - avg);
    return;
  }
  queues.avgBytes[i] = redAverageAt(queues, i, params, backlogBytes, nsPerByte, nowNs);
  // Two packets in a row that both find the queue empty decay the span between them once.
  queues.idleSinceNs[i] = nowNs;
}

/** The average as an arrival at `nowNs` would find it: that of an idle queue has decayed by then. */
export function redAverageAt(
  queues: RedQueues,
  i: number,
  params: RedParameters,
  backlogBytes: number,
  nsPerByte: number,
  nowNs: number,
): number {
  const avg = queues.avgBytes[i];
  if (backlogBytes > 0) return avg;
  const idlePackets = (nowNs - queues.idleSinceNs[i]) / (params.meanPacketBytes * nsPerByte);
  return idlePackets > 0 ? avg * (1 - params.weight) ** idlePackets : avg;
}

/** pb: the signal probability at average `avgBytes`, before spacing. */
export function redBaseProbability(params: RedParameters, avgBytes: number): number {
  const { minBytes, maxBytes, probability } = params;
  if (avgBytes < minBytes) return 0;
  if (avgBytes < maxBytes) return (probability * (avgBytes - minBytes)) / (maxBytes - minBytes);
  if (params.gentle && avgBytes < 2 * maxBytes)
    return probability + ((1 - probability) * (avgBytes - maxBytes)) / maxBytes;
  return 1;
}

/** pa: pb spaced by the packets since the last signal. */
export function redSpacedProbability(baseProb: number, count: number): number {
  const left = 1 - count * baseProb;
  return left <= baseProb ? 1 : baseProb / left;
}

/** pb of one packet. Byte mode scales it by the packet's size, but a forced signal stays forced. */
export function redPacketProbability(params: RedParameters, avgBytes: number, lengthBytes: number): number {
  const base = redBaseProbability(params, avgBytes);
  return params.byteMode && base < 1 ? Math.min(1, (base * lengthBytes) / params.meanPacketBytes) : base;
}

/**
 * Whether every packet is signalled: beyond max (gentle: twice max). Then signals are drops (RFC 3168,
 * section 7).
 */
export function redIsForced(params: RedParameters, avgBytes: number): boolean {
  return redBaseProbability(params, avgBytes) >= 1;
}

/** Whether to signal this packet. Call it after redObserve(). `unit` is uniform on [0, 1). */
export function redSignal(
  queues: RedQueues,
  i: number,
  params: RedParameters,
  lengthBytes: number,
  unit: number,
): boolean {
  return redDecide(queues.count, i, params, queues.avgBytes[i], lengthBytes, unit);
}

/** The decision at average `avgBytes`; `counts[i]` counts packets since the last signal. */
export function redDecide(
  counts: Int32Array,
  i: number,
  params: RedParameters,
  avgBytes: number,
  lengthBytes: number,
  unit: number,
): boolean {
  if (avgBytes < params.minBytes) {
    counts[i] = -1;
    return false;
  }
  const base = redPacketProbability(params, avgBytes, lengthBytes);
  const count = counts[i] + 1;
  const isSignal = base >= 1 || unit < redSpacedProbability(base, count);
  counts[i] = isSignal ? 0 : count;
  return isSignal;
}
