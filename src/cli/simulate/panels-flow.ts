/** Panels with one row per flow: its throughput and how long its packets waited. */
import { formatBitsPerSecShort } from '../../base/units.ts';
import { linearAxis, logAxis, rateUnit } from '../../charts/axis.ts';
import { barMark, type Row, rangeMark, rowChart } from '../../charts/row-chart.ts';
import type { SimulatedFlow } from '../../sim/report/report.ts';
import { flowTitle, millisecondsText } from './columns.ts';
import { chooseFlows, type FlowPair } from './flow-choice.ts';
import type { Panel } from './panel.ts';
import type { RunView } from './run-view.ts';

/** Number of rows for which a picture has room. */
const ROWS_MAX = 16;
const DELAY_MIN_MS = 0.1;

export function flowPanels(runs: readonly RunView[]): Panel[] {
  const { shown, others } = chooseFlows(runs, ROWS_MAX);
  if (shown.length === 0) return [];
  const chosen = others.length > 0 ? `; the largest and some of the ${others.length} others` : '';
  return [throughputPanel(runs, shown, chosen), delayPanel(runs, shown, chosen)];
}

/** Puts the same flows into the same rows in every run. */
function rowsOf(
  pairs: readonly FlowPair[],
  r: number,
  rowOf: (flow: SimulatedFlow) => Omit<Row, 'name'>,
): Row[] {
  return pairs.map((pair) => {
    const flow = pair[r];
    const name = flowTitle(pair.find((one) => one !== null) as SimulatedFlow);
    return flow ? { name, ...rowOf(flow) } : { name, value: '–', mark: () => '' };
  });
}

function throughputPanel(runs: readonly RunView[], shown: readonly FlowPair[], chosen: string): Panel {
  const top = Math.max(...shown.flat().map((flow) => flow?.throughputBitsPerSecond ?? 0));
  const unit = rateUnit(top);
  const axis = linearAxis(top / unit.factor, unit.name, 'tick');
  const figures = runs.map((run, r) =>
    rowChart(
      axis,
      `${run.configuration}: throughput of the flows`,
      rowsOf(shown, r, ({ throughputBitsPerSecond: bits }) => ({
        value: formatBitsPerSecShort(bits),
        mark: (place) => barMark(place, axis, bits / unit.factor),
      })),
    ),
  );
  return {
    title: 'Throughput by flow',
    about: `IP bits that arrived, mean of the run${chosen}`,
    legend: [],
    figures,
  };
}

function delayPanel(runs: readonly RunView[], shown: readonly FlowPair[], chosen: string): Panel {
  const top = Math.max(1, ...shown.flat().map((flow) => flow?.delayMilliseconds.max ?? 0));
  const axis = logAxis(DELAY_MIN_MS, top, 'ms, logarithmic');
  const figures = runs.map((run, r) =>
    rowChart(
      axis,
      `${run.configuration}: delay of the flows`,
      rowsOf(shown, r, ({ delayMilliseconds: { p50, p99, max } }) => ({
        value: millisecondsText(p99),
        mark: (place) => rangeMark(place, axis, p50, p99, max),
      })),
    ),
  );
  return {
    title: 'Queueing delay by flow',
    about: `in all queues on the way: bar from median to 99 %, line to the longest, 99 % as number${chosen}`,
    legend: [],
    figures,
  };
}
