/**
 * Random early detection: drops before the queue is full, the more the longer it has been long on average.
 *
 * Reference: Floyd, Jacobson, "Random early detection gateways for congestion avoidance" (1993), figure 2 and sections
 * 4-7; Floyd, "Recommendation on using the gentle variant of RED" (2000).
 *
 * Model, in real numbers, for a packet that finds q bytes queued:
 *
 *     q > 0:  avg <- avg + weight * (q - avg)
 *     q = 0:  avg <- avg * (1 - weight)^m,  m = idle time / time to send one mean packet    (the queue "would have sent" m)
 *
 *     pb(avg):  1 |                        ________      avg < min:              0
 *                 |                     __/              min <= avg < max:       maxp * (avg - min) / (max - min)
 *            maxp |               ___---                 gentle, avg < 2 max:    maxp + (1 - maxp) * (avg - max) / max
 *               0 |______________/                       beyond:                 1
 *                 0            min     max     2 max
 *
 *     pa = pb / (1 - count * pb): count packets since the last drop; the gap to the next is uniform on 1 .. 1/pb - 1.
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
 * | spacing         |       | see below      | floyd                                     |
 *
 * Worked example: min 5, max 15, maxp 0.1 packets, avg 10: pb = 0.05; the 10th packet since a drop has pa = 0.05 / (1 -
 * 10 * 0.05) = 0.1, the 19th is dropped for certain.
 *
 * Invariants (test/property/red): 1. nothing is signalled while avg < min; 2. gaps between signals at constant pb are
 * uniform; 3. an empty queue decays the average, however long nobody asks.
 *
 * Spacing. Published are three, and the same maxp means three rates of signals:
 *
 *     floyd   pb / (1 - count * pb)                 gap uniform on 1 .. 1/pb       mean 1 / 2pb   the paper
 *     half    pb / (2 - count * pb)                 gap uniform on 1 .. 2/pb       mean 1 / pb    DPDK
 *     wait    as half, but 0 while count * pb < 1   gap uniform on 1/pb .. 2/pb    mean 3 / 2pb   ns-2, ns-3
 *
 * The last two are there to compare with those programs; a `maxp` taken from them needs them.
 *
 * Depends on the caller: thresholds and q in the same unit (bytes), and q of the real queue including packets that wait
 * for their own bucket. count increments before pa is taken, as in figure 2; the paper's text counts from 0, with gaps of 1 ..
 * 1/pb. Early drop of traffic that does not slow down (UDP) only spreads the loss: it is no policer. Cost: a dozen float
 * operations, one power after idling.
 */

export interface RedParameters {
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly probability: number;
  readonly weight: number;
  readonly gentle: boolean;
  readonly byteMode: boolean;
  readonly meanPacketBytes: number;
  /** Default: floyd. */
  readonly spacing?: RedSpacing;
}

export type RedSpacing = 'floyd' | 'half' | 'wait';

export interface RedQueues {
  readonly avgBytes: Float64Array;
  /** Packets since the last signal; -1 while the average is below min. */
  readonly count: Int32Array;
  /** Instant at which the queue became empty; only read while it is. */
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
export function redBecameIdle(r: RedQueues, i: number, nowNs: number): void {
  r.idleSinceNs[i] = nowNs;
}

/**
 * Moves the average for a packet that finds `backlogBytes` queued. `nsPerByte` is the class's present rate.
 * Called for every arrival, dropped later or not.
 */
export function redObserve(
  r: RedQueues,
  i: number,
  p: RedParameters,
  backlogBytes: number,
  nsPerByte: number,
  nowNs: number,
): void {
  if (backlogBytes > 0) {
    const avg = r.avgBytes[i];
    r.avgBytes[i] = avg + p.weight * (backlogBytes - avg);
    return;
  }
  r.avgBytes[i] = redAverageAt(r, i, p, backlogBytes, nsPerByte, nowNs);
  // Two packets in a row that both find the queue empty decay the span between them once.
  r.idleSinceNs[i] = nowNs;
}

/** The average as an arrival at `nowNs` would find it: an idle queue's has decayed by then. */
export function redAverageAt(
  r: RedQueues,
  i: number,
  p: RedParameters,
  backlogBytes: number,
  nsPerByte: number,
  nowNs: number,
): number {
  const avg = r.avgBytes[i];
  if (backlogBytes > 0) return avg;
  const idlePackets = (nowNs - r.idleSinceNs[i]) / (p.meanPacketBytes * nsPerByte);
  return idlePackets > 0 ? avg * (1 - p.weight) ** idlePackets : avg;
}

/** pb: the signal probability at average `avgBytes`, before spacing. */
export function redBaseProbability(p: RedParameters, avgBytes: number): number {
  if (avgBytes < p.minBytes) return 0;
  if (avgBytes < p.maxBytes) {
    return (p.probability * (avgBytes - p.minBytes)) / (p.maxBytes - p.minBytes);
  }
  if (p.gentle && avgBytes < 2 * p.maxBytes) {
    return p.probability + ((1 - p.probability) * (avgBytes - p.maxBytes)) / p.maxBytes;
  }
  return 1;
}

/** pa: pb spaced by the packets since the last signal. */
export function redSpacedProbability(baseProb: number, count: number, spacing: RedSpacing = 'floyd'): number {
  const spent = count * baseProb;
  if (spacing === 'wait' && spent < 1) return 0;
  const denominator = (spacing === 'floyd' ? 1 : 2) - spent;
  return denominator <= baseProb ? 1 : baseProb / denominator;
}

/** pb of one packet: byte mode scales by its size; the forced region stays forced. */
export function redPacketProbability(p: RedParameters, avgBytes: number, lengthBytes: number): number {
  const base = redBaseProbability(p, avgBytes);
  return p.byteMode && base < 1 ? Math.min(1, (base * lengthBytes) / p.meanPacketBytes) : base;
}

/** Beyond max (gentle: twice max) a signal is a drop, whether or not the packet could be marked (RFC 3168, section 7). */
export function redIsForced(p: RedParameters, avgBytes: number): boolean {
  return redBaseProbability(p, avgBytes) >= 1;
}

/** Whether to signal this packet; call after redObserve. `unit` is uniform on [0, 1). */
export function redSignal(
  r: RedQueues,
  i: number,
  p: RedParameters,
  lengthBytes: number,
  unit: number,
): boolean {
  const avgBytes = r.avgBytes[i];
  if (avgBytes < p.minBytes) {
    r.count[i] = -1;
    return false;
  }
  const base = redPacketProbability(p, avgBytes, lengthBytes);
  const count = r.count[i] + 1;
  const signal = base >= 1 || unit < redSpacedProbability(base, count, p.spacing);
  r.count[i] = signal ? 0 : count;
  return signal;
}
