/** From the state to the lines of the screen: always as many as the screen has, none wider than it. */
import { formatBitsPerSecShort, formatCountShort } from '../../base/units.ts';
import type { ClassReport } from '../../control/status.ts';
import { bar } from './bar.ts';
import { cellsOf, clip, fill, fitted, type Line, lineCells, type Span, span, wrap } from './cells.ts';
import { depthOf, limitKey } from './class-rows.ts';
import { detailLines } from './details.ts';
import { helpLines } from './help.ts';
import type { LineEdit } from './line-edit.ts';
import { cursorOf, limitText, listOf, selectedOf } from './lists.ts';
import { currentList, type Prompt, type TopState, VIEWS } from './state.ts';
import { headingLine, place, rowLine } from './table.ts';

/** With fewer rows for a list its surroundings give way. */
const BODY_ROWS_MIN = 3;
const NAME_CELLS_MAX = 24;

export function draw(state: TopState): Line[] {
  const { columns, rows } = state;
  const { above, bodyRows, below } = frame(state);
  const body = bodyLines(state, bodyRows);
  const filling = Array.from({ length: Math.max(0, bodyRows - body.length) }, (): Line => []);
  return [...above, ...body, ...filling, ...below].slice(0, rows).map((line) => clip(line, columns));
}

/** What stands above and below the list, and the rows that are left to it. */
function frame(state: TopState): {
  readonly above: readonly Line[];
  readonly bodyRows: number;
  readonly below: readonly Line[];
} {
  const { rows } = state;
  const below = footLines(state);
  const trouble = troubleLines(state);
  const tabs = state.page.kind === 'list' ? [tabLine(state)] : [];
  const links = linkLines(state, Math.max(1, Math.floor(rows / 4)));
  const attempts: Line[][] = [
    [titleLine(state), ...trouble, ...links, [], ...tabs],
    [titleLine(state), ...trouble, ...links, ...tabs],
    [titleLine(state), ...trouble, ...tabs],
    [titleLine(state)],
    [],
  ];
  const isRoomy = (lines: readonly Line[]): boolean => rows - lines.length - below.length >= BODY_ROWS_MIN;
  const above = attempts.find(isRoomy) ?? [];
  return { above, bodyRows: Math.max(0, rows - above.length - below.length), below };
}

/** Rows of a list or of a text that are shown at once. Keys move by so many. */
export function pageRows(state: TopState): number {
  const { bodyRows } = frame(state);
  return Math.max(1, state.page.kind === 'list' ? bodyRows - 1 : bodyRows);
}

function bodyLines(state: TopState, bodyRows: number): Line[] {
  if (bodyRows === 0) return [];
  if (state.page.kind === 'list') return listLines(state, bodyRows);
  const lines = pageLines(state);
  const top = Math.min(state.page.top, Math.max(0, lines.length - bodyRows));
  return lines.slice(top, top + bodyRows);
}

/** The text of a page that is no list. */
export function pageLines(state: TopState): Line[] {
  const { page, columns } = state;
  return page.kind === 'help' ? helpLines(columns) : detailLines(state, selectedOf(state), columns);
}

function listLines(state: TopState, bodyRows: number): Line[] {
  const { columns, view } = state;
  const list = listOf(state);
  const placed = place(list.columns, columns);
  const heading = fill(headingLine(placed, currentList(state).sort), columns, 'bold');
  if (list.rows.length === 0)
    return [heading, ...wrap(list.empty, columns).map((text) => [span(text, 'dim')])].slice(0, bodyRows);
  const cursor = cursorOf(state, list);
  const shown = bodyRows - 1;
  const top = Math.min(Math.max(0, cursor - Math.floor(shown / 2)), Math.max(0, list.rows.length - shown));
  const lines = list.rows.slice(top, top + shown).map((row, i) => {
    const isCursor = top + i === cursor;
    const isContext = view === 'classes' && 'isContext' in row && row.isContext;
    const line = rowLine(placed, row, isCursor ? 'inverse' : isContext ? 'dim' : 'plain');
    return isCursor ? fill(line, columns, 'inverse') : line;
  });
  return shown > 0 ? [heading, ...lines] : [lines[cursor - top] ?? heading];
}

function titleLine({ status, lost, isPaused, columns }: TopState): Line {
  const { version, pid, recent, totals } = status;
  const right: Span[] = [];
  if (isPaused) right.push(span(' PAUSED', 'busy'));
  if (lost !== '') right.push(span(' NO ANSWER', 'full'));
  const counts = [
    formatBitsPerSecShort(recent.bitsPerSecond.over1s),
    `${formatCountShort(recent.packetsPerSecond)} packets/s`,
    `${formatCountShort(recent.droppedPerSecond)} drops/s`,
    `${formatCountShort(totals.held.packets)} held`,
  ];
  const room = columns - lineCells(right);
  return [span(fitted(`shaper ${version}  ${counts.join('  ')}  pid ${pid}`, room), 'bold'), ...right];
}

function troubleLines({ lost, status, columns }: TopState): Line[] {
  if (lost !== '') return [[span(fitted(lost, columns), 'full')]];
  const [first, ...others] = status.warnings;
  if (first === undefined) return [];
  const more = others.length > 0 ? ` (and ${others.length} more: shaper status)` : '';
  return [[span(fitted(`warning: ${first}${more}`, columns), 'busy')]];
}

/** A line for each direction: its rate over a bar, delay and drops. */
function linkLines({ status, columns }: TopState, rowsMax: number): Line[] {
  const directions = status.classes.filter(({ path }) => depthOf(path) === 0);
  const names = Math.min(NAME_CELLS_MAX, Math.max(...directions.map(({ path }) => cellsOf(path)), 4));
  const shown = directions.length > rowsMax ? directions.slice(0, rowsMax - 1) : directions;
  const lines = shown.map((report) => linkLine(report, names, columns));
  const hidden = directions.length - shown.length;
  return hidden > 0 ? [...lines, [span(`and ${hidden} more directions`, 'dim')]] : lines;
}

function linkLine(report: ClassReport, nameCells: number, columns: number): Line {
  const { recent, ceilBitsPerSecond: ceil } = report;
  const rate = recent.bitsPerSecond.over1s;
  const label = `${formatCountShort(rate)}/${limitText(0, ceil)}`;
  const drops = `${formatCountShort(recent.droppedPerSecond)} drops/s`.padStart(14);
  const tail = columns >= 50 ? drops : '';
  const barCells = columns - nameCells - 1 - tail.length;
  return [
    span(`${fitted(report.path, nameCells)} `),
    ...bar({ rate, ceil, guaranteed: 0 }, barCells, label),
    span(tail, recent.droppedPerSecond > 0 ? 'busy' : 'dim'),
  ];
}

function tabLine(state: TopState): Line {
  const { view } = state;
  const { sort, filter } = currentList(state);
  const list = listOf(state);
  const tabs = VIEWS.flatMap((name, i): Span[] => [
    span(` ${i + 1} ${name} `, name === view ? 'inverse' : 'plain'),
    span(' '),
  ]);
  const about = [`sort: ${sort}`];
  if (filter !== '') about.push(`filter: ${filter}`);
  if (list.note !== '' && list.rows.length > 0) about.push(list.note);
  return [...tabs, span(about.join('  '), 'dim')];
}

/** The last line: a question, or the keys. The notice stands above it. */
function footLines(state: TopState): Line[] {
  const { columns, prompt, notice, rows } = state;
  const lines: Line[] = [];
  const error = prompt?.kind === 'limit' ? prompt.error : '';
  const text = error || notice?.text || '';
  if (text !== '') {
    const isError = error !== '' || notice?.isError === true;
    const wrapped = wrap(text.replaceAll('\n', ' '), columns);
    const most = Math.max(1, Math.min(4, Math.floor(rows / 4)));
    lines.push(...wrapped.slice(0, most).map((part) => [span(part, isError ? 'full' : 'good')]));
  }
  return [...lines, prompt ? promptLine(prompt, columns) : keysLine(state)];
}

function keysLine({ page, view }: TopState): Line {
  const keys =
    page.kind !== 'list'
      ? 'Esc back  Up/Down scroll  l limit  q quit'
      : view === 'leases'
        ? 'q quit  ? help  Tab view  Enter details  x end  / filter  p pause'
        : 'q quit  ? help  Tab view  Enter details  l limit  / filter  s sort  p pause';
  return [span(keys, 'dim')];
}

function promptLine(prompt: Prompt, columns: number): Line {
  if (prompt.kind === 'filter') return typedLine('filter: ', prompt.line, columns);
  if (prompt.kind === 'end-lease') return [span(`end lease ${prompt.id} now? y/n`, 'bold')];
  if (prompt.step === 'sent') return [span(`changing ${prompt.path} ...`, 'bold')];
  return prompt.step === 'value'
    ? typedLine(`new ${limitKey(prompt.path)} of ${prompt.path}: `, prompt.value, columns)
    : typedLine('for how long (30m, 4h; empty: for good): ', prompt.time, columns);
}

/** A question gives way to its answer; of a long answer the part with the cursor is shown. */
function typedLine(question: string, { characters, at }: LineEdit, columns: number): Line {
  const label = fitted(question, Math.min(cellsOf(question), Math.floor((2 * columns) / 3)));
  const room = columns - cellsOf(label);
  let from = 0;
  while (from < at && cellsOf(characters.slice(from, at + 1).join('')) + 1 > room) from++;
  return [
    span(label, 'bold'),
    span(characters.slice(from, at).join('')),
    span(characters[at] ?? ' ', 'inverse'),
    span(characters.slice(at + 1).join('')),
  ];
}
