/** Runs the vectors of counters, primary data points and sliding quotas. */
import { type CounterBits, counterDelta } from '../../src/algo/quota/counter.ts';
import { SlidingSums } from '../../src/algo/quota/sliding-sum.ts';
import { type PrimaryPoint, PrimaryPoints } from '../reference/pdp.ts';
import type { Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

const NS_PER_SEC = 1e9;

type CounterRow = [
  prev: string | null,
  cur: string | null,
  dt: number,
  heartbeat: number,
  max: number | null,
  bits: CounterBits,
];

const reading = (text: string | number | null): bigint | null => (text === null ? null : BigInt(text));

/** The last column is what a DERIVE data source would tell, for comparison: we have none. */
function counter(vector: Vector): Found {
  const rows = (vector.body.expect as CounterRow[]).map((row) => {
    const [prev, cur, dt, heartbeat, max, bits] = row;
    const delta = counterDelta(reading(prev), reading(cur), dt * NS_PER_SEC, {
      bits,
      heartbeatNs: heartbeat * NS_PER_SEC,
      bytesPerSecMax: max ?? Number.POSITIVE_INFINITY,
    });
    return { ...inputsOf(vector, row), delta: delta === null ? null : String(delta) };
  });
  return { rows };
}

/** Columns that are inputs, or that we do not compute, as the vector has them. */
function inputsOf(vector: Vector, row: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries((vector.body.expect_fields as string[]).map((field, i) => [field, row[i]]));
}

interface PdpParams {
  readonly start: number;
  readonly step: number;
  readonly heartbeat: number;
  readonly max_rate: number | null;
}

type Sample = [at: number, value: number | null];

function pointsOf(params: PdpParams, samples: readonly Sample[]): PrimaryPoint[] {
  const points = new PrimaryPoints(params.step * NS_PER_SEC, params.start * NS_PER_SEC);
  let before: Sample = [params.start, null];
  return samples.flatMap((sample) => {
    const delta = counterDelta(reading(before[1]), reading(sample[1]), (sample[0] - before[0]) * NS_PER_SEC, {
      bits: 'auto',
      heartbeatNs: params.heartbeat * NS_PER_SEC,
      bytesPerSecMax: params.max_rate ?? Number.POSITIVE_INFINITY,
    });
    before = sample;
    return points.add(sample[0] * NS_PER_SEC, delta === null ? null : Number(delta));
  });
}

function rrdPdp(vector: Vector): Found {
  const points = pointsOf(vector.body.params as PdpParams, vector.body.samples as Sample[]);
  return {
    rows: points.map(({ endNs, bytesPerSec }) => ({
      pdp_end: endNs / NS_PER_SEC,
      rate: printed(bytesPerSec, 10),
    })),
  };
}

/** A rate with as many digits as the expectation was printed with. */
const printed = (rate: number | null, digits: number): number | null =>
  rate === null ? null : Number(rate.toPrecision(digits));

interface QuotaParams {
  readonly window_s: number;
  readonly bucket_s: number;
  readonly limit_bytes: number;
}

/** A probe looks and counts nothing. */
function quota(vector: Vector): Found {
  const { window_s, bucket_s, limit_bytes } = vector.body.params as QuotaParams;
  const sums = new SlidingSums(window_s * NS_PER_SEC, bucket_s * NS_PER_SEC);
  const probes = (vector.body.probes as number[]).map((t): [number, number] => [t, 0]);
  const steps = [...(vector.body.events as [number, number][]), ...probes].sort(([a], [b]) => a - b);
  const rows = steps.map(([t, bytes]) => {
    sums.advance(t * NS_PER_SEC);
    sums.add(0, bytes, 0);
    return { t, bytes_in_window: sums.upBytes[0], violated: sums.upBytes[0] > limit_bytes };
  });
  return { rows };
}

/** The test of rrdtool that the set `quota` has as well: its points are told by their end. */
const RRDTOOL_SAMPLES: readonly Sample[] = [
  ...([
    [1548500700, 0],
    [1548500760, 60],
    [1548500790, 60],
    [1548501000, 270],
  ] as const),
  ...([
    [1548501070, 390],
    [1548501101, null],
    [1548501300, 1000],
    [1548501800, 1500],
  ] as const),
  ...([
    [1548501839, 1890],
    [1548502200, 1890],
    [1548502210, 1910],
  ] as const),
  ...([
    [1548502410, 2710],
    [1548502510, 3210],
  ] as const),
].map(([at, value]): Sample => [at, value]);

function rrdtoolPoints(): Found {
  const points = pointsOf({ start: 1548500640, step: 60, heartbeat: 3600, max_rate: null }, RRDTOOL_SAMPLES);
  const rates = points.map(({ endNs, bytesPerSec }) => [endNs / NS_PER_SEC, printed(bytesPerSec, 8)]);
  return { rows: [Object.fromEntries(rates)] };
}

function wrapOffByOne(): Found {
  const params = { bits: 'auto', heartbeatNs: 600e9, bytesPerSecMax: Number.POSITIVE_INFINITY } as const;
  return { rows: [{ correct: Number(counterDelta(2n ** 32n - 1n, 0n, 60e9, params)) }] };
}

export const QUOTA_RUNNERS: readonly [string, Runner][] = [
  ['counter', { params: [], run: counter }],
  ['rrd-pdp', { params: ['start', 'step', 'heartbeat', 'max_rate'], keys: ['samples'], run: rrdPdp }],
  ['quota', { params: ['window_s', 'bucket_s', 'limit_bytes', 'rule'], keys: ['probes'], run: quota }],
  ['rrdtool-pdp-calc1', { params: [], run: rrdtoolPoints }],
  [
    'rrdtool-wrap-off-by-one',
    {
      params: [],
      // What rrdtool tells is there to show that it is wrong.
      expected: (vector) => ({ rows: [{ correct: (vector.body.expect as { correct: number }).correct }] }),
      run: wrapOffByOne,
    },
  ],
];
