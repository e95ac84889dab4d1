/**
 * CoDel: drops when packets have waited too long for too long, however long the queue is.
 *
 * Reference: Nichols, Jacobson, McGregor, Iyengar, "Controlled delay active queue management" (RFC 8289),
 * sections 5.5 and 5.6; where it is silent, include/net/codel_impl.h. The count after an overflow:
 * net/sched/sch_fq_codel.c.
 *
 * Model. A packet is bad if it waited at least `target` and more than one MTU waits behind it. If every
 * packet was bad for a whole `interval`, the queue is standing. CoDel then signals one packet, the next after
 * interval / sqrt(1), the next after interval / sqrt(2), and so on until a packet is good again:
 *
 *     sojourn |        ____________                     spacing of the signals (interval 100 ms):
 *             |    ___/            \__
 *      target |---/-------------------\-----                 |<--100-->|<-71->|<-58->|<50>| ... ms
 *             |__/   first above       \__                   X         X      X      X    X
 *             0      |<- interval ->|X  X X  good: stop
 *
 * Signals made by t seconds of this: (t / (2 * interval))^2, so the rate of signals grows linearly with time
 * until the senders slow down. Such a run of signals is an episode. An episode that begins soon (less than 16
 * intervals after the next signal of the last one was due) starts at the rate learnt in the last one: its
 * count starts from the signals that the last episode added, not from 1.
 *
 * | parameter     | unit  | range      | default                                                   |
 * |---------------|-------|------------|-----------------------------------------------------------|
 * | targetNs      | ns    | > 0        | 5 ms; larger below 4 Mbit/s (algo/buckets/rate-scaling.ts) |
 * | intervalNs    | ns    | >= target  | 100 ms, about the longest usual round trip                |
 * | mtuBytes      | bytes | >= 0       | 1500: the link's IP MTU, never a superpacket's length     |
 * | ecn           |       |            | true: packets that can carry a mark are marked, not lost  |
 *
 * Worked example: packets of 1500 B every 1 ms through 10 Mbit/s (1.2 ms each) from 0 on. The 26th leaves at
 * 30 ms, waited 5 ms and is the first bad one. The first signal is at 130 ms, the next ones follow after 100,
 * 70.7 and 57.7 ms.
 *
 * Invariants (test/property/codel):
 *  1. Equal to the pseudo code of RFC 8289 run over a list of packets (test/oracle/codel.ts), packet by
 *     packet.
 *  2. With at most one MTU behind a packet it is never signalled: the last packet always gets through.
 *  3. Nothing is signalled unless every packet of the interval before was bad.
 *  4. A packet is marked at most once, and with `ecn` a packet that can carry a mark is never dropped.
 *  5. After a drop there is a next packet, so a dequeue that found a packet delivers one.
 *
 * Departures: none from the RFC. A mark ends the dequeue, as in Linux: one mark per dequeue, and the next
 * signal is due relative to the instant at which this one was due. Square roots are exact (Linux: 16 bit, one
 * Newton step, 29 % too early at count 2). Linux's ce_threshold is in test/reference/codel-threshold.ts.
 * Cost: two comparisons for a good packet, one square root per signal.
 */

export interface CodelParameters {
  readonly targetNs: number;
  readonly intervalNs: number;
  readonly mtuBytes: number;
  readonly ecn: boolean;
}

/**
 * All zero is a fresh queue. The columns may also be views of records; then row `i` of the calls is the
 * queue's number times the length of a record.
 */
export interface CodelQueues {
  /** Instant from which the queue counts as standing; 0 if its last packet was good. */
  readonly firstAboveNs: Float64Array;
  /** Instant at which the next signal is due. After an episode: at which it would have been due. */
  readonly dropNextNs: Float64Array;
  /** Signals in this episode, counted from `lastCount`. */
  readonly count: Float64Array;
  /** The count with which this episode began. */
  readonly lastCount: Float64Array;
  /** CODEL_IDLE or CODEL_DROPPING. The other two phases last from a drop to the packet after it. */
  readonly phase: Float64Array;
}

export const CODEL_IDLE = 0;
export const CODEL_DROPPING = 1;
/** The episode has just begun with a drop: the packet after it is delivered. */
const CODEL_ENTERED = 2;
/** A packet was dropped within the episode: the packet after it may be dropped too. */
const CODEL_AGAIN = 3;

/** Deliver the packet and end the dequeue. */
export const CODEL_PASS = 0;
/** Mark it, deliver it and end the dequeue. */
export const CODEL_MARK = 1;
/** Drop it, take the next one and ask again. */
export const CODEL_DROP = 2;

/** Intervals after the next signal was due within which a new episode starts at the rate of the last one. */
const REUSE_INTERVALS = 16;

export function createCodelQueues(rows: number): CodelQueues {
  return {
    firstAboveNs: new Float64Array(rows),
    dropNextNs: new Float64Array(rows),
    count: new Float64Array(rows),
    lastCount: new Float64Array(rows),
    phase: new Float64Array(rows),
  };
}

/**
 * The signal for the packet just taken from queue `i`. It waited `sojournNs`, `backlogBytes` wait behind it,
 * and `ect` says whether it can carry a mark (ECT(0), ECT(1) or CE). On CODEL_DROP the caller takes the next
 * packet and asks again at the same `nowNs`; any other signal ends this dequeue.
 */
export function codelDecide(
  queues: CodelQueues,
  i: number,
  params: CodelParameters,
  sojournNs: number,
  backlogBytes: number,
  ect: boolean,
  nowNs: number,
): number {
  const isStanding = observe(queues, i, params, sojournNs, backlogBytes, nowNs);
  const phase = queues.phase[i];
  if (phase === CODEL_IDLE) {
    if (isStanding) return enter(queues, i, params, ect, nowNs);
  } else if (phase === CODEL_ENTERED) {
    queues.phase[i] = CODEL_DROPPING;
  } else if (!isStanding) {
    queues.phase[i] = CODEL_IDLE;
  } else {
    if (phase === CODEL_AGAIN) {
      queues.phase[i] = CODEL_DROPPING;
      queues.dropNextNs[i] += codelSpacingNs(params.intervalNs, queues.count[i]);
    }
    if (nowNs >= queues.dropNextNs[i]) {
      queues.count[i] += 1;
      if (params.ecn && ect) {
        queues.dropNextNs[i] += codelSpacingNs(params.intervalNs, queues.count[i]);
        return CODEL_MARK;
      }
      queues.phase[i] = CODEL_AGAIN;
      return CODEL_DROP;
    }
  }
  return CODEL_PASS;
}

/** Whether the queue has been standing for an interval (dodequeue() of the RFC). */
function observe(
  queues: CodelQueues,
  i: number,
  params: CodelParameters,
  sojournNs: number,
  backlogBytes: number,
  nowNs: number,
): boolean {
  if (sojournNs < params.targetNs || backlogBytes <= params.mtuBytes) {
    queues.firstAboveNs[i] = 0;
    return false;
  }
  if (queues.firstAboveNs[i] === 0) {
    queues.firstAboveNs[i] = nowNs + params.intervalNs;
    return false;
  }
  return nowNs >= queues.firstAboveNs[i];
}

function enter(queues: CodelQueues, i: number, params: CodelParameters, ect: boolean, nowNs: number): number {
  const count = codelCountAgain(
    queues.count[i],
    queues.lastCount[i],
    nowNs - queues.dropNextNs[i],
    params.intervalNs,
  );
  queues.count[i] = count;
  queues.lastCount[i] = count;
  queues.dropNextNs[i] = nowNs + codelSpacingNs(params.intervalNs, count);
  const marks = params.ecn && ect;
  queues.phase[i] = marks ? CODEL_DROPPING : CODEL_ENTERED;
  return marks ? CODEL_MARK : CODEL_DROP;
}

/**
 * Count with which a new episode begins, `sinceNs` after the next signal of the last one was due. Negative:
 * it is not due yet.
 */
export function codelCountAgain(
  count: number,
  lastCount: number,
  sinceNs: number,
  intervalNs: number,
): number {
  const added = count - lastCount;
  return added > 1 && sinceNs < REUSE_INTERVALS * intervalNs ? added : 1;
}

/** Time from the `count`th signal of an episode to the next. */
export function codelSpacingNs(intervalNs: number, count: number): number {
  return intervalNs / Math.sqrt(count);
}

/**
 * Tells that an overflow, a filter or a change emptied the queue. A queue that runs dry by dequeues needs no
 * call: nothing waits behind its last packet.
 */
export function codelBecameEmpty(queues: CodelQueues, i: number): void {
  queues.firstAboveNs[i] = 0;
  queues.phase[i] = CODEL_IDLE;
}

/**
 * Tells that a packet was evicted from the full queue: it counts as a signal, so the next ones come sooner.
 */
export function codelOverflowed(queues: CodelQueues, i: number): void {
  queues.count[i] += 1;
}

/** Gives row `i` the state of row `j` of `from`. */
export function codelCopy(queues: CodelQueues, i: number, from: CodelQueues, j: number): void {
  queues.firstAboveNs[i] = from.firstAboveNs[j];
  queues.dropNextNs[i] = from.dropNextNs[j];
  queues.count[i] = from.count[j];
  queues.lastCount[i] = from.lastCount[j];
  queues.phase[i] = from.phase[j];
}

/** Makes row `i` a fresh queue. */
export function codelReset(queues: CodelQueues, i: number): void {
  queues.firstAboveNs[i] = 0;
  queues.dropNextNs[i] = 0;
  queues.count[i] = 0;
  queues.lastCount[i] = 0;
  queues.phase[i] = CODEL_IDLE;
}
