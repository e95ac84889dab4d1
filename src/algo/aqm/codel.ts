/**
 * CoDel: drops when packets have waited too long for too long, however long the queue is.
 *
 * Reference: Nichols, Jacobson, McGregor, Iyengar, "Controlled delay active queue management" (RFC 8289),
 * sections 5.5 and 5.6; where it is silent, include/net/codel_impl.h. Count kept by an overflow:
 * net/sched/sch_fq_codel.c.
 *
 * Model. A packet is bad when it waited at least `target` and more than one MTU waits behind it. When for a
 * whole `interval` every packet was bad, the queue is standing: signal one packet, then the next after
 * interval / sqrt(1), the next after interval / sqrt(2), ... until a packet is good again:
 *
 *     sojourn |        ____________                     spacing of the signals (interval 100 ms):
 *             |    ___/            \__
 *      target |---/-------------------\-----                 |<--100-->|<-71->|<-58->|<50>| ... ms
 *             |__/   first above       \__                   X         X      X      X    X
 *             0      |<- interval ->|X  X X  good: stop
 *
 * Signals made by t seconds of this: (t / (2 * interval))^2, so the drop rate grows linearly with time until
 * the sources slow down. A sender met again soon (less than 16 intervals after the next signal would have
 * come) is met at the rate that had been learnt: count goes on from what the last episode added, not from 1.
 *
 * | parameter     | unit  | range      | default                                                  |
 * |---------------|-------|------------|----------------------------------------------------------|
 * | targetNs      | ns    | > 0        | 5 ms; larger below 4 Mbit/s (algo/rate-scaling.ts)        |
 * | intervalNs    | ns    | >= target  | 100 ms, about the longest usual round trip                |
 * | mtuBytes      | bytes | >= 0       | 1500: the link's IP MTU, never a superpacket's length        |
 * | ecn           |       |            | true: packets that can carry a mark are marked, not lost  |
 * | ceThresholdNs | ns    | > 0        | Infinity: marks nothing; else every packet that waited longer |
 *
 * Worked example: packets of 1500 B every 1 ms through 10 Mbit/s (1.2 ms each) from 0 on. The 26th leaves at
 * 30 ms, waited 5 ms and is the first bad one; a first signal at 130 ms, the next ones 100, 70.7 and 57.7 ms
 * after it.
 *
 * Invariants (test/property/codel):
 *  1. Equal to the pseudo code of RFC 8289 run over a list of packets (test/oracle/codel.ts), packet by
 *     packet.
 *  2. With at most one MTU behind a packet it is never signalled: the last packet always gets through.
 *  3. Nothing is signalled unless every packet of the interval before was bad.
 *  4. A packet is marked at most once, and with `ecn` a packet that can carry a mark is never dropped.
 *  5. After a drop there is a next packet, so a dequeue that found a packet delivers one.
 *
 * Departures: none from the RFC. A mark ends the dequeue, as in Linux: one signal per dequeue, and the next
 * is due relative to when this one was. Square roots are exact (Linux: 16 bit, one Newton step, 29 % too
 * early at count 2). Cost: two comparisons for a good packet; one square root per signal.
 */

export interface CodelParameters {
  readonly targetNs: number;
  readonly intervalNs: number;
  readonly mtuBytes: number;
  readonly ecn: boolean;
  /** Infinity: no such threshold. */
  readonly ceThresholdNs: number;
}

/** All zero is a fresh queue. Columns of their own, or of records: then queue i is at i times a record's length. */
export interface CodelQueues {
  /** Instant from which the queue counts as standing; 0: its last packet was good. */
  readonly firstAboveNs: Float64Array;
  /** Instant of the next signal while signalling, of the one that did not come afterwards. */
  readonly dropNextNs: Float64Array;
  /** Signals in this episode, and those it began with. */
  readonly count: Float64Array;
  readonly lastCount: Float64Array;
  /** CODEL_IDLE or CODEL_DROPPING; the other two last from a drop to the packet after it. */
  readonly phase: Float64Array;
}

export const CODEL_IDLE = 0;
export const CODEL_DROPPING = 1;
/** The episode began with a drop: the packet after it is delivered. */
const CODEL_ENTERED = 2;
/** A drop within the episode: the packet after it may be dropped too. */
const CODEL_AGAIN = 3;

/** Deliver the packet and end the dequeue. */
export const CODEL_PASS = 0;
/** Mark it, deliver it and end the dequeue. */
export const CODEL_MARK = 1;
/** Drop it, take the next one and ask again. */
export const CODEL_DROP = 2;
/** As CODEL_MARK, on account of ceThresholdNs: no part of the episode. */
export const CODEL_MARK_CE = 3;

/** Intervals after the next due signal within which an episode goes on where the last one was. */
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
 * What to do with the packet just taken from queue `i`: it waited `sojournNs`, `backlogBytes` wait behind it,
 * and `ect` says whether it can carry a mark (ECT(0), ECT(1) or CE). On CODEL_DROP the caller takes the next
 * packet, at the same `nowNs`, and asks again; everything else ends this dequeue.
 */
export function codelDecide(
  q: CodelQueues,
  i: number,
  p: CodelParameters,
  sojournNs: number,
  backlogBytes: number,
  ect: boolean,
  nowNs: number,
): number {
  const isStanding = observe(q, i, p, sojournNs, backlogBytes, nowNs);
  const phase = q.phase[i];
  if (phase === CODEL_IDLE) {
    if (isStanding) return enter(q, i, p, ect, nowNs);
  } else if (phase === CODEL_ENTERED) {
    q.phase[i] = CODEL_DROPPING;
  } else if (!isStanding) {
    q.phase[i] = CODEL_IDLE;
  } else {
    if (phase === CODEL_AGAIN) {
      q.phase[i] = CODEL_DROPPING;
      q.dropNextNs[i] += codelSpacingNs(p.intervalNs, q.count[i]);
    }
    if (nowNs >= q.dropNextNs[i]) {
      q.count[i] += 1;
      if (p.ecn && ect) {
        q.dropNextNs[i] += codelSpacingNs(p.intervalNs, q.count[i]);
        return CODEL_MARK;
      }
      q.phase[i] = CODEL_AGAIN;
      return CODEL_DROP;
    }
  }
  return ect && sojournNs > p.ceThresholdNs ? CODEL_MARK_CE : CODEL_PASS;
}

/** Whether the queue has been standing for an interval (dodequeue() of the RFC). */
function observe(
  q: CodelQueues,
  i: number,
  p: CodelParameters,
  sojournNs: number,
  backlogBytes: number,
  nowNs: number,
): boolean {
  if (sojournNs < p.targetNs || backlogBytes <= p.mtuBytes) {
    q.firstAboveNs[i] = 0;
    return false;
  }
  if (q.firstAboveNs[i] === 0) {
    q.firstAboveNs[i] = nowNs + p.intervalNs;
    return false;
  }
  return nowNs >= q.firstAboveNs[i];
}

function enter(q: CodelQueues, i: number, p: CodelParameters, ect: boolean, nowNs: number): number {
  const count = codelCountAgain(q.count[i], q.lastCount[i], nowNs - q.dropNextNs[i], p.intervalNs);
  q.count[i] = count;
  q.lastCount[i] = count;
  q.dropNextNs[i] = nowNs + codelSpacingNs(p.intervalNs, count);
  const marks = p.ecn && ect;
  q.phase[i] = marks ? CODEL_DROPPING : CODEL_ENTERED;
  return marks ? CODEL_MARK : CODEL_DROP;
}

/**
 * Count with which a new episode begins, `sinceNs` after the next signal of the last one would have been due
 * (negative: not due yet).
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
 * The queue was emptied by something else than codelDecide(): by an overflow, a filter, its removal. A queue
 * that runs dry by dequeues needs no call: nothing waits behind its last packet.
 */
export function codelBecameEmpty(q: CodelQueues, i: number): void {
  q.firstAboveNs[i] = 0;
  q.phase[i] = CODEL_IDLE;
}

/** `packets` were dropped from the queue because there was no room: its sender is met the harder. */
export function codelOverflowed(q: CodelQueues, i: number, packets: number): void {
  q.count[i] += packets;
}

/** Row `i` of `q` goes on from the state of row `j` of `from`. */
export function codelCopy(q: CodelQueues, i: number, from: CodelQueues, j: number): void {
  q.firstAboveNs[i] = from.firstAboveNs[j];
  q.dropNextNs[i] = from.dropNextNs[j];
  q.count[i] = from.count[j];
  q.lastCount[i] = from.lastCount[j];
  q.phase[i] = from.phase[j];
}

/** Makes row `i` a fresh queue, when another flow gets it. */
export function codelReset(q: CodelQueues, i: number): void {
  q.firstAboveNs[i] = 0;
  q.dropNextNs[i] = 0;
  q.count[i] = 0;
  q.lastCount[i] = 0;
  q.phase[i] = CODEL_IDLE;
}
