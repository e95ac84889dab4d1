/** Takes a run to its end sample by sample, and keeps everything that tables and pictures need. */
import { HISTOGRAM_BINS } from '../../base/histogram.ts';
import { toBitsPerSecOrNull } from '../../base/units.ts';
import { withChildren } from '../../core/packets/stats.ts';
import type { ModuleResult } from '../../sim/modules/world-modules.ts';
import type { SimulatedClass, SimulateReport } from '../../sim/report/report.ts';
import type { ClassSeries, Series } from '../../sim/report/series.ts';
import type { Simulation } from '../../sim/simulation.ts';
import type { QueueSpec } from '../../spec/spec.ts';
import type { QuotaView } from './quota-view.ts';

/** Points of every curve: more than a picture of half a page can show. */
export const SAMPLES = 300;

/** Packets by reason of the drop. A parent's counts include those of its children. */
export interface DropReasons {
  readonly tail: number;
  readonly early: number;
  readonly police: number;
  readonly aqm: number;
  readonly module: number;
}

export interface RedView {
  readonly gentle: boolean;
  /** The thresholds of RED, or those of each profile of weighted RED. */
  readonly thresholds: readonly { readonly minBytes: number; readonly maxBytes: number }[];
  /** RED's average queue at the instant of every sample, in bytes. */
  readonly averageBytes: Float64Array;
}

export interface ClassView {
  readonly path: string;
  /** Path of the class's direction, such as "wan/up". */
  readonly directionPath: string;
  readonly isLeaf: boolean;
  /** null: not limited. */
  readonly ceilBitsPerSecond: number | null;
  readonly report: SimulatedClass;
  readonly drops: DropReasons;
  /** Histogram of the microseconds that packets spent in the class (HISTOGRAM_BINS bins). Leaves only. */
  readonly delayCounts: Float64Array;
  /** Null for an inner class. */
  readonly series: ClassSeries | null;
  /** Null if neither RED nor weighted RED is configured. */
  readonly red: RedView | null;
}

export interface RunView {
  /** The configuration file. */
  readonly configuration: string;
  readonly report: SimulateReport;
  readonly series: Series;
  /** Classes in the order of the report. */
  readonly classes: readonly ClassView[];
  /** null: the configuration has no quotas. */
  readonly quotas: QuotaView | null;
  /** In the order in which packets passed them. */
  readonly modules: readonly ModuleResult[];
}

/** Runs to the end. `onSample` gets the share of the run that is over, 0 to 1. */
export async function takeRun(
  run: Simulation,
  configuration: string,
  onSample: (done: number) => void = () => {},
): Promise<RunView> {
  const { engine } = run.world;
  const averages = engine.classes.map(({ spec }) => (redOf(spec.queue) ? new Float64Array(SAMPLES) : null));
  for (let at = 0, isMore = true; isMore; at++) {
    isMore = run.hasModules ? await run.stepWithModules(settled) : run.step();
    for (const [row, average] of averages.entries()) {
      if (average) average[at] = engine.stages.admission.averageBytes(row, run.world.nowNs);
    }
    onSample((at + 1) / SAMPLES);
  }
  const { report, series, quotas, modules } = run.result();
  const sums = withChildren(engine.stats, engine.classes);
  const classes = engine.classes.map((info, row): ClassView => {
    const red = redOf(info.spec.queue);
    const averageBytes = averages[row];
    return {
      path: info.path,
      directionPath: engine.classes[info.root].path,
      isLeaf: info.children.length === 0,
      ceilBitsPerSecond: toBitsPerSecOrNull(info.spec.ceilBytesPerSec),
      report: report.classes[row],
      drops: {
        tail: sums.dropTail[row],
        early: sums.dropEarly[row],
        police: sums.dropPolice[row],
        aqm: sums.dropAqm[row],
        module: sums.dropModule[row],
      },
      delayCounts: engine.stats.delay.subarray(row * HISTOGRAM_BINS, (row + 1) * HISTOGRAM_BINS),
      series: series.classes.find(({ path }) => path === info.path) ?? null,
      red: red && averageBytes ? { ...red, averageBytes } : null,
    };
  });
  const instant = (ns: number): string => `${(ns / 1e9).toFixed(2)} s`;
  const view = quotas === null ? null : { ...quotas, instant };
  return { configuration, report, series, classes, quotas: view, modules };
}

/** When all that waits for a promise has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function redOf(queue: QueueSpec | null): Omit<RedView, 'averageBytes'> | null {
  if (queue?.aqm.kind === 'red') return { gentle: queue.aqm.red.gentle, thresholds: [queue.aqm.red] };
  if (queue?.aqm.kind === 'wred')
    return { gentle: queue.aqm.wred.gentle, thresholds: queue.aqm.wred.profiles };
  return null;
}

/** The leaves of a direction that sent or dropped packets. */
export function leavesOf(run: RunView, directionPath: string): ClassView[] {
  return run.classes.filter(
    ({ isLeaf, directionPath: own, report }) =>
      isLeaf && own === directionPath && report.throughputBitsPerSecond + report.dropped > 0,
  );
}

/** The path without link and direction, for use under a heading that names them. */
export function shortName(path: string): string {
  return path.split('/').slice(2).join('/') || path;
}
