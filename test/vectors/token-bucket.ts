/** Runs token bucket vectors against algo/buckets/token-bucket.ts. */
import {
  conformNs,
  conforms,
  createTokenBuckets,
  fillBucket,
  type TokenBuckets,
  takeTokens,
} from '../../src/algo/buckets/token-bucket.ts';
import { retuneBucket, tokensBytes } from '../reference/tokens.ts';
import { keptOf } from './engine.ts';
import type { Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

/** [instant, size] or [instant, "rate" or "burst", value]. */
type PoliceEvent = [number, number | string, number?];

function police(vector: Vector): Found {
  const params = vector.body.params as { rate: number; burst: number };
  let { rate, burst } = params;
  const buckets = createTokenBuckets(1);
  fillBucket(buckets, 0, rate, burst);
  let nowNs = 0;
  const rows = (vector.body.events as PoliceEvent[]).map(([timeNs, what, value]) => {
    // The core lets time stand still when the clock steps back; the bucket relies on it.
    nowNs = Math.max(nowNs, timeNs);
    let conform: boolean | 'set' = 'set';
    if (typeof what === 'number') {
      conform = conforms(buckets, 0, what, nowNs);
      if (conform) takeTokens(buckets, 0, what, nowNs);
    } else {
      if (what === 'rate') rate = value as number;
      else burst = value as number;
      retuneBucket(buckets, 0, rate, burst, nowNs);
    }
    return { conform, tokens_after: tokensBytes(buckets, 0, nowNs) };
  });
  return { rows };
}

interface ShapeParams {
  rate: number;
  burst: number;
  /** Bytes that may wait. */
  limit?: number;
  peak?: number;
  mtu?: number;
  /** [instant, new rate] */
  changes?: [number, number][];
  oversize?: string;
}

interface Waiting {
  readonly row: { verdict: string; departure_ns: number | null };
  readonly lengthBytes: number;
  readonly arrivedNs: number;
}

/** A FIFO before one bucket, or two that must both hold the packet. */
class Shaper {
  private readonly params: ShapeParams;
  private readonly buckets: TokenBuckets;
  private readonly rows: number;
  private readonly waiting: Waiting[] = [];
  private backlogBytes = 0;
  private lastNs = 0;

  constructor(params: ShapeParams) {
    this.params = params;
    this.rows = params.peak === undefined ? 1 : 2;
    this.buckets = createTokenBuckets(2);
    fillBucket(this.buckets, 0, params.rate, params.burst);
    if (params.peak !== undefined) fillBucket(this.buckets, 1, params.peak, params.mtu as number);
  }

  arrive(arrivedNs: number, lengthBytes: number): Waiting['row'] {
    const { limit, burst, oversize } = this.params;
    this.serve(arrivedNs);
    if (lengthBytes > burst && oversize !== 'debt') return { verdict: 'drop-oversize', departure_ns: null };
    if (limit !== undefined && this.backlogBytes + lengthBytes > limit) {
      return { verdict: 'drop-limit', departure_ns: null };
    }
    const row = { verdict: 'send', departure_ns: null };
    this.waiting.push({ row, lengthBytes, arrivedNs });
    this.backlogBytes += lengthBytes;
    return row;
  }

  /** Lets go what conforms by `untilNs`. */
  serve(untilNs: number): void {
    for (let head = this.waiting[0]; head; head = this.waiting[0]) {
      let atNs = Math.max(head.arrivedNs, this.lastNs);
      for (let b = 0; b < this.rows; b++) atNs = conformNs(this.buckets, b, head.lengthBytes, atNs);
      if (atNs > untilNs) return;
      for (let b = 0; b < this.rows; b++) takeTokens(this.buckets, b, head.lengthBytes, atNs);
      head.row.departure_ns = atNs;
      this.lastNs = atNs;
      this.backlogBytes -= head.lengthBytes;
      this.waiting.shift();
    }
  }

  retune(nowNs: number, rate: number): void {
    this.serve(nowNs);
    this.lastNs = Math.max(this.lastNs, nowNs);
    retuneBucket(this.buckets, 0, rate, this.params.burst, nowNs);
  }
}

function shape(vector: Vector): Found {
  const params = vector.body.params as unknown as ShapeParams;
  const shaper = new Shaper(params);
  const changes = [...(params.changes ?? [])];
  const rows = (vector.body.events as [number, number][]).map(([timeNs, lengthBytes]) => {
    while (changes[0] && changes[0][0] <= timeNs) shaper.retune(...(changes.shift() as [number, number]));
    return shaper.arrive(timeNs, lengthBytes);
  });
  for (const change of changes) shaper.retune(...change);
  shaper.serve(Number.POSITIVE_INFINITY);
  return { rows };
}

function eventsOfOtherShape(vector: Vector): string | undefined {
  const events = vector.body.events;
  const isKnown = (event: unknown): boolean =>
    Array.isArray(event) &&
    typeof event[0] === 'number' &&
    (typeof event[1] === 'number' ? event.length === 2 : event[1] === 'rate' || event[1] === 'burst');
  return Array.isArray(events) && events.every(isKnown) ? undefined : 'an event of a shape that is not known';
}

/** Attempts to dequeue 1000-byte packets from a dual bucket, true where both buckets hold one. */
function attempts(rate: number, peak: number, instantsNs: readonly number[]): boolean[] {
  const buckets = createTokenBuckets(2);
  // The cited tests give a burst of one second's worth, and a peak bucket of one packet.
  fillBucket(buckets, 0, rate, rate);
  fillBucket(buckets, 1, peak, 1000);
  return instantsNs.map((nowNs) => {
    const passes = [0, 1].every((b) => conformNs(buckets, b, 1000, nowNs) <= nowNs);
    if (passes) for (const b of [0, 1]) takeTokens(buckets, b, 1000, nowNs);
    return passes;
  });
}

const tenths = Array.from({ length: 10 }, (_, i) => (i + 2) * 1e8);
const alternating = Array.from({ length: 10 }, (_, i) => 1e8 + Math.floor(i / 2) * 1e8 + (i % 2) * 4e7);

function fourPackets(): Found {
  const buckets = createTokenBuckets(1);
  fillBucket(buckets, 0, 6000, 6000);
  const tokens = [1, 2, 3, 4].map(() => {
    takeTokens(buckets, 0, 1500, 0);
    return tokensBytes(buckets, 0, 0);
  });
  return { rows: [{ tokens_after_each: tokens, queue_after_5_enqueues: keptOf(4, 5) }] };
}

export const TOKEN_BUCKET_RUNNERS: readonly [string, Runner][] = [
  ['police', { params: ['rate', 'burst'], refuse: eventsOfOtherShape, run: police }],
  [
    'shape',
    {
      params: ['rate', 'burst', 'limit', 'peak', 'mtu', 'changes', 'oversize'],
      refuse: eventsOfOtherShape,
      run: shape,
    },
  ],
  ['ns3-tbf-1', { params: [], run: fourPackets }],
  [
    'ns3-tbf-2',
    { params: [], run: () => ({ rows: [{ all_pass: attempts(10e3, 100e3, tenths).every(Boolean) }] }) },
  ],
  ['ns3-tbf-3', { params: [], run: () => ({ rows: [{ pass: attempts(5e3, 100e3, tenths) }] }) }],
  ['ns3-tbf-4', { params: [], run: () => ({ rows: [{ pass: attempts(15e3, 20e3, alternating) }] }) }],
];
