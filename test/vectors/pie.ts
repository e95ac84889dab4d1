/**
 * Runs PIE vectors against algo/aqm/pie.ts; the estimator for queues without time stamps is in test/oracle.
 */
import {
  createPieQueues,
  type PieParameters,
  type PieQueues,
  pieDivisor,
  pieMayMark,
  pieReset,
} from '../../src/algo/aqm/pie.ts';
import { Prng } from '../../src/base/prng.ts';
import { DepartureRate } from '../oracle/pie.ts';
import { arriveAs, departedAs, PIE_BASIC, type PieForm, updateAs } from '../reference/pie-forms.ts';
import { isRecord, type Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

interface PieParams {
  ref: number;
  tupdate: number;
  max_burst: number;
  alpha: number;
  beta: number;
  mean_pkt?: number;
  cap?: boolean;
  decay?: string;
  initial_burst?: number;
  mark_ecn_threshold?: number;
  derandomise?: { low: number; high: number; accu_initial: number };
}

const PARAMS = [
  ...['ref', 'tupdate', 'max_burst', 'alpha', 'beta', 'mean_pkt', 'cap', 'decay', 'initial_burst'],
  ...['mark_ecn_threshold', 'derandomise'],
];

/** Seconds as the nearest nanosecond, so that times that are equal in the vector are equal here. */
const ns = (seconds: number): number => Math.round(seconds * 1e9);

function parametersOf(params: PieParams): PieParameters {
  return {
    targetNs: ns(params.ref),
    updateNs: ns(params.tupdate),
    burstNs: ns(params.max_burst),
    alpha: params.alpha,
    beta: params.beta,
    meanPacketBytes: params.mean_pkt ?? 1000,
    markBelow: params.mark_ecn_threshold ?? 0,
  };
}

const formOf = (params: PieParams): PieForm => ({
  derandomise: params.derandomise !== undefined,
  capped: params.cap ?? false,
  decayBelowRef: params.decay === 'half-ref',
});

function refuse(vector: Vector): string | undefined {
  const { decay, derandomise } = vector.body.params as unknown as PieParams;
  if (!['zero', 'half-ref'].includes(decay ?? 'zero')) return `no code for the decay ${decay}`;
  if (derandomise && (derandomise.low !== 0.85 || derandomise.high !== 8.5)) {
    return 'no code for other bounds of derandomisation';
  }
  return undefined;
}

function pie(vector: Vector): Found {
  const events = vector.body.events as unknown[] | undefined;
  if (events === undefined) return singleSteps(vector);
  return events.some(isRecord) ? decisions(vector) : updates(vector);
}

function updates(vector: Vector): Found {
  const params = vector.body.params as unknown as PieParams;
  const parameters = parametersOf(params);
  const q = createPieQueues(1);
  pieReset(q, 0, parameters, 0);
  q.allowanceNs[0] = ns(params.initial_burst ?? 0);
  const rows = (vector.body.events as number[]).map((delay) => {
    // The vector's delays are not whole nanoseconds.
    q.delayNs[0] = delay * 1e9;
    updateAs(formOf(params), q, 0, parameters);
    return { drop_prob: q.probability[0], burst_allowance_s: (q.allowanceNs[0] as number) / 1e9 };
  });
  return { rows };
}

function singleSteps(vector: Vector): Found {
  const params = vector.body.params as unknown as PieParams;
  const parameters = parametersOf(params);
  const rows = (vector.body.expect as number[][]).map((row) => {
    const [before, old, now] = row as [number, number, number];
    const q = createPieQueues(1);
    q.probability[0] = before;
    q.delayOldNs[0] = old * 1e9;
    q.delayNs[0] = now * 1e9;
    updateAs(formOf(params), q, 0, parameters);
    return {
      prob_before: before,
      qdelay_old: old,
      qdelay: now,
      divisor: pieDivisor(before),
      prob_after: q.probability[0],
    };
  });
  return { rows };
}

interface PieEvent {
  set?: { drop_prob?: number; qdelay_old?: number; burst_allowance?: number };
  backlog: number;
  u: number;
  ecn: number;
}

function decisions(vector: Vector): Found {
  const params = vector.body.params as unknown as PieParams;
  const parameters = parametersOf(params);
  const q = createPieQueues(1);
  pieReset(q, 0, parameters, 0);
  q.accumulated[0] = params.derandomise?.accu_initial ?? 0;
  const rows = (vector.body.events as PieEvent[]).map(({ set, backlog, u, ecn }) => {
    if (set) {
      if (set.drop_prob !== undefined) q.probability[0] = set.drop_prob;
      if (set.qdelay_old !== undefined) q.delayOldNs[0] = set.qdelay_old * 1e9;
      if (set.burst_allowance !== undefined) q.allowanceNs[0] = set.burst_allowance * 1e9;
      return { action: 'set' };
    }
    const signal = signalOf(formOf(params), q, parameters, backlog, ecn !== 0, u, 0);
    return { action: signal === 'none' ? 'enqueue' : signal };
  });
  return { rows, fields: ['action'] };
}

/** The signal for an arriving packet: a mark takes the place of a drop where the packet can carry one. */
function signalOf(
  form: PieForm,
  q: PieQueues,
  parameters: PieParameters,
  backlogBytes: number,
  ect: boolean,
  unit: number,
  nowNs: number,
): 'none' | 'mark' | 'drop' {
  if (!arriveAs(form, q, 0, parameters, backlogBytes, unit, nowNs)) return 'none';
  return ect && pieMayMark(q, 0, parameters) ? 'mark' : 'drop';
}

/** Events are departures, each with the backlog left once the arrivals that follow it are in. */
function departureRate(vector: Vector): Found {
  const params = vector.body.params as { dq_threshold: number; weight: number; backlog0: number };
  const rate = new DepartureRate(params.dq_threshold, params.weight);
  const rows: Record<string, unknown>[] = [];
  let before = params.backlog0;
  (vector.body.events as [number, number, number][]).forEach(([t, size, after], event_index) => {
    if (rate.departed(t, size, before, after)) {
      rows.push({ event_index, cycle_s: rate.lastCycle, avg_dq_time_s: rate.avgDqTime });
    }
    before = after;
  });
  return { rows };
}

interface Ns3Run {
  readonly early: number;
  readonly marks: number;
  readonly tail: number;
  /** Largest growth of p in one update that began above 0.1. */
  readonly growthMax: number;
  /** Smallest p at which a packet was dropped early, largest at which one was marked. */
  readonly dropFrom: number;
  readonly markTo: number;
  /** Packets that passed without allowance or safeguard, at a p above 0. */
  readonly exposed: number;
}

/** ns-3's set-up: 400 packets of 1000 B, one each 10 ms, served one each `gapMs`; limit 300 packets. */
function ns3Run(
  gapMs: number,
  more: Partial<PieParameters & PieForm> = {},
  ect = false,
  accu?: number,
): Ns3Run {
  const parameters: PieParameters & PieForm = {
    ...parametersOf({ ref: 0.02, tupdate: 0.03, max_burst: 0.1, alpha: 0.125, beta: 1.25 }),
    ...PIE_BASIC,
    ...more,
  };
  const q = createPieQueues(1);
  pieReset(q, 0, parameters, 0);
  const prng = new Prng(1);
  const waiting: number[] = [];
  const seen = { early: 0, marks: 0, tail: 0, growthMax: 0, dropFrom: 1, markTo: 0, exposed: 0 };
  const serve = (atMs: number): void => {
    const before = q.probability[0] as number;
    const enteredNs = waiting.shift();
    if (enteredNs === undefined) return;
    departedAs(parameters, q, 0, parameters, atMs * 1e6 - enteredNs, waiting.length === 0, atMs * 1e6);
    if (before > 0.1) seen.growthMax = Math.max(seen.growthMax, (q.probability[0] as number) - before);
  };
  let nextServiceMs = gapMs;
  for (let n = 0; n < 400; n++) {
    for (; nextServiceMs <= n * 10; nextServiceMs += gapMs) serve(nextServiceMs);
    if (accu !== undefined) q.accumulated[0] = accu;
    arrive(q, parameters, n * 1e7, waiting, ect, prng.nextUnit(), seen);
  }
  return seen;
}

function arrive(
  q: PieQueues,
  parameters: PieParameters & PieForm,
  nowNs: number,
  waiting: number[],
  ect: boolean,
  unit: number,
  seen: { -readonly [field in keyof Ns3Run]: number },
): void {
  if (waiting.length >= 300) {
    seen.tail++;
    return;
  }
  const signal = signalOf(parameters, q, parameters, waiting.length * 1000, ect, unit, nowNs);
  const probability = q.probability[0] as number;
  if (signal === 'drop') {
    seen.early++;
    seen.dropFrom = Math.min(seen.dropFrom, probability);
    return;
  }
  const isYoung = (q.delayOldNs[0] as number) < parameters.targetNs / 2 && probability < 0.2;
  if (probability > 0 && q.allowanceNs[0] === 0 && !isYoung && waiting.length > 2) seen.exposed++;
  if (signal === 'mark') {
    seen.marks++;
    seen.markTo = Math.max(seen.markTo, probability);
  }
  waiting.push(nowNs);
}

function ns3(): Found {
  const slow = ns3Run(12);
  const slower = ns3Run(15);
  const capped = ns3Run(25, { capped: true }).growthMax;
  const marking = ns3Run(15, { markBelow: 0.3 }, true);
  // A forced sum passes a packet however probable its drop, or drops it however improbable.
  const low = ns3Run(15, { derandomise: true }, false, -1);
  const high = ns3Run(15, { derandomise: true }, false, 8.5);
  const marksBelow = marking.marks > 0 && marking.markTo < 0.3 && marking.dropFrom >= 0.3;
  const is = (isSo: boolean, text: string): string => (isSo ? text : 'something else');
  const row = {
    'd=12ms': is(slow.early > 0 && slow.tail === 0, 'early drops > 0, no tail drops'),
    'ref 80 ms': is(ns3Run(12, { targetNs: 80e6 }).early < slow.early, 'fewer than ref 20 ms'),
    'd=15 ms': is(slower.early > slow.early, 'more than d=12 ms'),
    'Tupdate 90 ms': is(
      ns3Run(15, { updateNs: 90e6 }).early < slower.early,
      'fewer than Tupdate 30 ms (d=15 ms)',
    ),
    cap: is(
      capped <= 0.02 + 1e-12 && ns3Run(25).growthMax > 0.02,
      'increase per update <= 0.02 once p > 0.1 (with cap), > 0.02 without',
    ),
    'ecn threshold 0.3': is(marksBelow, 'marks below p=0.3, drops above'),
    'derandomised accu forced to <= 0.84': is(low.early === 0, '0 drops'),
    'accu forced to >= 8.5': is(high.early > 0 && high.exposed === 0, 'every eligible packet dropped'),
  };
  return { rows: [row] };
}

export const PIE_RUNNERS: readonly [string, Runner][] = [
  ['pie', { params: PARAMS, refuse, run: pie }],
  ['pie-dq', { params: ['dq_threshold', 'weight', 'backlog0'], run: departureRate }],
  ['ns3-pie', { params: [], run: ns3 }],
];
