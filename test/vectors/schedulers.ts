/** Runs the vectors of schedulers: packets before a link, one is sent at a time, the algorithm says whose. */

import {
  BAND_SHORT,
  createSizeAwareQueues,
  sizeAwareSent,
  sizeAwareTurn,
} from '../../src/algo/queues/size-aware.ts';
import { NONE } from '../../src/base/none.ts';
import { createDrrQueues, createDrrRing, drrJoin, drrPick, drrSent } from '../reference/drr.ts';
import { bandByPackets } from '../reference/size-aware-packets.ts';
import { bestBand, withBand } from '../reference/strict-priority.ts';
import { VirtualClock, type VirtualClockKind } from '../reference/virtual-clock.ts';
import type { Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

type Arrival = [number, number, number];

interface Params {
  link_rate: number;
  bands?: number;
  quantum?: number;
  quanta?: number[];
  weights?: number[];
  threshold_packets?: number;
  threshold_bytes?: number;
}

/**
 * What the link asks. `lists` holds the packets that wait, by flow or band; a packet is its index in the
 * arrivals.
 */
interface Scheduler {
  readonly lists: number[][];
  arrive(nowNs: number, id: number, arrival: Arrival): void;
  /** The packet to send, taken out of its list; NONE: none waits. */
  send(nowNs: number): number;
  becameIdle?(): void;
}

const emptyLists = (count: number): number[][] => Array.from({ length: count }, () => []);

function priority(bands: number): Scheduler {
  const lists = emptyLists(bands);
  let waiting = 0;
  return {
    lists,
    arrive(_, id, [, band]) {
      lists[band]?.push(id);
      waiting = withBand(waiting, band, true);
    },
    send() {
      const band = bestBand(waiting);
      if (band === NONE) return NONE;
      const id = lists[band]?.shift() as number;
      waiting = withBand(waiting, band, lists[band]?.length !== 0);
      return id;
    },
  };
}

function deficitRoundRobin(quanta: readonly number[], arrivals: readonly Arrival[]): Scheduler {
  const lists = emptyLists(quanta.length);
  const q = createDrrQueues(quanta.length);
  const ring = createDrrRing();
  const sizeOf = (id: number | undefined): number => (id === undefined ? 0 : (arrivals[id] as Arrival)[2]);
  return {
    lists,
    arrive(_, id, [, flow, size]) {
      const list = lists[flow] as number[];
      list.push(id);
      if (list.length === 1) drrJoin(q, ring, flow, size);
    },
    send() {
      const flow = drrPick(q, ring, quanta);
      if (flow === NONE) return NONE;
      const list = lists[flow] as number[];
      const id = list.shift() as number;
      drrSent(q, ring, flow, sizeOf(list[0]));
      return id;
    },
  };
}

function byVirtualTime(
  kind: VirtualClockKind,
  rate: number,
  weights: readonly number[],
  arrivals: readonly Arrival[],
): Scheduler {
  const lists = emptyLists(weights.length);
  const heads = new Int32Array(weights.length).fill(NONE);
  const tags = {
    start: new Float64Array(arrivals.length),
    finish: new Float64Array(arrivals.length),
  };
  const clock = new VirtualClock(kind, rate, weights, tags);
  let sending = NONE;
  return {
    lists,
    arrive(nowNs, id, [, flow, size]) {
      const list = lists[flow] as number[];
      clock.arrive(nowNs, flow, id, size, list.length === 0 && flow !== sending);
      list.push(id);
      heads[flow] = list[0] as number;
    },
    send(nowNs) {
      sending = clock.pick(nowNs, heads);
      if (sending === NONE) return NONE;
      const list = lists[sending] as number[];
      const id = list.shift() as number;
      heads[sending] = list[0] ?? NONE;
      return id;
    },
    becameIdle: () => clock.becameIdle(),
  };
}

function shortFirst(params: Params, arrivals: readonly Arrival[]): Scheduler {
  const lists = emptyLists(2);
  const sent = new Map<number, { packets: number; bytes: number }>();
  const q = createSizeAwareQueues(1);
  const parameters = {
    thresholdPackets: params.threshold_packets ?? Number.POSITIVE_INFINITY,
    thresholdBytes: params.threshold_bytes ?? Number.POSITIVE_INFINITY,
    longShare: 0,
  };
  const headBytes = (band: number): number => arrivals[lists[band]?.[0] ?? -1]?.[2] ?? 0;
  return {
    lists,
    arrive(_, id, [, flow, size]) {
      const { packets, bytes } = sent.get(flow) ?? { packets: 0, bytes: 0 };
      sent.set(flow, { packets: packets + 1, bytes: bytes + size });
      lists[bandByPackets(parameters, packets, bytes, false)]?.push(id);
    },
    send() {
      const [short, long] = [headBytes(BAND_SHORT), headBytes(1)] as [number, number];
      if (short === 0 && long === 0) return NONE;
      const band = sizeAwareTurn(q, 0, short, long);
      sizeAwareSent(q, 0, parameters, band, band === BAND_SHORT ? short : long, long > 0);
      return lists[band]?.shift() as number;
    },
  };
}

/** Packets in the order of service, and when the last byte of each is on the link. */
function serve(
  arrivals: readonly Arrival[],
  rate: number,
  scheduler: Scheduler,
): { order: number[]; finishNs: number[] } {
  const order: number[] = [];
  const finishNs: number[] = [];
  let nowNs = 0;
  let next = 0;
  const arriveUntil = (untilNs: number): void => {
    for (; next < arrivals.length && (arrivals[next] as Arrival)[0] <= untilNs; next++) {
      const arrival = arrivals[next] as Arrival;
      scheduler.arrive(arrival[0], next, arrival);
    }
  };
  while (order.length < arrivals.length) {
    arriveUntil(nowNs);
    const id = scheduler.send(nowNs);
    if (id === NONE) {
      scheduler.becameIdle?.();
      nowNs = (arrivals[next] as Arrival)[0];
      continue;
    }
    nowNs += ((arrivals[id] as Arrival)[2] / rate) * 1e9;
    order.push(id);
    finishNs.push(nowNs);
  }
  return { order, finishNs };
}

const runner = (
  params: readonly string[],
  make: (params: Params, arrivals: readonly Arrival[]) => Scheduler,
): Runner => ({
  params: [...params, 'link_rate'],
  keys: ['arrivals', 'arrival_fields', 'expect_order', 'expect_finish_ns'],
  expected: ({ body }) => ({ rows: [{ order: body.expect_order, finish_ns: body.expect_finish_ns }] }),
  run: (vector: Vector): Found => {
    const stated = vector.body.params as unknown as Params;
    const arrivals = vector.body.arrivals as Arrival[];
    const { order, finishNs } = serve(arrivals, stated.link_rate, make(stated, arrivals));
    return { rows: [{ order, finish_ns: finishNs }] };
  },
});

const flowsOf = (arrivals: readonly Arrival[]): number => 1 + Math.max(...arrivals.map(([, flow]) => flow));

const virtual = (kind: VirtualClockKind): Runner =>
  runner(['weights'], ({ weights = [], link_rate }, arrivals) =>
    byVirtualTime(kind, link_rate, weights, arrivals),
  );

/** Shreedhar's and Varghese's example: the packets of each queue, quantum 500. */
function paperRounds(): Found {
  const queues = [
    [200, 750, 20],
    [500, 500],
    [200, 600, 100],
    [50, 700, 180],
  ];
  const arrivals = queues.flatMap((sizes, flow) => sizes.map((size): Arrival => [0, flow, size]));
  const { order } = serve(arrivals, 1e6, deficitRoundRobin([500, 500, 500, 500], arrivals));
  const found = order.map((id) => {
    const [, flow, size] = arrivals[id] as Arrival;
    return [flow + 1, size];
  });
  return { rows: [{ order_flow_size: found }] };
}

/** Bennett's and Zhang's example: eleven sessions, the first with half the link and eleven packets. */
function elevenSessions(): Found {
  const weights = [10, ...Array.from({ length: 10 }, () => 1)];
  const arrivals = [
    ...Array.from({ length: 11 }, (): Arrival => [0, 0, 1000]),
    ...Array.from({ length: 10 }, (_, n): Arrival => [0, n + 1, 1000]),
  ];
  const flows = (kind: VirtualClockKind): number[] => {
    const { order } = serve(arrivals, 1e6, byVirtualTime(kind, 1e6, weights, arrivals));
    return order.map((id) => (arrivals[id] as Arrival)[1]);
  };
  const [exact, plus] = [flows('wf2q'), flows('wf2q+')];
  const both = exact.join() === plus.join() ? exact : 'they differ';
  return { rows: [{ wfq: flows('wfq'), wf2q_and_wf2qplus: both }] };
}

export const SCHEDULER_RUNNERS: readonly [string, Runner][] = [
  ['prio', runner(['bands'], ({ bands = 0 }) => priority(bands))],
  [
    'drr',
    runner(['quantum', 'quanta'], ({ quantum = 0, quanta }, arrivals) =>
      deficitRoundRobin(quanta ?? Array.from({ length: flowsOf(arrivals) }, () => quantum), arrivals),
    ),
  ],
  ['wfq', virtual('wfq')],
  ['wf2q', virtual('wf2q')],
  ['wf2qp', virtual('wf2q+')],
  ['sfq', virtual('sfq')],
  ['sizeaware', runner(['threshold_packets', 'threshold_bytes'], shortFirst)],
  ['sv95-drr', { params: [], run: paperRounds }],
  ['bz96-example', { params: [], run: elevenSessions }],
];
