/**
 * COBALT: CoDel with another memory, and BLUE beside it for traffic that does not react to signals.
 *
 * Reference: net/sched/sch_cake.c, cobalt_should_drop(), cobalt_queue_full() and cobalt_queue_empty(); Feng,
 * Kandlur, Saha, Shin, "The BLUE active queue management algorithms" (1999).
 *
 * Model. The CoDel half: a packet is late if it waited longer than the target and than four MTU times (on a
 * shared link two for each bulk flow). The count of signals is not forgotten when packets are in time again.
 * It goes down at the pace at which it went up:
 *
 *     late        X----100----X---71---X--58--X          count 1 2 3 4
 *     in time                                  --50--.--58--.--71--.--100--.     count 3 2 1 0
 *
 * So packets that are late again meet the pace that was right before. The BLUE half: every overflow raises a
 * probability with which all packets are dropped, capable ones too. Every time the queue is found empty
 * lowers it. It moves by at most one step per target.
 *
 * | parameter      | unit | range | default                                        |
 * |----------------|------|-------|------------------------------------------------|
 * | targetNs       | ns   | > 0   | as CoDel (algo/buckets/rate-scaling.ts)             |
 * | intervalNs     | ns   | > 0   | as CoDel                                       |
 * | mtuNs          | ns   | >= 0  | time to send one MTU at the class's rate       |
 * | ecn            |      |       | true                                           |
 *
 * Worked example: target 5 ms, interval 100 ms, packets late from 10 ms on: first signal at 110 ms, the next
 * at 180.7 ms. In time from 210 ms on: count goes from 3 to 2 at 238.4 ms.
 *
 * Invariants (test/property/cobalt):
 *  1. Equal to the kernel's code, line by line, in real numbers (test/oracle/cobalt.ts).
 *  2. CoDel's half signals late packets only.
 *  3. The probability stays within 0 and 1 and moves at most once per target.
 *
 * Departures: square roots are exact; overflow of a probability is clamped instead of wrapped. The decision
 * is for one packet: on a drop the caller takes the next one and asks again. Cost: as CoDel.
 */

export interface CobaltParameters {
  readonly targetNs: number;
  readonly intervalNs: number;
  readonly mtuNs: number;
  readonly ecn: boolean;
}

/** All zero is a fresh queue. */
export interface CobaltQueues {
  readonly count: Uint32Array;
  readonly dropping: Uint8Array;
  /** Next change of count; without one, the instant to which an idle queue counts as active. */
  readonly dropNextNs: Float64Array;
  /** BLUE's. */
  readonly probability: Float64Array;
  readonly blueNs: Float64Array;
}

export const COBALT_PASS = 0;
export const COBALT_MARK = 1;
export const COBALT_DROP = 2;

const BLUE_UP = 1 / 256;
const BLUE_DOWN = 1 / 4096;
const COUNT_MAX = 0xffffffff;

export function createCobaltQueues(rows: number): CobaltQueues {
  return {
    count: new Uint32Array(rows),
    dropping: new Uint8Array(rows),
    dropNextNs: new Float64Array(rows),
    probability: new Float64Array(rows),
    blueNs: new Float64Array(rows),
  };
}

/**
 * What to do with the packet just taken from queue `i`. `bulkFlows`: flows that share the link with it, 0
 * where the sender is held back elsewhere; `unit` is uniform on [0, 1).
 */
export function cobaltDecide(
  q: CobaltQueues,
  i: number,
  p: CobaltParameters,
  nowNs: number,
  sojournNs: number,
  bulkFlows: number,
  ect: boolean,
  unit: number,
): number {
  const isLate = sojournNs > p.targetNs && sojournNs > 2 * p.mtuNs * bulkFlows && sojournNs > 4 * p.mtuNs;
  const isDue = q.count[i] > 0 && nowNs >= q.dropNextNs[i];
  let isPast = nowNs > q.dropNextNs[i];
  if (!isLate) q.dropping[i] = 0;
  else {
    if (q.dropping[i] === 0) q.dropNextNs[i] = nowNs + spacingNs(p, q.count[i]);
    q.dropping[i] = 1;
    if (q.count[i] === 0) q.count[i] = 1;
  }
  let code = COBALT_PASS;
  if (isDue && isLate) {
    code = p.ecn && ect ? COBALT_MARK : COBALT_DROP;
    if (q.count[i] < COUNT_MAX) q.count[i] += 1;
    q.dropNextNs[i] += spacingNs(p, q.count[i]);
    isPast = nowNs > q.dropNextNs[i];
  } else if (isDue) {
    relax(q, i, p, nowNs);
    isPast = nowNs > q.dropNextNs[i];
  }
  // Sources that do not slow down for CoDel do not slow down for a mark.
  if (q.probability[i] > 0 && unit < q.probability[i]) code = COBALT_DROP;
  if (q.count[i] === 0) q.dropNextNs[i] = nowNs + p.intervalNs;
  else if (isPast && code !== COBALT_DROP) q.dropNextNs[i] = nowNs;
  return code;
}

/** Takes back the signals whose time has passed without lateness. */
function relax(q: CobaltQueues, i: number, p: CobaltParameters, nowNs: number): void {
  while (q.count[i] > 0 && nowNs >= q.dropNextNs[i]) {
    q.count[i] -= 1;
    q.dropNextNs[i] += spacingNs(p, q.count[i]);
  }
}

function spacingNs(p: CobaltParameters, count: number): number {
  return p.intervalNs / Math.sqrt(Math.max(1, count));
}

/** A packet of queue `i` was dropped for want of room. */
export function cobaltOverflowed(q: CobaltQueues, i: number, p: CobaltParameters, nowNs: number): void {
  if (nowNs - q.blueNs[i] > p.targetNs) {
    q.probability[i] = Math.min(1, q.probability[i] + BLUE_UP);
    q.blueNs[i] = nowNs;
  }
  q.dropping[i] = 1;
  q.dropNextNs[i] = nowNs;
  if (q.count[i] === 0) q.count[i] = 1;
}

/** Queue `i` was asked for a packet and had none. */
export function cobaltFoundEmpty(q: CobaltQueues, i: number, p: CobaltParameters, nowNs: number): void {
  if (q.probability[i] > 0 && nowNs - q.blueNs[i] > p.targetNs) {
    q.probability[i] = Math.max(0, q.probability[i] - BLUE_DOWN);
    q.blueNs[i] = nowNs;
  }
  q.dropping[i] = 0;
  if (q.count[i] > 0 && nowNs >= q.dropNextNs[i]) {
    q.count[i] -= 1;
    q.dropNextNs[i] += spacingNs(p, q.count[i]);
  }
}
