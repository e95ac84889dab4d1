/**
 * PIE: drops with a probability that a controller moves so that the queueing delay comes to rest at a
 * reference.
 *
 * Reference: Pan, Natarajan, Baker, White, "Proportional integral controller enhanced (PIE)" (RFC 8033),
 * sections 4 and 5, appendices A and B.
 *
 * Model. Every `update` the probability p takes a step by how far the delay is from `ref`, and by how much it
 * grew:
 *
 *     d = alpha * (delay - ref) + beta * (delay - delayBefore)           delays in seconds
 *     p = clamp(p + d / divisor(p), 0, 1)                                p decays by 2 % while delay is 0
 *
 *     p        < 1e-6  < 1e-5  < 1e-4  < 1e-3  < 1e-2  < 1e-1  else
 *     divisor    2048     512     128      32       8       2     1    or the loop swings
 *
 * and an arriving packet is signalled with probability p, unless a burst allowance is left, or the queue is
 * small or young.
 *
 * | parameter       | unit     | range  | default                                                         |
 * |-----------------|----------|--------|-----------------------------------------------------------------|
 * | refNs           | ns       | > 0    | 15 ms                                                           |
 * | updateNs        | ns       | > 0    | 15 ms                                                           |
 * | burstNs         | ns       | >= 0   | 150 ms: what may pass after a quiet time                        |
 * | alpha, beta     | 1/second | > 0    | 0.125, 1.25; half the update time: alpha / 2, beta + alpha / 4  |
 * | meanPacketBytes | bytes    | > 0    | 1000; up to two of them may wait unharmed                       |
 * | markBelow       | 0..1     |        | 0.1: below this p a packet that can is marked instead; 0: never |
 * | derandomise     |          |        | true: no signals close together, none far apart (appendix B)    |
 * | capped          |          |        | true: from p 0.1 on it grows by at most 0.02 a step             |
 * | decayBelowRef   |          |        | true: p decays below ref / 2 (appendix B); false: only at 0 (A) |
 *
 * Worked example: p = 0, no delay so far, now 20 ms: d = 0.125 * 0.005 + 1.25 * 0.020 = 0.025625; p = d /
 * 2048 = 1.2512e-5.
 *
 * Invariants (test/property/pie):
 *  1. Equal to the pseudo code of RFC 8033, appendices A and B (test/oracle/pie.ts).
 *  2. Looking seldom equals looking often: steps are made up with the delay that held when they were due, not
 *     the present one.
 *  3. p stays within 0 and 1; nothing is signalled while the allowance lasts or at most two mean packets
 *     wait.
 *  4. Derandomised, the p of the packets since the last signal add up to at least 0.85 at the next, and never
 *     beyond 8.5 + 1.
 *
 * Departures: the delay is the time the last packet to leave had waited, 0 once the queue is empty, not an
 * estimate from a departure rate; the RFC allows both, and every packet here carries its instant of arrival.
 * PIE is never switched off: with an empty queue it comes to rest at p = 0 by itself. Cost: a comparison per
 * packet, a dozen float operations per update.
 */

export interface PieParameters {
  readonly refNs: number;
  readonly updateNs: number;
  readonly burstNs: number;
  readonly alpha: number;
  readonly beta: number;
  readonly meanPacketBytes: number;
  readonly markBelow: number;
  readonly derandomise: boolean;
  readonly capped: boolean;
  readonly decayBelowRef: boolean;
}

export interface PieQueues {
  readonly probability: Float64Array;
  /** Time waited by the last packet to leave; 0: empty. */
  readonly delayNs: Float64Array;
  /** delayNs at the last update. */
  readonly delayOldNs: Float64Array;
  /** What is left of the burst allowance. */
  readonly allowanceNs: Float64Array;
  /** Sum of the probabilities that did not come true since the last signal. */
  readonly accumulated: Float64Array;
  readonly nextUpdateNs: Float64Array;
}

export const PIE_PASS = 0;
export const PIE_MARK = 1;
export const PIE_DROP = 2;

/** p < LIMITS[i] moves by d / DIVISORS[i]. */
const LIMITS = Float64Array.of(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1);
const DIVISORS = Float64Array.of(2048, 512, 128, 32, 8, 2);
const CAP_FROM = 0.1;
const CAP_STEP = 0.02;
const DECAY = 0.98;
/** Below this p a queue that was young at the last update is left alone. */
const SAFE_BELOW = 0.2;
const SURE_PASS = 0.85;
const SURE_DROP = 8.5;

export function createPieQueues(rows: number): PieQueues {
  return {
    probability: new Float64Array(rows),
    delayNs: new Float64Array(rows),
    delayOldNs: new Float64Array(rows),
    allowanceNs: new Float64Array(rows),
    accumulated: new Float64Array(rows),
    nextUpdateNs: new Float64Array(rows),
  };
}

/** Makes row `i` a fresh queue with its whole allowance. */
export function pieReset(q: PieQueues, i: number, p: PieParameters, nowNs: number): void {
  q.probability[i] = 0;
  q.delayNs[i] = 0;
  q.delayOldNs[i] = 0;
  q.allowanceNs[i] = p.burstNs;
  q.accumulated[i] = 0;
  q.nextUpdateNs[i] = nowNs + p.updateNs;
}

/** A packet left that had waited `sojournNs`. */
export function pieDeparted(
  q: PieQueues,
  i: number,
  p: PieParameters,
  sojournNs: number,
  isEmptyNow: boolean,
  nowNs: number,
): void {
  pieAdvance(q, i, p, nowNs);
  q.delayNs[i] = isEmptyNow ? 0 : sojournNs;
}

/** What to do with an arriving packet that finds `backlogBytes` waiting; `unit` is uniform on [0, 1). */
export function pieArrive(
  q: PieQueues,
  i: number,
  p: PieParameters,
  backlogBytes: number,
  ect: boolean,
  unit: number,
  nowNs: number,
): number {
  pieAdvance(q, i, p, nowNs);
  if (!pieSignal(q, i, p, backlogBytes, unit)) return PIE_PASS;
  return ect && q.probability[i] < p.markBelow ? PIE_MARK : PIE_DROP;
}

/** Makes the updates due by `nowNs`; the delay has been delayNs since the last departure. */
export function pieAdvance(q: PieQueues, i: number, p: PieParameters, nowNs: number): void {
  while (q.nextUpdateNs[i] <= nowNs) {
    const probability = q.probability[i];
    const allowanceNs = q.allowanceNs[i];
    const delayOldNs = q.delayOldNs[i];
    pieUpdate(q, i, p);
    q.nextUpdateNs[i] += p.updateNs;
    const rests =
      q.probability[i] === probability && q.allowanceNs[i] === allowanceNs && q.delayOldNs[i] === delayOldNs;
    // The same again for every further update: skip them.
    if (rests && q.nextUpdateNs[i] <= nowNs) {
      q.nextUpdateNs[i] += Math.ceil((nowNs - q.nextUpdateNs[i]) / p.updateNs) * p.updateNs;
    }
  }
}

/** One update, with the delay that holds. */
export function pieUpdate(q: PieQueues, i: number, p: PieParameters): void {
  const delayNs = q.delayNs[i];
  const delayOldNs = q.delayOldNs[i];
  const before = q.probability[i];
  let step = (p.alpha * (delayNs - p.refNs) + p.beta * (delayNs - delayOldNs)) / 1e9;
  step /= pieDivisor(before);
  if (p.capped && before >= CAP_FROM && step > CAP_STEP) step = CAP_STEP;
  let probability = before + step;
  const halfNs = p.refNs / 2;
  const isYoung = delayNs < halfNs && delayOldNs < halfNs;
  const decays = p.decayBelowRef ? isYoung : delayNs === 0 && delayOldNs === 0;
  if (decays) probability *= DECAY;
  probability = Math.min(1, Math.max(0, probability));
  q.probability[i] = probability;
  q.allowanceNs[i] = Math.max(0, q.allowanceNs[i] - p.updateNs);
  if (probability === 0 && isYoung) q.allowanceNs[i] = p.burstNs;
  q.delayOldNs[i] = delayNs;
}

/** By what a step is divided at probability `p`. */
export function pieDivisor(p: number): number {
  for (let i = 0; i < LIMITS.length; i++) if (p < LIMITS[i]) return DIVISORS[i];
  return 1;
}

/** Whether to signal a packet that finds `backlogBytes` waiting. */
export function pieSignal(
  q: PieQueues,
  i: number,
  p: PieParameters,
  backlogBytes: number,
  unit: number,
): boolean {
  const probability = q.probability[i];
  if (q.allowanceNs[i] > 0) return false;
  if (q.delayOldNs[i] < p.refNs / 2 && probability < SAFE_BELOW) return false;
  if (backlogBytes <= 2 * p.meanPacketBytes) return false;
  if (!p.derandomise) return unit < probability;
  const accumulated = probability === 0 ? 0 : q.accumulated[i] + probability;
  const signal = accumulated >= SURE_DROP || (accumulated >= SURE_PASS && unit < probability);
  q.accumulated[i] = signal ? 0 : accumulated;
  return signal;
}
