/**
 * The text that `simulate` prints: totals, tables of classes and flows, small plots. Two runs are shown line
 * by line.
 */
import { formatBitsPerSecShort, formatBytesShort } from '../../base/units.ts';
import { pairUp } from '../../charts/palette.ts';
import { type Fold, sparkline, sparklineTop } from '../../charts/sparkline.ts';
import type { PacketCount, SimulatedFlow } from '../../sim/report/report.ts';
import type { Question } from '../../sim/traffic/traffic.ts';
import {
  CLASS_COLUMNS,
  type Column,
  droppedOutside,
  FLOW_COLUMNS,
  flowTitle,
  MODULE_COLUMNS,
  millisecondsText,
  usedColumns,
} from './columns.ts';
import { comparison, RUN_NAMES } from './comparison.ts';
import { chooseFlows, type FlowChoice, type FlowPair } from './flow-choice.ts';
import { quotaTables } from './quota-view.ts';
import type { ClassView, RunView } from './run-view.ts';
import { type Cell, renderCells, type Style } from './style.ts';
import { synchronisation } from './windows.ts';

/** Number of flows that answer the scenario's question with a line of their own. */
const ANSWERS_SHOWN = 10;
/** Number of flows with a line of their own. */
const FLOWS_SHOWN = 20;
const PLOT_COLUMNS_MIN = 12;
const PLOT_COLUMNS_MAX = 50;

export interface SummaryOptions {
  readonly about: string;
  readonly question: Question | null;
  readonly style: Style;
  /** Width of the terminal. */
  readonly columns: number;
}

export function renderSummary(runs: readonly RunView[], options: SummaryOptions): string {
  const answers = chooseAnswers(runs, options.question);
  const sections = [
    heading(runs, options),
    answer(answers, runs.length, options),
    ...runs.map((run, r) => totals(run, r, runs.length, options.style)),
    comparison(runs, options.style),
    classTable(runs, options.style),
    ...runs.map((run, r) => quotaSection(run, r, runs.length, options.style)),
    moduleTable(runs, options.style),
    plots(runs, options),
    flowTable(runs, answers.shown, options.style),
    ...windowLines(runs),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function heading(runs: readonly RunView[], { about, style }: SummaryOptions): string {
  const { scenario, seed } = runs[0].report;
  return `${style.bold(scenario)}: ${about}\nseed ${seed}`;
}

/** The flows that answer the scenario's own question. */
function chooseAnswers(runs: readonly RunView[], question: Question | null): FlowChoice {
  if (question === null) return { shown: [], others: [] };
  return chooseFlows(
    onlyFlows(runs, ({ name }) => question.answeredBy.test(name)),
    ANSWERS_SHOWN,
  );
}

function onlyFlows(runs: readonly RunView[], isWanted: (flow: SimulatedFlow) => boolean): RunView[] {
  return runs.map(({ report, ...run }) => ({
    ...run,
    report: { ...report, flows: report.flows.filter(isWanted) },
  }));
}

function answer(
  { shown, others }: FlowChoice,
  runCount: number,
  { question, style }: SummaryOptions,
): string {
  if (question === null || shown.length === 0) return '';
  const rows = table('flow', FLOW_COLUMNS, shown, flowTitle, style);
  const rest = others.length > 0 ? `\n${othersText(others, runCount)}` : '';
  return `${style.bold(question.question)}\n${rows}${rest}`;
}

function totals(run: RunView, r: number, runCount: number, style: Style): string {
  const { durationSeconds, traceHash, totals: counts } = run.report;
  const { kernel, held, unparsed, neverQueued } = counts;
  const name = runCount > 1 ? `${style.runs[r](RUN_NAMES[r])}  ` : '';
  const outside = droppedOutside(run);
  const lines = [
    `${name}${style.bold(run.configuration)}: ${rounded(durationSeconds)} s in virtual time, trace ${traceHash}`,
    `received ${countText(counts.received)} = accepted ${countText(counts.accepted)}` +
      ` + dropped ${countText(counts.dropped)} + held ${countText(held)}`,
  ];
  if (kernel.queueFull > 0) lines.push(`refused by full kernel queues (nfqueue.length): ${kernel.queueFull}`);
  if (outside > kernel.queueFull)
    lines.push(`dropped by lines that nobody shapes: ${outside - kernel.queueFull}`);
  if (unparsed > 0) lines.push(`without a readable IP header, treated as unknown protocol: ${unparsed}`);
  if (neverQueued > 0)
    lines.push(`never queued, so not replayed (ARP, multicast, DHCP and the like): ${neverQueued}`);
  return lines.join('\n');
}

function countText({ packets, bytes }: PacketCount): string {
  return `${packets} (${formatBytesShort(bytes)})`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function classTable(runs: readonly RunView[], style: Style): string {
  const rows = pairUp(
    runs.map((run) => run.classes),
    ({ path }) => path,
  );
  return table('class', CLASS_COLUMNS, rows, ({ path }) => path, style);
}

function quotaSection({ quotas }: RunView, r: number, runCount: number, style: Style): string {
  if (quotas === null || quotas.totals.length === 0) return '';
  const name = runCount > 1 ? `${style.runs[r](RUN_NAMES[r])}  ` : '';
  const speed = quotas.speed === 1 ? '' : `windows and limits of quotas divided by ${quotas.speed}\n`;
  return `${name}${speed}${quotaTables(quotas, style)}`;
}

function moduleTable(runs: readonly RunView[], style: Style): string {
  const rows = pairUp(
    runs.map(({ modules }) => modules),
    ({ label }) => label,
  );
  return rows.length === 0 ? '' : table('module', MODULE_COLUMNS, rows, ({ label }) => label, style);
}

/** The flows that have no line above. */
function flowTable(runs: readonly RunView[], answers: readonly FlowPair[], style: Style): string {
  const above = new Set(answers.flat());
  const { shown, others } = chooseFlows(
    onlyFlows(runs, (flow) => !above.has(flow)),
    FLOWS_SHOWN,
  );
  if (shown.length === 0) return '';
  const rows = table(above.size > 0 ? 'other flow' : 'flow', FLOW_COLUMNS, shown, flowTitle, style);
  return others.length > 0 ? `${rows}\n${othersText(others, runs.length)}` : rows;
}

/** One line per run that sums up the flows without a line of their own. */
function othersText(rows: readonly FlowPair[], runCount: number): string {
  return Array.from({ length: runCount }, (_, r) => {
    const flows = rows.map((row) => row[r]).filter((flow) => flow !== null);
    const bits = flows.reduce((sum, flow) => sum + flow.throughputBitsPerSecond, 0);
    const worst = flows.reduce((highest, flow) => Math.max(highest, flow.delayMilliseconds.p99), 0);
    const name = runCount > 1 ? `${RUN_NAMES[r]}: ` : '';
    return (
      `${name}${flows.length} more, together ${formatBitsPerSecShort(bits)},` +
      ` highest delay p99 ${millisecondsText(worst)} (--json lists them all)`
    );
  }).join('\n');
}

/** A table with one line per row and run. With two runs a column names the run. */
function table<Row>(
  what: string,
  columns: readonly Column<Row>[],
  rows: readonly (readonly (Row | null)[])[],
  titleOf: (row: Row) => string,
  style: Style,
): string {
  const runCount = rows[0]?.length ?? 1;
  const used = usedColumns(columns, rows);
  const runCell = (text: string, r: number): Cell[] => (runCount > 1 ? [{ text, paint: style.runs[r] }] : []);
  const head: Cell[] = [
    { text: what, align: 'left', paint: style.bold },
    ...runCell('', 0),
    ...used.map(({ title }) => ({ text: title, paint: style.bold })),
  ];
  const lines = rows.flatMap((pair) => {
    const title = titleOf(pair.find((row) => row !== null) as Row);
    return pair.map((row, r): Cell[] => [
      { text: r === 0 ? title : '', align: 'left' },
      ...runCell(RUN_NAMES[r], r),
      ...used.map((column) => (row === null ? { text: '-' } : cellOf(column, row, style))),
    ]);
  });
  return renderCells([head, ...lines]);
}

function cellOf<Row>(column: Column<Row>, row: Row, style: Style): Cell {
  const text = column.text(row);
  if (/^0( |$)/.test(text)) return { text, paint: style.dim };
  return column.isTrouble ? { text, paint: style.trouble } : { text };
}

/** Throughput and delay of every leaf over time. */
function plots(runs: readonly RunView[], { style, columns }: SummaryOptions): string {
  const rows = pairUp(
    runs.map((run) => run.classes.filter(({ series }) => series !== null)),
    ({ path }) => path,
  ).filter((pair) => pair.some((leaf) => leaf !== null && leaf.report.throughputBitsPerSecond > 0));
  if (rows.length === 0) return '';
  const titleWidth = Math.max(...rows.map((pair) => pathOf(pair).length));
  const left = titleWidth + (runs.length > 1 ? 3 : 0);
  const width = Math.max(PLOT_COLUMNS_MIN, Math.min(PLOT_COLUMNS_MAX, Math.floor((columns - left - 4) / 2)));
  const throughputs = plotColumn(rows, width, 'mean', throughputOf);
  const delays = plotColumn(rows, width, 'max', delayOf);
  const { durationSeconds } = runs[0].report;
  const head = `over time, ${rounded(durationSeconds)} s from left to right; a full block is the highest of its column`;
  const titles: Cell[] = [
    { text: '' },
    ...(runs.length > 1 ? [{ text: '' }] : []),
    { text: `throughput, up to ${formatBitsPerSecShort(throughputs.top)}`, align: 'left', paint: style.bold },
    { text: `delay p99, up to ${millisecondsText(delays.top)}`, align: 'left', paint: style.bold },
  ];
  const lines = rows.flatMap((pair, i) =>
    pair.map((_, r): Cell[] => [
      { text: r === 0 ? pathOf(pair) : '', align: 'left' },
      ...(runs.length > 1 ? [{ text: RUN_NAMES[r], paint: style.runs[r] }] : []),
      { text: throughputs.texts[i][r], align: 'left', paint: style.runs[r] },
      { text: delays.texts[i][r], align: 'left', paint: style.runs[r] },
    ]),
  );
  return `${head}\n${renderCells([titles, ...lines])}`;
}

function pathOf(pair: readonly (ClassView | null)[]): string {
  return pair.find((leaf) => leaf !== null)?.path ?? '';
}

function throughputOf(leaf: ClassView | null): Float64Array {
  return leaf?.series?.throughputBitsPerSecond ?? new Float64Array();
}

function delayOf(leaf: ClassView | null): Float64Array {
  return leaf?.series?.delayP99Milliseconds ?? new Float64Array();
}

/** Sparklines on a common scale. */
function plotColumn(
  rows: readonly (readonly (ClassView | null)[])[],
  width: number,
  fold: Fold,
  valuesOf: (leaf: ClassView | null) => Float64Array,
): { readonly top: number; readonly texts: string[][] } {
  const top = Math.max(...rows.flat().map((leaf) => sparklineTop(valuesOf(leaf), width, fold)));
  const texts = rows.map((pair) => pair.map((leaf) => sparkline(valuesOf(leaf), width, top, fold)));
  return { top, texts };
}

function windowLines(runs: readonly RunView[]): string[] {
  const lines = runs.map((run, r) => {
    const found = synchronisation(run.series);
    if (!found) return '';
    const name = runs.length > 1 ? `${RUN_NAMES[r]}: ` : '';
    return `${name}congestion windows of ${found.flows} TCP flows: mean pairwise correlation ${found.correlation.toFixed(2)}`;
  });
  return [lines.filter((line) => line !== '').join('\n')];
}
