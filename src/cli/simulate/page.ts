/** The page that `simulate --html` writes: one file that loads nothing, with one run or two side by side. */

import { escapeHtml } from '../../base/escape-html.ts';
import { formatBitsPerSecShort } from '../../base/units.ts';
import { pairUp } from '../../charts/palette.ts';
import type { SimulatedFlow } from '../../sim/report/report.ts';
import { htmlDocument, legendOf } from '../page/document.ts';
import {
  CLASS_COLUMNS,
  type Column,
  FLOW_COLUMNS,
  flowTitle,
  MODULE_COLUMNS,
  millisecondsText,
  usedColumns,
} from './columns.ts';
import { RUN_NAMES } from './comparison.ts';
import type { Panel } from './panel.ts';
import { classPanels, quietText } from './panels-class.ts';
import { flowPanels } from './panels-flow.ts';
import { redPanels, windowsPanel } from './panels-run.ts';
import { leavesOf, type RunView } from './run-view.ts';

export interface PageOptions {
  readonly about: string;
  readonly version: string;
}

export function renderPage(runs: readonly RunView[], { about, version }: PageOptions): string {
  const { scenario } = runs[0].report;
  const isPair = runs.length > 1;
  const body = [
    `<h1>${escapeHtml(scenario)}</h1>`,
    `<p>${escapeHtml(about)}</p>`,
    `<div class="panels" style="margin-top:18px">${runs.map((run, r) => runCard(run, r, isPair)).join('')}</div>`,
    ...directionsOf(runs).map((path) => directionSection(runs, path)),
    flowsSection(runs),
    '<h2>All classes</h2>',
    tableOf('class', CLASS_COLUMNS, classRows(runs), ({ path }) => path, isPair),
    ...modulesSection(runs),
    '<h2>All flows</h2>',
    tableOf('flow', FLOW_COLUMNS, flowRows(runs), flowTitle, isPair),
    `<footer>${NOTES}<br>nfqueue-shaper ${escapeHtml(version)}</footer>`,
  ];
  return htmlDocument(`${scenario} - shaper simulate`, body, isPair ? 'pair' : '');
}

function modulesSection(runs: readonly RunView[]): string[] {
  const rows = pairUp(
    runs.map(({ modules }) => modules),
    ({ label }) => label,
  );
  if (rows.length === 0) return [];
  return ['<h2>Modules</h2>', tableOf('module', MODULE_COLUMNS, rows, ({ label }) => label, runs.length > 1)];
}

/** Tables with more rows are folded. */
const ROWS_UNFOLDED = 60;

const NOTES =
  'Delay of a class is the time a packet spends in it; delay of a flow is the time its packets with data spend in all queues on ' +
  'their way. Percentiles are right to an eighth. A number in brackets says how many flows share the name; finished are ' +
  'transfers, exchanges and answered pings.';

function runName(run: RunView, r: number, isPair: boolean): string {
  const file = escapeHtml(run.configuration);
  return isPair
    ? `<span class="run-${'ab'[r]}">${RUN_NAMES[r]}</span> <code>${file}</code>`
    : `<code>${file}</code>`;
}

function runCard(run: RunView, r: number, isPair: boolean): string {
  const { totals, durationSeconds, traceHash, classes, seed } = run.report;
  const share = totals.received.packets > 0 ? (100 * totals.dropped.packets) / totals.received.packets : 0;
  const bits = durationSeconds > 0 ? (8 * totals.accepted.bytes) / durationSeconds : 0;
  const marked = run.classes.reduce((sum, { isLeaf, report }) => sum + (isLeaf ? report.marked : 0), 0);
  const delay = classes.reduce(
    (highest, { delayMilliseconds }) => Math.max(highest, delayMilliseconds.p99),
    0,
  );
  const tiles: [string, string][] = [
    ['accepted', formatBitsPerSecShort(bits)],
    [`dropped (${totals.dropped.packets})`, `${share.toFixed(share < 10 ? 2 : 1)} %`],
    ['marked', String(marked)],
    ['highest delay p99', millisecondsText(delay)],
    ...(totals.unparsed > 0 ? [['unparsed', String(totals.unparsed)] as [string, string]] : []),
  ];
  const items = tiles.map(([name, value]) => `<div><span>${name}</span><b>${value}</b></div>`);
  return (
    `<section class="panel card${isPair ? '' : ' wide'}">` +
    `<div class="run-title"><h3>${runName(run, r, isPair)}</h3>` +
    `<p>${Number(durationSeconds.toPrecision(4))} s in virtual time, seed ${seed}, trace <code>${escapeHtml(traceHash)}</code></p></div>` +
    `<div class="tiles">${items.join('')}</div></section>`
  );
}

/** Directions in which packets passed, in the order of the configuration. */
function directionsOf(runs: readonly RunView[]): string[] {
  const paths = runs.flatMap(({ classes }) => classes.map(({ directionPath }) => directionPath));
  return [...new Set(paths)].filter((path) => runs.some((run) => leavesOf(run, path).length > 0));
}

function directionSection(runs: readonly RunView[], path: string): string {
  const panels = [...classPanels(runs, path), ...redPanels(runs, path)];
  const ceils = runs.map(({ classes }) => classes.find((info) => info.path === path)?.ceilBitsPerSecond);
  const rates = ceils.map((bits) => (bits === undefined ? 'not shaped' : formatBitsPerSecShort(bits)));
  const about = [[...new Set(rates)].join(' and '), quietText(runs, path)]
    .filter((text) => text !== '')
    .join('; ');
  return `<h2>${escapeHtml(path)} <small>${about}</small></h2>\n${panelsOf(panels, runs)}`;
}

function flowsSection(runs: readonly RunView[]): string {
  const windows = windowsPanel(runs);
  return `<h2>Flows</h2>\n${panelsOf([...flowPanels(runs), ...(windows ? [windows] : [])], runs)}`;
}

function panelsOf(panels: readonly Panel[], runs: readonly RunView[]): string {
  const isPair = runs.length > 1;
  const sections = panels.map(({ title, about, legend, figures, isWide }) => {
    const captions = runs.map((run, r) =>
      isPair ? `<figcaption>${runName(run, r, isPair)}</figcaption>` : '',
    );
    const drawn = figures.map((figure, r) => `<figure>${captions[r]}${figure}</figure>`);
    return (
      `<section class="panel${isWide ? ' wide' : ''}"><h3>${escapeHtml(title)}</h3><p>${escapeHtml(about)}</p>${legendOf(legend)}` +
      `<div class="figures">${drawn.join('')}</div></section>`
    );
  });
  return `<div class="panels">${sections.join('\n')}</div>`;
}

function classRows(runs: readonly RunView[]): (RunView['classes'][number] | null)[][] {
  return pairUp(
    runs.map(({ classes }) => classes),
    ({ path }) => path,
  );
}

function flowRows(runs: readonly RunView[]): (SimulatedFlow | null)[][] {
  return pairUp(
    runs.map(({ report }) => report.flows),
    ({ name }) => name,
  );
}

/** A table. With two runs every column is split in two. */
function tableOf<Row>(
  what: string,
  columns: readonly Column<Row>[],
  rows: readonly (readonly (Row | null)[])[],
  titleOf: (row: Row) => string,
  isPair: boolean,
): string {
  const used = usedColumns(columns, rows);
  const head = isPair
    ? `<tr><th rowspan="2">${what}</th>${used.map(({ title }) => `<th colspan="2">${title}</th>`).join('')}</tr>` +
      `<tr>${used.map(() => '<th class="run-a">A</th><th class="run-b">B</th>').join('')}</tr>`
    : `<tr><th>${what}</th>${used.map(({ title }) => `<th>${title}</th>`).join('')}</tr>`;
  const lines = rows.map((pair) => {
    const cells = used.flatMap(({ text }) => pair.map((row) => cellOf(row === null ? '–' : text(row))));
    return `<tr><td>${escapeHtml(titleOf(pair.find((row) => row !== null) as Row))}</td>${cells.join('')}</tr>`;
  });
  const table = `<table><thead>${head}</thead><tbody>${lines.join('\n')}</tbody></table>`;
  const folded = `<details><summary>${rows.length} rows</summary>${table}</details>`;
  return `<div class="panel scroll">${rows.length > ROWS_UNFOLDED ? folded : table}</div>`;
}

function cellOf(text: string): string {
  return /^(0|0 .*|–)$/.test(text) ? `<td class="nothing">${text}</td>` : `<td>${escapeHtml(text)}</td>`;
}
