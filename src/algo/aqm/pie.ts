/**
 * PIE: drops with a probability that a controller moves so that the queueing delay comes to rest at a
 * reference.
 *
 * Reference: Pan, Natarajan, Baker, White, "Proportional integral controller enhanced (PIE)" (RFC 8033),
 * sections 4 and 5, appendices A and B.
 *
 * Model. Every `update` the probability p takes a step by the distance of the delay from `target`, and by the
 * growth of the delay:
 *
 *     d = alpha * (delay - target) + beta * (delay - delayBefore)            delays in seconds
 *     p = clamp(p + d / divisor(p), 0, 1)                    p decays by 2 % while both delays are below
 *                                                            half the target
 *
 *     p        < 1e-6  < 1e-5  < 1e-4  < 1e-3  < 1e-2  < 1e-1  else
 *     divisor    2048     512     128      32       8       2     1    or the loop swings
 *
 * From p = 0.1 on it grows by at most 0.02 a step. An arriving packet is signalled with probability p, unless
 * a burst allowance is left, or the queue is small or young. Signals are derandomised: never close together,
 * never far apart.
 *
 * | parameter       | unit     | range  | default                                                         |
 * |-----------------|----------|--------|-----------------------------------------------------------------|
 * | targetNs        | ns       | > 0    | 15 ms (the RFC's QDELAY_REF)                                    |
 * | updateNs        | ns       | > 0    | 15 ms                                                           |
 * | burstNs         | ns       | >= 0   | 150 ms: no signal for so long after a quiet time                |
 * | alpha, beta     | 1/second | > 0    | 0.125, 1.25; half the update time: alpha / 2, beta + alpha / 4  |
 * | meanPacketBytes | bytes    | > 0    | 1000; up to two of them may wait unharmed                       |
 * | markBelow       | 0..1     |        | 0.1: from this p on a signal is a drop; 0: never a mark         |
 *
 * Worked example: p = 0, no delay so far, now 20 ms: d = 0.125 * 0.005 + 1.25 * 0.020 = 0.025625; p = d /
 * 2048 = 1.2512e-5.
 *
 * Invariants (test/property/pie):
 *  1. Equal to the pseudo code of RFC 8033, appendix B (test/oracle/pie.ts).
 *  2. Looking seldom equals looking often: steps are made up with the delay that held when they were due, not
 *     the present one.
 *  3. p stays within 0 and 1; nothing is signalled while the allowance lasts or at most two mean packets
 *     wait.
 *  4. The p of the packets since the last signal add up to at least 0.85 at the next one, and never beyond
 *     8.5 + 1.
 *
 * Departures: the delay is the sojourn of the last packet that left, 0 once the queue is empty, not an
 * estimate from a departure rate. The RFC allows both, and every packet here carries its instant of arrival.
 * PIE is never switched off: with an empty queue it comes to rest at p = 0 by itself. The basic form of
 * appendix A is in test/reference/pie-forms.ts. Cost: a comparison per packet, a dozen float operations per
 * update.
 */

export interface PieParameters {
  readonly targetNs: number;
  readonly updateNs: number;
  readonly burstNs: number;
  readonly alpha: number;
  readonly beta: number;
  readonly meanPacketBytes: number;
  readonly markBelow: number;
}

export interface PieQueues {
  readonly probability: Float64Array;
  /** Sojourn of the last packet to leave; 0 while the queue is empty. */
  readonly delayNs: Float64Array;
  /** delayNs at the last update. */
  readonly delayOldNs: Float64Array;
  /** The rest of the burst allowance. */
  readonly allowanceNs: Float64Array;
  /** Sum of the probabilities that did not come true since the last signal. */
  readonly accumulated: Float64Array;
  readonly nextUpdateNs: Float64Array;
}

/** p < LIMITS[i] moves by d / DIVISORS[i]. */
const LIMITS = Float64Array.of(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1);
const DIVISORS = Float64Array.of(2048, 512, 128, 32, 8, 2);
const CAP_FROM = 0.1;
const CAP_STEP = 0.02;
const DECAY = 0.98;
/** Below this p a queue that was young at the last update is left alone. */
const SAFE_BELOW = 0.2;
/**
 * A packet passes while the sum of the probabilities is below the first, and is signalled from the second on.
 */
const PASS_BELOW = 0.85;
const SIGNAL_FROM = 8.5;

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
export function pieReset(queues: PieQueues, i: number, params: PieParameters, nowNs: number): void {
  queues.probability[i] = 0;
  queues.delayNs[i] = 0;
  queues.delayOldNs[i] = 0;
  queues.allowanceNs[i] = params.burstNs;
  queues.accumulated[i] = 0;
  queues.nextUpdateNs[i] = nowNs + params.updateNs;
}

/** Tells that a packet left which had waited `sojournNs`. */
export function pieDeparted(
  queues: PieQueues,
  i: number,
  params: PieParameters,
  sojournNs: number,
  isEmptyNow: boolean,
  nowNs: number,
): void {
  pieAdvance(queues, i, params, nowNs);
  queues.delayNs[i] = isEmptyNow ? 0 : sojournNs;
}

/** Whether to signal an arriving packet that finds `backlogBytes` waiting. `unit` is uniform on [0, 1). */
export function pieArrive(
  queues: PieQueues,
  i: number,
  params: PieParameters,
  backlogBytes: number,
  unit: number,
  nowNs: number,
): boolean {
  pieAdvance(queues, i, params, nowNs);
  return pieSignal(queues, i, params, backlogBytes, unit);
}

/** Whether a signal may be a mark. At a high probability it is a drop (RFC 8033, section 5.1). */
export function pieMayMark(queues: PieQueues, i: number, params: PieParameters): boolean {
  return queues.probability[i] < params.markBelow;
}

/** Makes the updates due by `nowNs`. The delay has been delayNs since the last departure. */
export function pieAdvance(queues: PieQueues, i: number, params: PieParameters, nowNs: number): void {
  const { probability, allowanceNs, delayOldNs, nextUpdateNs } = queues;
  while (nextUpdateNs[i] <= nowNs) {
    const probabilityBefore = probability[i];
    const allowanceBefore = allowanceNs[i];
    const delayBefore = delayOldNs[i];
    pieUpdate(queues, i, params);
    nextUpdateNs[i] += params.updateNs;
    const rests =
      probability[i] === probabilityBefore &&
      allowanceNs[i] === allowanceBefore &&
      delayOldNs[i] === delayBefore;
    // Every further update would change nothing either: skip them.
    if (rests && nextUpdateNs[i] <= nowNs) {
      nextUpdateNs[i] += Math.ceil((nowNs - nextUpdateNs[i]) / params.updateNs) * params.updateNs;
    }
  }
}

/** One update, with the present delay. */
export function pieUpdate(queues: PieQueues, i: number, params: PieParameters): void {
  const before = queues.probability[i];
  let step = pieStep(queues, i, params);
  if (before >= CAP_FROM && step > CAP_STEP) step = CAP_STEP;
  pieSettle(queues, i, params, (before + step) * (isYoung(queues, i, params) ? DECAY : 1));
}

/** The controller's step, before it is capped. */
export function pieStep(queues: PieQueues, i: number, params: PieParameters): number {
  const { alpha, beta, targetNs } = params;
  const delayNs = queues.delayNs[i];
  const step = (alpha * (delayNs - targetNs) + beta * (delayNs - queues.delayOldNs[i])) / 1e9;
  return step / pieDivisor(queues.probability[i]);
}

/**
 * Ends an update: `probability`, within its bounds, is the new one; the allowance and the old delay move on.
 */
export function pieSettle(queues: PieQueues, i: number, params: PieParameters, probability: number): void {
  const bounded = Math.min(1, Math.max(0, probability));
  queues.probability[i] = bounded;
  queues.allowanceNs[i] = Math.max(0, queues.allowanceNs[i] - params.updateNs);
  if (bounded === 0 && isYoung(queues, i, params)) queues.allowanceNs[i] = params.burstNs;
  queues.delayOldNs[i] = queues.delayNs[i];
}

/** Whether the delay was low at the last update and is low now. */
function isYoung(queues: PieQueues, i: number, params: PieParameters): boolean {
  const halfNs = params.targetNs / 2;
  return queues.delayNs[i] < halfNs && queues.delayOldNs[i] < halfNs;
}

/** Divisor of a step at this probability. */
export function pieDivisor(probability: number): number {
  for (let i = 0; i < LIMITS.length; i++) if (probability < LIMITS[i]) return DIVISORS[i];
  return 1;
}

/** Whether to signal a packet that finds `backlogBytes` waiting. */
export function pieSignal(
  queues: PieQueues,
  i: number,
  params: PieParameters,
  backlogBytes: number,
  unit: number,
): boolean {
  if (pieSpares(queues, i, params, backlogBytes)) return false;
  const probability = queues.probability[i];
  const accumulated = probability === 0 ? 0 : queues.accumulated[i] + probability;
  const isSignal = accumulated >= SIGNAL_FROM || (accumulated >= PASS_BELOW && unit < probability);
  queues.accumulated[i] = isSignal ? 0 : accumulated;
  return isSignal;
}

/** Whether no packet is signalled now: an allowance is left, or the queue is young or small. */
export function pieSpares(
  queues: PieQueues,
  i: number,
  params: PieParameters,
  backlogBytes: number,
): boolean {
  if (queues.allowanceNs[i] > 0) return true;
  if (queues.delayOldNs[i] < params.targetNs / 2 && queues.probability[i] < SAFE_BELOW) return true;
  return backlogBytes <= 2 * params.meanPacketBytes;
}
