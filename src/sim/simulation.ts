/**
 * Runs a scenario or a capture against a specification and says what happened.
 *
 *   const { report, series } = runScenario(spec, 'game-beside-download', 1);
 *
 * Long runs can be taken in steps, one per sample, so that the caller can show progress or end early:
 *
 *   const run = prepareScenario(spec, scenario, seed);
 *   while (run.step()) await somethingElse();
 *   const { report } = run.result();
 */
import { NONE } from '../base/none.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import { IPPROTO_TCP } from './packets/packets.ts';
import { type ReportSubject, type SimulateReport, simulateReport } from './report/report.ts';
import { type Series, SeriesRecorder } from './report/series.ts';
import { findScenario, SCENARIO_NAMES } from './scenarios/index.ts';
import { buildWorld } from './traffic/build.ts';
import { bottleneckOf } from './traffic/layout.ts';
import type { Bottleneck, Scenario, Traffic } from './traffic/traffic.ts';
import type { World } from './world/world.ts';

export interface RunOptions {
  /** Default: the scenario's. */
  readonly durationNs?: number;
  /** Samples of the time series, default 240. */
  readonly samples?: number;
  /** Default: as the live program. */
  readonly releaseSlackNs?: number;
  /** By how much the engine is woken late; default 0. */
  readonly timerLatenessNs?: number;
  /** What the scenario is made for; default: the specification's. Another's, to compare both under the same traffic. */
  readonly bottleneck?: Bottleneck;
}

export interface SimulationResult {
  readonly report: SimulateReport;
  readonly series: Series;
}

const SAMPLES = 240;
/** How long a run that is to end empty may go on. */
const DRAIN_NS_MAX = 3600e9;

/** A run that is going on. */
export class Simulation {
  readonly world: World;
  private readonly durationNs: number;
  private readonly samples: number;
  private readonly subject: ReportSubject;
  private readonly recorder: SeriesRecorder;
  private readonly drains: boolean;
  private taken = 0;

  /** `drains`: at the end, wait until no packet is under way. */
  constructor(
    world: World,
    durationNs: number,
    subject: ReportSubject,
    options: RunOptions & { readonly drains?: boolean },
  ) {
    this.world = world;
    this.durationNs = durationNs;
    this.samples = options.samples ?? SAMPLES;
    this.subject = subject;
    this.recorder = new SeriesRecorder(world, this.samples);
    this.drains = options.drains ?? false;
  }

  /** Runs to the next sample; false when the end has been reached. */
  step(): boolean {
    if (this.taken === this.samples) return false;
    this.taken++;
    this.world.runUntil((this.durationNs * this.taken) / this.samples);
    if (this.taken === this.samples && this.drains) this.drain();
    this.recorder.sample();
    return this.taken < this.samples;
  }

  /** To the verdict of the last packet. */
  private drain(): void {
    const { world } = this;
    const lastNs = world.nowNs + DRAIN_NS_MAX;
    while (world.packets.size > 0 && world.nextNs() <= lastNs) world.runUntil(world.nextNs());
  }

  /** Of what has happened so far. */
  result(): SimulationResult {
    return { report: simulateReport(this.world, this.subject), series: this.recorder.series };
  }
}

/** @throws RangeError for an unknown scenario, or a specification without links */
export function prepareScenario(
  spec: ShaperSpec,
  scenario: Scenario | string,
  seed: number,
  options: RunOptions = {},
): Simulation {
  const found = typeof scenario === 'string' ? findScenario(scenario) : scenario;
  if (!found) throw new RangeError(`no scenario ${scenario}; there are ${SCENARIO_NAMES.join(', ')}`);
  const traffic = found.build(seed, options.bottleneck ?? bottleneckOf(spec));
  return prepareTraffic(spec, traffic, found.name, seed, options);
}

/** The same for traffic of one's own. */
export function prepareTraffic(
  spec: ShaperSpec,
  traffic: Traffic,
  name: string,
  seed: number,
  options: RunOptions = {},
): Simulation {
  const durationNs = options.durationNs ?? traffic.durationNs;
  const world = buildWorld(spec, { ...traffic, durationNs }, { ...options, seed });
  const protocols = Array<number>(world.meter.rows).fill(NONE);
  for (const [f, { source }] of traffic.flows.entries())
    protocols[world.meter.rowOf[f]] = 'protocol' in source ? source.protocol : IPPROTO_TCP;
  return new Simulation(world, durationNs, { scenario: name, seed, unparsed: 0, protocols }, options);
}

export function runScenario(
  spec: ShaperSpec,
  scenario: Scenario | string,
  seed: number,
  options: RunOptions = {},
): SimulationResult {
  return finish(prepareScenario(spec, scenario, seed, options));
}

export function runTraffic(
  spec: ShaperSpec,
  traffic: Traffic,
  name: string,
  seed: number,
  options: RunOptions = {},
): SimulationResult {
  return finish(prepareTraffic(spec, traffic, name, seed, options));
}

export function finish(run: Simulation): SimulationResult {
  while (run.step()) {
    // Every step is a sample.
  }
  return run.result();
}
