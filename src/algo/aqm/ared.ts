/**
 * Adaptive RED: RED that finds its own maximum probability.
 *
 * Reference: Floyd, Gummadi, Shenker, "Adaptive RED: an algorithm for increasing the robustness of RED's
 * active queue management" (2001), sections 4 and 5.
 *
 * Model. Every half second, whatever arrives, maxp takes a step, so that the average stays in the middle
 * fifth:
 *
 *     avg  max  |
 *               |               above: maxp += min(0.01, maxp / 4)        while maxp <= 0.5
 *          60 % |- - - - - -
 *          40 % |- - - - - -    below: maxp *= 0.9                        while maxp >= 0.01
 *          min  |
 *
 * The configuration takes weight and thresholds from the rate, where nothing else is asked for. For a link of
 * C mean packets per second and a target delay d:
 *
 *     weight = 1 - exp(-1 / C)        one second of averaging
 *     min    = max(5, C * d / 2)      packets
 *     max    = 3 * min
 *
 * | parameter      | unit     | range   | default                                                  |
 * |----------------|----------|---------|----------------------------------------------------------|
 * | those of RED   |          |         | probability is where maxp starts, gentle is on           |
 * | packetsPerSec  | 1/second | > 0     | the class's ceil in mean packets (aredWeight, …Packets)  |
 * | targetDelayNs  | ns       | > 0     | 5 ms                                                     |
 *
 * Worked example: 10 Mbit/s of 1000 B packets, C = 1250: weight 0.00080, min 5 and max 15 packets (5 ms would
 * be 3). An average of 14 packets for one second makes maxp 0.1, 0.11, 0.12; one of 6 packets makes 0.1,
 * 0.09, 0.081.
 *
 * Invariants (test/property/ared):
 *  1. maxp stays within 0.009 and 0.51 once it is there: as printed, a step is taken from either bound.
 *  2. Looking seldom equals looking often: the steps of a quiet time are made up with the averages it had.
 *
 * Departures: gentle, as the paper asks. The steps due while nobody looked are made up at the next arrival,
 * before it moves the average; the average of an idle queue is decayed for each of them first. Cost: a
 * comparison per arrival.
 */
import { type RedParameters, type RedQueues, redAverageAt } from './red.ts';

const NS_PER_SEC = 1e9;
const PERIOD_NS = 0.5e9;
const MIN_PACKETS = 5;
const BAND_LOW = 0.4;
const BAND_HIGH = 0.6;
const STEP_MAX = 0.01;
const STEP_SHARE = 0.25;
const DECREASE = 0.9;
const PROBABILITY_MAX = 0.5;
const PROBABILITY_MIN = 0.01;

/** One queue's RED parameters, of which maxp moves. Hand them to redObserve() and redSignal(). */
export interface Ared extends RedParameters {
  probability: number;
  /** Instant of the next step. */
  nextStepNs: number;
}

/** Starts from `params`; the first step is due a period after `nowNs`. */
export function createAred(params: RedParameters, nowNs: number): Ared {
  return { ...params, nextStepNs: nowNs + PERIOD_NS };
}

/** The first step is due a period after `nowNs`. */
export function aredStart(ared: Ared, nowNs: number): void {
  ared.nextStepNs = nowNs + PERIOD_NS;
}

/** Weight of one second of averaging. */
export function aredWeight(packetsPerSec: number): number {
  return -Math.expm1(-1 / packetsPerSec);
}

/** Minimum threshold in mean packets; the maximum is three times that. */
export function aredMinPackets(packetsPerSec: number, targetDelayNs: number): number {
  return Math.max(MIN_PACKETS, (targetDelayNs / NS_PER_SEC) * packetsPerSec * 0.5);
}

/** maxp after one step. `position` is where the average is: 0 at min, 1 at max. */
export function aredStep(probability: number, position: number): number {
  if (position > BAND_HIGH && probability <= PROBABILITY_MAX) {
    return probability + Math.min(STEP_MAX, probability * STEP_SHARE);
  }
  if (position < BAND_LOW && probability >= PROBABILITY_MIN) return probability * DECREASE;
  return probability;
}

/**
 * Makes the steps due by `nowNs` of queue `i`, whose backlog has been `backlogBytes` since the last arrival
 * or departure. Call it before redObserve().
 */
export function aredAdvance(
  ared: Ared,
  queues: RedQueues,
  i: number,
  backlogBytes: number,
  nsPerByte: number,
  nowNs: number,
): void {
  while (ared.nextStepNs <= nowNs) {
    const avgBytes = redAverageAt(queues, i, ared, backlogBytes, nsPerByte, ared.nextStepNs);
    const position = (avgBytes - ared.minBytes) / (ared.maxBytes - ared.minBytes);
    const before = ared.probability;
    ared.probability = aredStep(before, position);
    ared.nextStepNs += PERIOD_NS;
    if (ared.probability !== before) continue;
    // maxp stays where it rests: between arrivals the average of a backlog stands still, that of an idle
    // queue falls.
    if (backlogBytes > 0 || position < BAND_LOW) {
      ared.nextStepNs += Math.max(0, Math.ceil((nowNs - ared.nextStepNs) / PERIOD_NS)) * PERIOD_NS;
    }
  }
}
