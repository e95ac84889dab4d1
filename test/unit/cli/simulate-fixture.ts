/** Two small runs made by hand: what they render to does not depend on the engine. */
import { HISTOGRAM_BINS, histogramBin } from '../../../src/base/histogram.ts';
import type { ClassView, DropReasons, RunView } from '../../../src/cli/simulate/run-view.ts';
import type { SimulatedFlow } from '../../../src/sim/report/report.ts';
import type { ClassSeries } from '../../../src/sim/report/series.ts';

const NO_DROPS: DropReasons = { tail: 0, early: 0, police: 0, aqm: 0, module: 0 };
const column = (...values: number[]): Float64Array => Float64Array.from(values);
const NOTHING = column(0, 0, 0, 0);

function leafSeries(path: string, more: Partial<ClassSeries>): ClassSeries {
  return {
    path,
    throughputBitsPerSecond: NOTHING,
    delayP50Milliseconds: NOTHING,
    delayP99Milliseconds: NOTHING,
    dropped: { tail: NOTHING, early: NOTHING, police: NOTHING, aqm: NOTHING, module: NOTHING },
    marked: NOTHING,
    backlogBytes: NOTHING,
    ...more,
  };
}

function classView(path: string, bits: number, p99: number, more: Partial<ClassView> = {}): ClassView {
  const drops = more.drops ?? NO_DROPS;
  const dropped = drops.tail + drops.early + drops.police + drops.aqm;
  const delayCounts = new Float64Array(HISTOGRAM_BINS);
  delayCounts[histogramBin(1000 * p99)] = 100;
  return {
    path,
    directionPath: path.split('/').slice(0, 2).join('/'),
    isLeaf: true,
    ceilBitsPerSecond: 8e6,
    report: {
      path,
      sent: { packets: 100, bytes: 100_000 },
      throughputBitsPerSecond: bits,
      dropped,
      marked: 0,
      delayMilliseconds: { p50: p99 / 2, p99, max: 2 * p99 },
    },
    drops,
    delayCounts,
    series: null,
    red: null,
    ...more,
  };
}

export function flow(name: string, bits: number, more: Partial<SimulatedFlow> = {}): SimulatedFlow {
  return {
    name,
    protocol: 'tcp',
    delivered: { packets: 100, bytes: 100_000 },
    throughputBitsPerSecond: bits,
    dropped: 0,
    retransmits: 0,
    delayMilliseconds: { p50: 1, p99: 2, max: 4 },
    count: 1,
    goodputBitsPerSecond: bits,
    timeouts: 0,
    marked: 0,
    completions: null,
    ...more,
  };
}

/** `name` gets into everything that is shown. */
export function runView(
  name: string,
  more: { hasRed?: boolean; flows?: readonly SimulatedFlow[] } = {},
): RunView {
  const bulkDrops = more.hasRed ? { ...NO_DROPS, early: 7 } : { ...NO_DROPS, tail: 7 };
  const bulk = classView('wan/up/bulk', 6e6, 40, {
    drops: bulkDrops,
    series: leafSeries('wan/up/bulk', {
      throughputBitsPerSecond: column(0, 8e6, 8e6, 8e6),
      delayP50Milliseconds: column(0, 20, 20, 20),
      delayP99Milliseconds: column(0, 20, 40, 40),
      dropped: {
        tail: more.hasRed ? NOTHING : column(0, 0, 3, 4),
        early: more.hasRed ? column(0, 0, 3, 4) : NOTHING,
        police: NOTHING,
        aqm: NOTHING,
        module: NOTHING,
      },
      backlogBytes: column(0, 20e3, 40e3, 40e3),
    }),
    red: more.hasRed
      ? {
          gentle: true,
          thresholds: [{ minBytes: 10e3, maxBytes: 30e3 }],
          averageBytes: column(0, 5e3, 15e3, 20e3),
        }
      : null,
  });
  const call = classView('wan/up/call', 80e3, 0.5, {
    series: leafSeries('wan/up/call', {
      throughputBitsPerSecond: column(80e3, 80e3, 80e3, 80e3),
      delayP50Milliseconds: column(0.2, 0.2, 0.2, 0.2),
      delayP99Milliseconds: column(0.5, 0.5, 0.5, 0.5),
    }),
  });
  const idle = classView('wan/up/idle', 0, 0, { series: leafSeries('wan/up/idle', {}) });
  const root = classView('wan/up', 6.08e6, 40, { isLeaf: false, drops: bulkDrops });
  const classes = [root, call, bulk, idle];
  const count = (packets: number): { packets: number; bytes: number } => ({ packets, bytes: 1000 * packets });
  return {
    configuration: name,
    quotas: null,
    modules: [],
    report: {
      scenario: name,
      seed: 5,
      durationSeconds: 4,
      activeSeconds: 4,
      traceHash: '0123456789abcdef',
      totals: {
        received: count(1000),
        accepted: count(990),
        dropped: count(7),
        held: count(3),
        kernel: { queueFull: 0, socketFull: 0, lost: 0 },
        unparsed: 0,
        neverQueued: 0,
      },
      classes: classes.map(({ report }) => report),
      flows: more.flows ?? [
        flow(`${name} load`, 6e6, { dropped: 7, retransmits: 9, count: 2 }),
        flow('call', 80e3, {
          protocol: 'udp',
          completions: {
            count: 3,
            meanMilliseconds: 12,
            p50Milliseconds: 10,
            p95Milliseconds: 20,
            p99Milliseconds: 20,
          },
        }),
      ],
    },
    series: {
      timesSeconds: column(1, 2, 3, 4),
      classes: classes.flatMap(({ series }) => series ?? []),
      flows: [
        {
          name: `${name} load`,
          cwnd: column(10, 20, 10, 20),
          reductions: NOTHING,
          throughputBitsPerSecond: column(0, 8e6, 8e6, 8e6),
        },
      ],
    },
    classes,
  };
}
