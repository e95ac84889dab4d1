/**
 * Weighted RED: several RED profiles over one average, so that packets of less worth are dropped from shorter
 * queues.
 *
 * Reference: Cisco IOS, "Weighted random early detection" (the name, and the default thresholds by
 * precedence); RED itself as in algo/aqm/red.ts. The meters of RFC 2697, 2698 and 4115
 * (algo/buckets/markers.ts) give the colours, RFC 2597 the drop precedence.
 *
 * Model. One average for the queue; the profile of a packet's class of worth decides:
 *
 *     pb |        red /  yellow /    green /      The average moves with every arrival, whatever its profile.
 *        |           /        /          /        Each profile has a count of its own to space its signals:
 *      0 |__________/________/__________/____     red packets do not bring green ones nearer a drop.
 *        0        min 0    min 1     min 2   avg
 *
 * | parameter | unit | range           | default                                                          |
 * |-----------|------|-----------------|------------------------------------------------------------------|
 * | profiles  |      | 1..64, as RED's | one per precedence: min wredDefaultMinimum(), maxp 0.1, wq 2^-9  |
 * | byDscp    |      | 64 indexes      | the precedence: DSCP / 8                                         |
 *
 * Worked example: max 40 packets; precedence 0 has min 20, precedence 5 (voice) min 31. At an average of 30
 * precedence 0 has pb = 0.1 * 10 / 20 = 0.05 and precedence 5 has 0.
 *
 * Invariants (test/property/wred):
 *  1. With one profile it is RED, decision by decision.
 *  2. The average does not depend on the profiles of the packets.
 *  3. A profile with lower thresholds or a higher maxp than another never has the smaller pb.
 *
 * Departures: none. Other programs call an average per class WRED too; that is RIO or GRED. The first profile
 * gives weight and meanPacketBytes. Cost: as RED.
 */
import { createRedQueues, type RedParameters, type RedQueues, redDecide, redObserve } from './red.ts';

export interface WredParameters {
  readonly profiles: readonly RedParameters[];
}

export interface WredQueues {
  /** The averages. Their counts are not used: `count` below takes their place. */
  readonly red: RedQueues;
  /** Packets since the last signal, row by row and profile by profile. */
  readonly count: Int32Array;
  readonly profilesMax: number;
}

/** `profilesMax`: as many as any row's parameters have. */
export function createWredQueues(rows: number, profilesMax: number): WredQueues {
  return {
    red: createRedQueues(rows),
    count: new Int32Array(rows * profilesMax).fill(-1),
    profilesMax,
  };
}

/** As redObserve(). The queue becomes idle by `redBecameIdle(queues.red, …)`. */
export function wredObserve(
  queues: WredQueues,
  i: number,
  params: WredParameters,
  backlogBytes: number,
  nsPerByte: number,
  nowNs: number,
): void {
  redObserve(queues.red, i, params.profiles[0], backlogBytes, nsPerByte, nowNs);
}

/** As redSignal(), for a packet of the given profile. */
export function wredSignal(
  queues: WredQueues,
  i: number,
  params: WredParameters,
  profile: number,
  lengthBytes: number,
  unit: number,
): boolean {
  const at = i * queues.profilesMax + profile;
  return redDecide(queues.count, at, params.profiles[profile], queues.red.avgBytes[i], lengthBytes, unit);
}

/**
 * Classes of worth that the default thresholds tell apart: precedence 0..7, and 8 for the packets of the
 * router itself.
 */
const LEVELS = 9;

/** Default min of a precedence, in whole units of max: evenly spaced from half of max upwards. */
export function wredDefaultMinimum(maxThreshold: number, precedence: number): number {
  return Math.floor((maxThreshold * (LEVELS + precedence)) / (2 * LEVELS));
}

/** Profile by DSCP where profiles stand for precedences. */
export function wredByPrecedence(): Uint8Array {
  return Uint8Array.from({ length: 64 }, (_, dscp) => dscp >> 3);
}

/**
 * Profile by DSCP where profiles stand for colours (0 green, 1 yellow, 2 red): the drop precedence of assured
 * forwarding (RFC 2597, section 6); green for everything else.
 */
export function wredByAssuredForwarding(): Uint8Array {
  return Uint8Array.from({ length: 64 }, (_, dscp) => {
    const group = dscp >> 3;
    const dropPrecedence = (dscp >> 1) & 3;
    const isAssured = group >= 1 && group <= 4 && dropPrecedence >= 1 && (dscp & 1) === 0;
    return isAssured ? dropPrecedence - 1 : 0;
  });
}
