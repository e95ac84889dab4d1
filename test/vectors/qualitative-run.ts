/**
 * What the experiments of QUALITATIVE.json are made of: a line of so many Mbit/s with one queue, flows
 * through it, and what was seen from the end of the warm-up on.
 */
import { histogramPercentile } from '../../src/base/histogram.ts';
import { scenarioChance } from '../../src/sim/scenarios/parts.ts';
import { prepareTraffic } from '../../src/sim/simulation.ts';
import type { FlowSpec } from '../../src/sim/traffic/traffic.ts';
import type { World } from '../../src/sim/world/world.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { config, sum } from '../sim/experiments.ts';
import { MS, mean, SECOND, tcp, traffic } from '../sim/net.ts';

export type Measured = Readonly<Record<string, number>>;
/** Whether a measured value is what the stated one says. */
export type Margin = (stated: number, found: number) => boolean;

export interface Experiment {
  /** Numbers of the setup, by name; each must be found unless it has a default. */
  readonly numbers: Readonly<Record<string, { readonly in: RegExp; readonly or?: number }>>;
  readonly variants: Readonly<Record<string, (n: Numbers) => Measured>>;
  readonly margins: Readonly<Record<string, Margin>>;
  /** What it is to show, over the variants that were run; a message for what does not hold. */
  readonly check: (found: Readonly<Record<string, Measured>>) => string | undefined;
}

export type Numbers = Readonly<Record<string, number>>;

export const near =
  (absolute: number, relative = 0): Margin =>
  (stated, found) =>
    Math.abs(stated - found) <= absolute + relative * Math.abs(stated);
/** Less is as good. */
export const atMost =
  (absolute: number, relative: number): Margin =>
  (stated, found) =>
    found <= stated + absolute + relative * Math.abs(stated);

export const WARM_UP_SEC = 10;
export const SECONDS = 45;
/** Of the samples, so that windows are seen every 20 ms. */
export const SAMPLES = SECONDS * 50;
export const FROM = WARM_UP_SEC * 50;
export const RENO = { growth: 'reno', delayedAcks: false } as const;

export const LINE = { in: /([\d.]+) Mbit\/s(?! constant)/ };
export const RED = {
  redMin: { in: /RED (\d+)\/\d+/, or: 10 },
  redMax: { in: /RED \d+\/(\d+)/, or: 30 },
  maxp: { in: /maxp ([\d.]+)/, or: 0.1 },
  wq: { in: /wq ([\d.]+)/, or: 0.002 },
};

function line(n: Numbers, queue: string): ShaperSpec {
  return config(`
    links: { wan: { device: w, up: { rate: ${n.line}mbit, classes: { default: { queue: {${queue}} } } }, down: 10gbit } }`);
}

export const fifo = (packets: number): string => `discipline: fifo, aqm: none, limit: ${packets}p`;
export const redQueue = (n: Numbers): string =>
  `discipline: fifo, limit: 500kB, aqm: { red: { min: ${n.redMin}p, max: ${n.redMax}p, meanPacket: 1500B, ` +
  `probability: ${n.maxp}, weight: ${n.wq} } }`;
export const CODEL = 'discipline: fifo, aqm: codel, limit: 1000p';
export const CODEL_ECN = 'discipline: fifo, aqm: { codel: { ecn: true } }, limit: 1000p';
export const PIE = 'discipline: fifo, aqm: pie, limit: 1000p';
export const fqCodel = (packets: number): string => `isolation: flow, limit: ${packets}p`;

/** What a run says from the end of its warm-up on. */
interface Run {
  readonly world: World;
  readonly utilisation: number;
  /** Of the time in the queue, milliseconds. */
  readonly delayMs: (fraction: number) => number;
  readonly meanDelayMs: number;
  readonly windows: readonly Float64Array[];
  readonly reductions: readonly Float64Array[];
  /** Share of all that came that was dropped on arrival. */
  readonly arrivalDropRate: number;
}

const LEAF = 1;

export function run(
  n: Numbers,
  queue: string,
  flows: readonly FlowSpec[],
  seed: number,
  seconds = SECONDS,
): Run {
  const simulation = prepareTraffic(line(n, queue), traffic(seconds, flows), 'vector', seed, {
    samples: seconds * 50,
  });
  const { world } = simulation;
  const { stats } = world.engine;
  const bins = stats.delay.length / world.engine.classes.length;
  const ofLeaf = () => stats.delay.slice(LEAF * bins, (LEAF + 1) * bins);
  const isPie = queue === PIE;
  const counts = (): { refused: number; arrived: number } => {
    const early = stats.dropTail[LEAF] + stats.dropEarly[LEAF];
    // PIE drops what arrives, CoDel what leaves; both count as aqm.
    const refused = early + (isPie ? stats.dropAqm[LEAF] : 0);
    return { refused, arrived: stats.sentPackets[LEAF] + early + stats.dropAqm[LEAF] };
  };
  let before = ofLeaf();
  let countsBefore = counts();
  for (let k = 1; simulation.step(); k++) {
    if (k !== FROM) continue;
    before = ofLeaf();
    countsBefore = counts();
  }
  const { series } = simulation.result();
  const delays = ofLeaf().map((count, b) => count - before[b]);
  const [own] = series.classes;
  const { refused, arrived } = counts();
  return {
    world,
    utilisation: mean(own.throughputBitsPerSecond, FROM) / (1e6 * n.line),
    delayMs: (fraction) => histogramPercentile(delays, 0, fraction) / 1e3,
    meanDelayMs: mean(own.backlogBytes, FROM) / (125 * n.line),
    windows: series.flows.map((flow) => flow.cwnd.slice(FROM)),
    reductions: series.flows.map((flow) => flow.reductions.slice(FROM)),
    arrivalDropRate: (refused - countsBefore.refused) / (arrived - countsBefore.arrived),
  };
}

/** Starts that differ, drawn from the seed. */
function starts(count: number, seed: number): number[] {
  const prng = scenarioChance(seed);
  return Array.from({ length: count }, () => Math.round(prng.nextUnit() * 2 * SECOND));
}

export function renoFlows(count: number, rttMs: number, seed: number, ecn = false): FlowSpec[] {
  return starts(count, seed).map((startNs, i) =>
    tcp(`tcp ${i}`, rttMs * MS, { startNs, options: { ...RENO, ecn } }),
  );
}

export const averaged = (all: readonly Measured[]): Measured =>
  Object.fromEntries(
    Object.keys(all[0] ?? {}).map((name) => [name, sum(all.map((one) => one[name])) / all.length]),
  );
