/**
 * Deficit round robin: queues take turns that are worth a number of bytes each, so that shares do not depend
 * on packet sizes.
 *
 * Reference: Shreedhar, Varghese, "Efficient fair queueing using deficit round robin" (1995), figure 2.
 *
 * Model. Queues with packets stand in a ring. A visit adds the queue's quantum to its deficit once, and sends
 * packets while the head fits. The rest is kept for the next visit, unless the queue ran dry:
 *
 *     quantum 500    head         deficit       sends         keeps
 *     queue 1        200 750 20   500           200           300
 *     queue 2        500 500      500           500           0
 *     ...
 *     queue 1        750 20       300 + 500     750 20        0 (dry)
 *
 * So queues that always have packets share in proportion to their quanta, within Q + 2 * Max bytes over any
 * time.
 *
 * | parameter    | unit  | range | default                                                    |
 * |--------------|-------|-------|------------------------------------------------------------|
 * | quantumBytes | bytes | > 0   | at least the largest packet keeps the cost of a pick O(1)  |
 *
 * Worked example: as drawn.
 *
 * Invariants (test/property/drr):
 *  1. Equal to the figure's loop (test/oracle/drr.ts), packet by packet.
 *  2. A queue that is not in the ring has no deficit: an idle queue saves nothing up.
 *  3. A pick ends, whatever the quanta: rounds in which no queue can send are skipped by arithmetic.
 *
 * Departures: none in what is sent when. Several rings may share the columns, as the levels of a tree do: a
 * row is in one ring at a time. Cost: O(1) for quanta of at least a packet; otherwise one or two walks round
 * the ring.
 */
import { invariant } from '../../src/base/assert.ts';
import { NONE } from '../../src/base/none.ts';

/** By queue. */
export interface DrrQueues {
  readonly deficitBytes: Float64Array;
  /** Size of the packet at the head, as it will be charged; 0: in no ring. */
  readonly headBytes: Float64Array;
  /** Next in the ring; the tail's is the head. */
  readonly next: Int32Array;
}

export interface DrrRing {
  /** The queue that is visited, and the one visited before it; NONE: the ring is empty. */
  tail: number;
  /** Whether the head has had its quantum in this visit. */
  isVisited: boolean;
  size: number;
}

export function createDrrQueues(rows: number): DrrQueues {
  return {
    deficitBytes: new Float64Array(rows),
    headBytes: new Float64Array(rows),
    next: new Int32Array(rows).fill(NONE),
  };
}

export function createDrrRing(): DrrRing {
  return { tail: NONE, isVisited: false, size: 0 };
}

/** Queue `i` has got its first packet: it joins as the last to be visited. */
export function drrJoin(q: DrrQueues, ring: DrrRing, i: number, headBytes: number): void {
  invariant(q.headBytes[i] === 0 && headBytes > 0, 'a queue joins a ring twice, or with nothing');
  q.headBytes[i] = headBytes;
  q.deficitBytes[i] = 0;
  if (ring.tail === NONE) {
    q.next[i] = i;
    ring.isVisited = false;
  } else {
    q.next[i] = q.next[ring.tail];
    q.next[ring.tail] = i;
  }
  ring.tail = i;
  ring.size++;
}

/** The queue whose head is next; NONE: the ring is empty. The same until drrSent() or drrLeave(). */
export function drrPick(q: DrrQueues, ring: DrrRing, quantumBytes: ArrayLike<number>): number {
  if (ring.tail === NONE) return NONE;
  let left = ring.size;
  for (;;) {
    const i = q.next[ring.tail];
    if (!ring.isVisited) {
      ring.isVisited = true;
      q.deficitBytes[i] += quantumBytes[i];
    }
    if (q.headBytes[i] <= q.deficitBytes[i]) return i;
    rotate(q, ring);
    if (--left === 0) {
      skipRounds(q, ring, quantumBytes);
      left = ring.size;
    }
  }
}

/**
 * The head of queue `i`, as picked, left; `headBytes` is the size of the packet behind it, 0: the queue ran
 * dry.
 */
export function drrSent(q: DrrQueues, ring: DrrRing, i: number, headBytes: number): void {
  q.deficitBytes[i] -= q.headBytes[i];
  if (headBytes > 0) q.headBytes[i] = headBytes;
  else drrLeave(q, ring, i);
}

/** Queue `i` leaves the ring: dry, removed, or not to be served. O(1) at the head, else a walk. */
export function drrLeave(q: DrrQueues, ring: DrrRing, i: number): void {
  let before = ring.tail;
  for (let n = 1; q.next[before] !== i; n++) {
    invariant(n < ring.size, 'a queue leaves a ring it is not in');
    before = q.next[before];
  }
  if (before === ring.tail) ring.isVisited = false;
  if (before === i) ring.tail = NONE;
  else {
    q.next[before] = q.next[i];
    if (ring.tail === i) ring.tail = before;
  }
  q.next[i] = NONE;
  q.headBytes[i] = 0;
  q.deficitBytes[i] = 0;
  ring.size--;
}

/** The head of queue `i` was replaced by a packet of another size: dropped by an AQM, or changed. */
export function drrHeadChanged(q: DrrQueues, i: number, headBytes: number): void {
  q.headBytes[i] = headBytes;
}

function rotate(q: DrrQueues, ring: DrrRing): void {
  ring.tail = q.next[ring.tail];
  ring.isVisited = false;
}

/**
 * Nobody could send in a whole round: adds to all what they get in the further rounds in which nobody can.
 */
function skipRounds(q: DrrQueues, ring: DrrRing, quantumBytes: ArrayLike<number>): void {
  let rounds = Number.POSITIVE_INFINITY;
  let i = ring.tail;
  do {
    rounds = Math.min(rounds, Math.ceil((q.headBytes[i] - q.deficitBytes[i]) / quantumBytes[i]));
    i = q.next[i];
  } while (i !== ring.tail);
  if (rounds <= 1) return;
  do {
    q.deficitBytes[i] += (rounds - 1) * quantumBytes[i];
    i = q.next[i];
  } while (i !== ring.tail);
}
