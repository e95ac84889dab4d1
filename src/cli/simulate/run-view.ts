/** A run taken to its end, sample by sample, and everything that its table and its pictures need. */
import { HISTOGRAM_BINS } from '../../base/histogram.ts';
import { toBitsPerSec } from '../../base/units.ts';
import { withChildren } from '../../core/packets/stats.ts';
import type { SimulatedClass, SimulateReport } from '../../sim/report/report.ts';
import type { ClassSeries, Series } from '../../sim/report/series.ts';
import type { Simulation } from '../../sim/simulation.ts';
import type { QueueSpec } from '../../spec/spec.ts';

/** Points of every curve: more than a picture of half a page has room for. */
export const SAMPLES = 300;

/** Packets. A parent's include its children's. */
export interface DropReasons {
  readonly tail: number;
  readonly early: number;
  readonly police: number;
  readonly aqm: number;
}

export interface RedView {
  readonly gentle: boolean;
  /** One of RED, one for each profile of weighted RED. */
  readonly thresholds: readonly { readonly minBytes: number; readonly maxBytes: number }[];
  /** At every sample's instant. */
  readonly averageBytes: Float64Array;
}

export interface ClassView {
  readonly path: string;
  /** Path of the direction it belongs to, "wan/up". */
  readonly directionPath: string;
  readonly isLeaf: boolean;
  readonly ceilBitsPerSecond: number;
  readonly report: SimulatedClass;
  readonly drops: DropReasons;
  /** Packets by microseconds in the class, HISTOGRAM_BINS; of leaves only. */
  readonly delayCounts: Float64Array;
  /** Null for a class with children. */
  readonly series: ClassSeries | null;
  /** Null where RED, adaptive or weighted RED is not configured. */
  readonly red: RedView | null;
}

export interface RunView {
  /** The configuration file. */
  readonly configuration: string;
  readonly report: SimulateReport;
  readonly series: Series;
  /** In the order of the report. */
  readonly classes: readonly ClassView[];
}

/** Runs to the end; `onSample` is told the share that is done, 0..1. */
export function takeRun(
  run: Simulation,
  configuration: string,
  onSample: (done: number) => void = () => {},
): RunView {
  const { engine } = run.world;
  const averages = engine.classes.map(({ spec }) => (redOf(spec.queue) ? new Float64Array(SAMPLES) : null));
  for (let at = 0, isMore = true; isMore; at++) {
    isMore = run.step();
    for (const [row, average] of averages.entries()) {
      if (average) average[at] = engine.redAverageBytes(row, run.world.nowNs);
    }
    onSample((at + 1) / SAMPLES);
  }
  const { report, series } = run.result();
  const sums = withChildren(engine.stats, engine.classes);
  const classes = engine.classes.map((info, row): ClassView => {
    const red = redOf(info.spec.queue);
    const averageBytes = averages[row];
    return {
      path: info.path,
      directionPath: engine.classes[info.root].path,
      isLeaf: info.children.length === 0,
      ceilBitsPerSecond: toBitsPerSec(info.spec.ceilBytesPerSec),
      report: report.classes[row],
      drops: {
        tail: sums.dropTail[row],
        early: sums.dropEarly[row],
        police: sums.dropPolice[row],
        aqm: sums.dropAqm[row],
      },
      delayCounts: engine.stats.delay.subarray(row * HISTOGRAM_BINS, (row + 1) * HISTOGRAM_BINS),
      series: series.classes.find(({ path }) => path === info.path) ?? null,
      red: red && averageBytes ? { ...red, averageBytes } : null,
    };
  });
  return { configuration, report, series, classes };
}

function redOf(queue: QueueSpec | null): Omit<RedView, 'averageBytes'> | null {
  if (queue?.aqm.kind === 'red') return { gentle: queue.aqm.red.gentle, thresholds: [queue.aqm.red] };
  if (queue?.aqm.kind === 'wred')
    return { gentle: queue.aqm.wred.gentle, thresholds: queue.aqm.wred.profiles };
  return null;
}

/** The leaves of a direction that had anything to do. */
export function leavesOf(run: RunView, directionPath: string): ClassView[] {
  return run.classes.filter(
    ({ isLeaf, directionPath: own, report }) =>
      isLeaf && own === directionPath && report.throughputBitsPerSecond + report.dropped > 0,
  );
}

/** Without link and direction, under whose heading it stands. */
export function shortName(path: string): string {
  return path.split('/').slice(2).join('/') || path;
}
