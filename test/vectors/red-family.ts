/**
 * Runs the vectors of WRED and Adaptive RED against algo/, and those of the kernel's integers against
 * test/oracle.
 */
import { aredAdvance, aredMinPackets, aredWeight, createAred } from '../../src/algo/aqm/ared.ts';
import { createRedQueues, redBaseProbability, redObserve } from '../../src/algo/aqm/red.ts';
import { wredDefaultMinimum } from '../../src/algo/aqm/wred.ts';
import {
  burstOfWlog,
  idleDamping,
  plogOfProbability,
  scaledAverage,
  wlogOfBurst,
} from '../oracle/kernel-integers.ts';
import type { Vector } from './load.ts';
import { signalsOf300 } from './red.ts';
import type { Found, Runner } from './runner.ts';

interface AredParams {
  min_th: number;
  max_th: number;
  maxp0: number;
  alpha?: string;
  beta?: number;
  interval_s?: number;
  bounds?: [number, number];
}

/** The paper's constants are ours; vectors state them. */
function otherConstants(vector: Vector): string | undefined {
  const { alpha, beta, interval_s, bounds } = vector.body.params as unknown as AredParams;
  if ((alpha ?? 'min(0.01, maxp/4)') !== 'min(0.01, maxp/4)') return `no code for alpha ${alpha}`;
  if ((beta ?? 0.9) !== 0.9) return `no code for beta ${beta}`;
  if ((interval_s ?? 0.5) !== 0.5) return `no code for an interval of ${interval_s} s`;
  return (bounds ?? [0.01, 0.5]).join() === '0.01,0.5' ? undefined : `no code for bounds ${bounds}`;
}

/** Packets as the unit of bytes. */
const PACKETS = { weight: 1, gentle: false, byteMode: false, meanPacketBytes: 1 };

function adapt(vector: Vector): Found {
  const params = vector.body.params as unknown as AredParams;
  const thresholds = { minBytes: params.min_th, maxBytes: params.max_th, probability: params.maxp0 };
  const a = createAred({ ...PACKETS, ...thresholds }, 0);
  const queues = createRedQueues(1);
  const rows = (vector.body.events as number[]).map((avg, n) => {
    queues.avgBytes[0] = avg;
    aredAdvance(a, queues, 0, 1, 1, (n + 1) * 0.5e9);
    return { maxp_after: a.probability };
  });
  return { rows };
}

function automatic(vector: Vector): Found {
  const { delay_target_s } = vector.body.params as { delay_target_s: number };
  const rows = (vector.body.expect as number[][]).map(([pps]) => {
    const min = aredMinPackets(pps as number, delay_target_s * 1e9);
    return { C_pps: pps, wq: aredWeight(pps as number), min_th: min, max_th: 3 * min };
  });
  return { rows };
}

function wred(vector: Vector): Found {
  const params = vector.body.params as {
    max_th?: number;
    profiles?: { min_th: number; max_th: number; maxp: number; gentle?: boolean }[];
  };
  const expected = vector.body.expect as unknown[];
  const { max_th: max } = params;
  if (max !== undefined) return { rows: expected.map((_, i) => ({ min_th: wredDefaultMinimum(max, i) })) };
  const profiles = (params.profiles ?? []).map(({ min_th, max_th, maxp, gentle }) => ({
    ...PACKETS,
    ...{ minBytes: min_th, maxBytes: max_th, probability: maxp, gentle: gentle ?? false },
  }));
  const rows = (expected as number[][]).map(([avg]) => {
    const each = profiles.map((profile, i) => [`pb[${i}]`, redBaseProbability(profile, avg as number)]);
    return { avg, ...Object.fromEntries(each) };
  });
  return { rows };
}

function integers(vector: Vector): Found {
  const params = (vector.body.params ?? {}) as Record<string, number>;
  const expected = vector.body.expect as number[][];
  const fields = (vector.body.expect_fields ?? []) as string[];
  if ('wlog' in params) return { rows: walkAverage(expected, params.wlog as number) };
  if (fields.includes('Wlog')) {
    const rows = expected.map(([qmin, burst_pkts, mean]) => ({
      ...{ qmin, burst_pkts, avpkt: mean },
      Wlog: wlogOfBurst(qmin as number, burst_pkts as number, mean as number),
    }));
    return { rows };
  }
  if (fields.includes('Plog')) {
    const rows = expected.map(([qmin, qmax, probability]) => ({
      ...{ qmin, qmax, probability },
      Plog: plogOfProbability(qmin as number, qmax as number, probability as number),
    }));
    return { rows };
  }
  const { Wlog, avpkt, byte_rate } = params as { Wlog: number; avpkt: number; byte_rate: number };
  const { cellLog, shifts } = idleDamping(Wlog, avpkt, byte_rate);
  const { cells } = vector.body.expect as unknown as { cells: Record<string, number> };
  const found = Object.fromEntries(Object.keys(cells).map((i) => [i, shifts[Number(i)]]));
  return { rows: [{ Scell_log: cellLog, cells: found }] };
}

function walkAverage(expected: readonly number[][], wlog: number): Record<string, unknown>[] {
  let scaled = 0;
  return expected.map(([backlog]) => {
    scaled = scaledAverage(scaled, backlog as number, wlog);
    return { backlog, qavg_scaled: scaled, avg_bytes: Math.floor(scaled / 2 ** wlog) };
  });
}

/** 300 packets of 500 B at once: what the automatic weight and thresholds make of them. */
function ns3Ared(): Found {
  const early = (pps: number, thresholds = {}): boolean =>
    signalsOf300({ wq: aredWeight(pps), ...thresholds }).early > 0;
  const own = (pps: number): { min_th: number; max_th: number } => {
    const min = aredMinPackets(pps, 5e6);
    return { min_th: min, max_th: 3 * min };
  };
  const found = {
    '1.5 Mbit/s': early(375) ? 'early drops' : 'no early drop',
    '0.015 Mbit/s': early(3.75) ? 'early drops' : 'none',
    // Ten times the exponent is a tenth of the packet rate.
    'wq=1-exp(-10/C) at 1.5 Mbit/s': early(37.5) ? 'early drops' : 'none',
    'auto thresholds at 1.5 Mbit/s (5/15)': early(375, own(375)) ? 'early drops' : 'none',
    'auto thresholds at 150 Mbit/s (93.75/281.25)': early(37_500, own(37_500)) ? 'early drops' : 'none',
  };
  return { rows: [found] };
}

/**
 * Largest burst that the kernel's formula lets into an empty queue with min 32, by weight 2^-1 .. 2^-9. The
 * formula lacks one packet's step, so what RED itself lets in is up to 2 packets more.
 */
function burstTable(): Found {
  const recomputed = Array.from({ length: 9 }, (_, n) => {
    const ofFormula = burstOfWlog(32, n + 1);
    const more = burstBelow(32, 2 ** -(n + 1)) - ofFormula;
    return more >= 0 && more <= 2 ? ofFormula : `${more} more`;
  });
  return { rows: [{ recomputed }] };
}

function burstBelow(minPackets: number, weight: number): number {
  const params = { ...PACKETS, minBytes: minPackets, maxBytes: 2 * minPackets, probability: 1, weight };
  const queues = createRedQueues(1);
  for (let q = 1; ; q++) {
    redObserve(queues, 0, params, q, 1, 0);
    if (queues.avgBytes[0] >= minPackets) return q - 1;
  }
}

export const RED_FAMILY_RUNNERS: readonly [string, Runner][] = [
  [
    'ared',
    {
      params: ['min_th', 'max_th', 'maxp0', 'alpha', 'beta', 'interval_s', 'bounds'],
      refuse: otherConstants,
      run: adapt,
    },
  ],
  ['ared-auto', { params: ['delay_target_s'], run: automatic }],
  ['wred', { params: ['max_th', 'profiles'], run: wred }],
  ['red-int', { params: ['wlog', 'Wlog', 'avpkt', 'byte_rate'], run: integers }],
  ['ns3-ared', { params: [], run: ns3Ared }],
  [
    'red-h-burst-table',
    {
      params: [],
      // The comment of the header differs by up to 2, as the item says: its numbers are approximate.
      expected: ({ body }) => ({
        rows: [{ recomputed: (body.expect as { recomputed: number[] }).recomputed }],
      }),
      run: burstTable,
    },
  ],
  [
    'cisco-wred-default',
    {
      params: [],
      run: ({ body }) => ({
        rows: (body.expect as number[]).map((_, i) => ({ min: wredDefaultMinimum(40, i) })),
        fields: ['min'],
      }),
    },
  ],
];
