/** A run over time: a fixed number of evenly spread samples, for plots and for tests of shapes. */
import { HISTOGRAM_BINS, histogramPercentile } from '../../base/histogram.ts';
import type { World } from '../world/world.ts';

export interface ClassSeries {
  readonly path: string;
  /** Mean throughput since the sample before, in IP bits per second. */
  readonly throughputBitsPerSecond: Float64Array;
  /** Delay of packets that left since the sample before; 0 if none left. */
  readonly delayP50Milliseconds: Float64Array;
  readonly delayP99Milliseconds: Float64Array;
  /** Packets dropped since the sample before, by reason. */
  readonly dropped: {
    readonly tail: Float64Array;
    readonly early: Float64Array;
    readonly police: Float64Array;
    readonly aqm: Float64Array;
    readonly module: Float64Array;
  };
  /** Packets marked since the sample before. */
  readonly marked: Float64Array;
  /** Backlog at the sample's instant. */
  readonly backlogBytes: Float64Array;
}

export interface FlowSeries {
  readonly name: string;
  /** Congestion window in segments at the sample's instant; 0 before the connection is open. */
  readonly cwnd: Float64Array;
  /** Window reductions since the sample before. */
  readonly reductions: Float64Array;
  readonly throughputBitsPerSecond: Float64Array;
}

export interface Series {
  /** Instants of the samples: each ends the span that its sample describes. */
  readonly timesSeconds: Float64Array;
  /** Leaf classes in the order of `engine.classes`. */
  readonly classes: readonly ClassSeries[];
  /** The first CWND_FLOWS_MAX TCP flows that have a name of their own. */
  readonly flows: readonly FlowSeries[];
}

/** Number of flows whose window is recorded. */
export const CWND_FLOWS_MAX = 64;

const CLASS_COUNTERS = 7;

export class SeriesRecorder {
  readonly series: Series;
  private readonly world: World;
  private readonly samples: number;
  private readonly rows: readonly number[];
  private readonly flowRows: readonly number[];
  private readonly delayBefore: Float64Array;
  private readonly delaySince = new Float64Array(HISTOGRAM_BINS);
  /** Counters as of the sample before: CLASS_COUNTERS per class, two per flow. */
  private readonly classBefore: Float64Array;
  private readonly flowBefore: Float64Array;
  private taken = 0;
  private lastNs = 0;

  constructor(world: World, samples: number) {
    const { engine, meter } = world;
    const column = (): Float64Array => new Float64Array(samples);
    this.world = world;
    this.samples = samples;
    this.rows = engine.classes.flatMap((info, row) => (info.children.length === 0 ? [row] : []));
    this.flowRows = followedFlows(world);
    this.delayBefore = new Float64Array(engine.stats.delay.length);
    this.classBefore = new Float64Array(CLASS_COUNTERS * engine.classes.length);
    this.flowBefore = new Float64Array(2 * meter.rows);
    this.series = {
      timesSeconds: column(),
      classes: this.rows.map((row) => ({
        path: engine.classes[row].path,
        throughputBitsPerSecond: column(),
        delayP50Milliseconds: column(),
        delayP99Milliseconds: column(),
        dropped: { tail: column(), early: column(), police: column(), aqm: column(), module: column() },
        marked: column(),
        backlogBytes: column(),
      })),
      flows: this.flowRows.map((f) => ({
        name: meter.names[meter.rowOf[f]],
        cwnd: column(),
        reductions: column(),
        throughputBitsPerSecond: column(),
      })),
    };
  }

  /**
   * Takes the next sample at the world's present instant. Samples beyond the announced number are ignored.
   */
  sample(): void {
    if (this.taken === this.samples) return;
    const at = this.taken++;
    const { nowNs } = this.world;
    const spanSec = (nowNs - this.lastNs) / 1e9;
    this.lastNs = nowNs;
    this.series.timesSeconds[at] = nowNs / 1e9;
    for (const [i, row] of this.rows.entries()) this.sampleClass(this.series.classes[i], row, at, spanSec);
    for (const [i, f] of this.flowRows.entries()) this.sampleFlow(this.series.flows[i], f, at, spanSec);
  }

  private sampleClass(to: ClassSeries, row: number, at: number, spanSec: number): void {
    const { stats } = this.world.engine;
    const before = CLASS_COUNTERS * row;
    const since = (n: number, value: number): number => {
      const difference = value - this.classBefore[before + n];
      this.classBefore[before + n] = value;
      return difference;
    };
    const sentBytes = since(0, stats.sentBytes[row]);
    to.throughputBitsPerSecond[at] = spanSec > 0 ? (8 * sentBytes) / spanSec : 0;
    to.dropped.tail[at] = since(1, stats.dropTail[row]);
    to.dropped.early[at] = since(2, stats.dropEarly[row]);
    to.dropped.police[at] = since(3, stats.dropPolice[row]);
    to.dropped.aqm[at] = since(4, stats.dropAqm[row]);
    to.marked[at] = since(5, stats.marked[row]);
    to.dropped.module[at] = since(6, stats.dropModule[row]);
    to.backlogBytes[at] = stats.backlogBytes[row];
    const first = row * HISTOGRAM_BINS;
    for (let b = 0; b < HISTOGRAM_BINS; b++) {
      this.delaySince[b] = stats.delay[first + b] - this.delayBefore[first + b];
      this.delayBefore[first + b] = stats.delay[first + b];
    }
    to.delayP50Milliseconds[at] = histogramPercentile(this.delaySince, 0, 0.5) / 1e3;
    to.delayP99Milliseconds[at] = histogramPercentile(this.delaySince, 0, 0.99) / 1e3;
  }

  private sampleFlow(to: FlowSeries, f: number, at: number, spanSec: number): void {
    const { meter, congestion } = this.world;
    const row = meter.rowOf[f];
    to.cwnd[at] = congestion.cwnd[f];
    to.reductions[at] = meter.reductions[row] - this.flowBefore[2 * row];
    this.flowBefore[2 * row] = meter.reductions[row];
    const bytes = meter.deliveredBytes[row] - this.flowBefore[2 * row + 1];
    this.flowBefore[2 * row + 1] = meter.deliveredBytes[row];
    to.throughputBitsPerSecond[at] = spanSec > 0 ? (8 * bytes) / spanSec : 0;
  }
}

/** TCP flows that share their name with no other flow. */
function followedFlows(world: World): number[] {
  const { meter } = world;
  const flowsOfRow = new Int32Array(meter.rows);
  for (const row of meter.rowOf) flowsOfRow[row] += 1;
  return world.flows
    .flatMap((flow, f) => (flow.sender !== null && flowsOfRow[meter.rowOf[f]] === 1 ? [f] : []))
    .slice(0, CWND_FLOWS_MAX);
}
