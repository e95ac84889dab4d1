/**
 * Runs a scenario or a capture against a specification and reports what happened.
 *
 *   const { report, series } = runScenario(spec, 'game-beside-download', 1);
 *
 * A long run can be taken in steps, one per sample, so that the caller can show progress or end early:
 *
 *   const run = prepareScenario(spec, scenario, seed);
 *   while (run.step()) await somethingElse();
 *   const { report } = run.result();
 */
import { NONE } from '../base/none.ts';
import { IPPROTO_TCP } from '../packet/tcp-header.ts';
import type { ShaperSpec } from '../spec/spec.ts';
import {
  type ModuleResult,
  type ModulesOptions,
  modulesOf,
  type WorldModules,
  withModules,
} from './modules/world-modules.ts';
import { QUOTA_TICK_NS, type QuotaResult, quotasOf, type WorldQuotas } from './quotas/world-quotas.ts';
import { type ReportSubject, type SimulateReport, simulateReport } from './report/report.ts';
import { type Series, SeriesRecorder } from './report/series.ts';
import { findScenario, SCENARIO_NAMES } from './scenarios/index.ts';
import { buildWorld } from './traffic/build.ts';
import { addressInside } from './traffic/inside.ts';
import { bottleneckOf } from './traffic/layout.ts';
import type { Scenario, Traffic } from './traffic/traffic.ts';
import type { World } from './world/world.ts';

export interface RunOptions {
  /** Defaults to the scenario's duration. */
  readonly durationNs?: number;
  /** Number of samples in the time series; 240 by default. */
  readonly samples?: number;
  /** Defaults to the slack of the live program. */
  readonly releaseSlackNs?: number;
  /** Time by which the engine is woken late; 0 by default. */
  readonly timerLatenessNs?: number;
  /**
   * The specification for whose rates and addresses the traffic is made; by default the one that shapes.
   * Another's compares both under equal traffic.
   */
  readonly reference?: ShaperSpec;
  /** Modules that are on. */
  readonly modules?: ModulesOptions;
  /** Windows and limits of quotas are divided by this, so that days of them pass in minutes; default 1. */
  readonly quotaSpeed?: number;
}

export interface SimulationResult {
  readonly report: SimulateReport;
  readonly series: Series;
  /** null: the specification has no quotas. */
  readonly quotas: QuotaResult | null;
  /** In the order in which packets passed them. */
  readonly modules: readonly ModuleResult[];
}

const SAMPLES = 240;
/** A run that drains goes on for at most this long. */
export const DRAIN_NS_MAX = 3600e9;

interface RunParts {
  readonly drains?: boolean;
  readonly quotas: WorldQuotas | null;
  readonly modules: WorldModules | null;
}

/** A run in progress. */
export class Simulation {
  readonly world: World;
  private readonly durationNs: number;
  private readonly samples: number;
  private readonly subject: ReportSubject;
  private readonly recorder: SeriesRecorder;
  private readonly drains: boolean;
  private readonly quotas: WorldQuotas | null;
  private readonly modules: WorldModules | null;
  private nextTickNs = QUOTA_TICK_NS;
  private taken = 0;

  /** With `drains` the run goes on at its end until no packet is under way. */
  constructor(
    world: World,
    durationNs: number,
    subject: ReportSubject,
    options: Omit<RunOptions, 'modules'> & RunParts,
  ) {
    this.world = world;
    this.modules = options.modules;
    this.quotas = options.quotas;
    this.durationNs = durationNs;
    this.samples = options.samples ?? SAMPLES;
    this.subject = subject;
    this.recorder = new SeriesRecorder(world, this.samples);
    this.drains = options.drains ?? false;
  }

  get hasModules(): boolean {
    return this.modules !== null;
  }

  /** Runs to the next sample. Returns false at the end of the run. */
  step(): boolean {
    const way = this.way();
    while (way.next().done !== true) {
      // What modules do when a promise was kept is done when the caller returns.
    }
    return this.taken < this.samples;
  }

  /**
   * The same; modules go on at the instant at which a promise of theirs was kept. `settle` lets them do
   * it.
   */
  async stepWithModules(settle: () => Promise<void>): Promise<boolean> {
    for (const _ of this.way()) await settle();
    return this.taken < this.samples;
  }

  /** The way to the next sample, with a pause after each promise that was kept. */
  private *way(): Generator<void> {
    if (this.taken === this.samples) return;
    this.taken++;
    // The last instant exactly: (durationNs * samples) / samples may round to an instant before it.
    const isLast = this.taken === this.samples;
    yield* this.wayUntil(isLast ? this.durationNs : (this.durationNs * this.taken) / this.samples);
    if (isLast && this.drains) yield* this.drain();
    this.recorder.sample();
  }

  private *wayUntil(untilNs: number): Generator<void> {
    const { world } = this;
    for (; this.quotas !== null && this.nextTickNs <= untilNs; this.nextTickNs += QUOTA_TICK_NS) {
      while (!world.runUntilPromise(this.nextTickNs)) yield;
      this.quotas.tick(this.nextTickNs, this.modules);
    }
    while (!world.runUntilPromise(untilNs)) yield;
  }

  /** Runs until the last packet has its verdict. */
  private *drain(): Generator<void> {
    const { world } = this;
    const lastNs = world.nowNs + DRAIN_NS_MAX;
    while (world.packets.size > 0 && world.nextNs() <= lastNs) yield* this.wayUntil(world.nextNs());
  }

  /** The report of everything so far. */
  result(): SimulationResult {
    const quotas = this.quotas?.result(this.world.nowNs) ?? null;
    const report = simulateReport(this.world, this.subject);
    return { report, series: this.recorder.series, quotas, modules: this.modules?.end() ?? [] };
  }
}

/** Throws RangeError if the scenario is unknown or the specification has no links. */
export function prepareScenario(
  spec: ShaperSpec,
  scenario: Scenario | string,
  seed: number,
  options: RunOptions = {},
): Simulation {
  const found = typeof scenario === 'string' ? findScenario(scenario) : scenario;
  if (!found) throw new RangeError(`no scenario ${scenario}; there are ${SCENARIO_NAMES.join(', ')}`);
  const reference = options.reference ?? spec;
  const traffic = addressInside(found.build(seed, bottleneckOf(reference)), reference);
  return prepareTraffic(spec, traffic, found.name, seed, options);
}

/** The same for a plan of traffic that the caller made. */
export function prepareTraffic(
  spec: ShaperSpec,
  traffic: Traffic,
  name: string,
  seed: number,
  options: RunOptions = {},
): Simulation {
  const durationNs = options.durationNs ?? traffic.durationNs;
  const bottleneck = bottleneckOf(options.reference ?? spec);
  const met = withModules(spec, options.modules);
  const world = buildWorld(
    met,
    { ...traffic, durationNs },
    {
      ...options,
      ...{ bottleneck, seed, guard: options.modules?.guard },
    },
  );
  const protocols = Array<number>(world.meter.rows).fill(NONE);
  for (const [f, { source }] of traffic.flows.entries())
    protocols[world.meter.rowOf[f]] = 'protocol' in source ? source.protocol : IPPROTO_TCP;
  const flowsOf = Array<number>(world.meter.rows).fill(0);
  for (const row of world.meter.rowOf) flowsOf[row] += 1;
  const subject = {
    scenario: name,
    seed,
    unparsed: 0,
    neverQueued: 0,
    activeNs: null,
    lastNs: 0,
    protocols,
    flowsOf,
  };
  const quotas = quotasOf(world, spec, options.quotaSpeed, traffic.hosts);
  const modules = modulesOf(world, options.modules);
  return new Simulation(world, durationNs, subject, { ...options, quotas, modules });
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
