/** A chart with one row per item: the name on the left, a mark on a common scale, a number on the right. */

import { escapeHtml } from '../base/escape-html.ts';
import type { Axis } from './axis.ts';

const WIDTH = 560;
const RIGHT = 84;
const TOP = 8;
const ROW = 21;
const BOTTOM = 38;
/** Width of the column of names: what the longest name needs, within bounds. */
const LEFT_MIN = 90;
const LEFT_MAX = 262;
const CHARACTER = 6.7;

/** Position of a row's marks: its vertical middle and the width taken by names. */
export interface Place {
  readonly y: number;
  readonly left: number;
}

export interface Row {
  readonly name: string;
  readonly value: string;
  readonly mark: (place: Place) => string;
}

const tenth = (value: number): string => String(Math.round(10 * value) / 10);

function atX(axis: Axis, left: number, value: number): number {
  return left + axis.share(value) * (WIDTH - left - RIGHT);
}

export function rowChart(axis: Axis, label: string, rows: readonly Row[]): string {
  const bottom = TOP + rows.length * ROW;
  const longest = Math.max(...rows.map(({ name }) => name.length));
  const left = Math.round(Math.min(LEFT_MAX, Math.max(LEFT_MIN, longest * CHARACTER + 12)));
  const grid = axis.ticks.map(({ value, label: text }) => {
    const x = tenth(atX(axis, left, value));
    return (
      `<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${bottom}"/>` +
      `<text x="${x}" y="${bottom + 16}" text-anchor="middle">${text}</text>`
    );
  });
  const lines = rows.map(({ name, value, mark }, i) => {
    const y = TOP + (i + 0.5) * ROW;
    return (
      `<text class="name" x="${left - 8}" y="${y}" dy="0.32em" text-anchor="end">${nameText(name, Math.floor((left - 8) / CHARACTER))}</text>${mark({ y, left })}` +
      `<text class="note" x="${WIDTH - RIGHT + 10}" y="${y}" dy="0.32em">${escapeHtml(value)}</text>`
    );
  });
  return [
    `<svg viewBox="0 0 ${WIDTH} ${bottom + BOTTOM}" role="img" aria-label="${escapeHtml(label)}">`,
    ...grid,
    `<text class="unit" x="${WIDTH - RIGHT}" y="${bottom + BOTTOM - 5}" text-anchor="end">${escapeHtml(axis.title)}</text>`,
    `<line class="axis" x1="${left}" x2="${left}" y1="${TOP}" y2="${bottom}"/>`,
    ...lines,
    '</svg>',
  ].join('');
}

/** Cuts a long name. The pointer shows the whole name. */
function nameText(name: string, characters: number): string {
  if (name.length <= characters) return escapeHtml(name);
  return `<title>${escapeHtml(name)}</title>${escapeHtml(name.slice(0, characters - 1))}…`;
}

export function barMark({ y, left }: Place, axis: Axis, value: number): string {
  const width = atX(axis, left, value) - left;
  return `<rect class="mark" x="${left}" y="${tenth(y - 6)}" width="${tenth(Math.max(1, width))}" height="12" rx="2"/>`;
}

/** A bar from the median to the 99th percentile, a line from there to the maximum. */
export function rangeMark({ y, left }: Place, axis: Axis, p50: number, p99: number, max: number): string {
  const [from, to, end] = [p50, p99, max].map((value) => atX(axis, left, value));
  return (
    `<line class="whisker" x1="${tenth(to)}" x2="${tenth(end)}" y1="${y}" y2="${y}"/>` +
    `<rect class="mark" x="${tenth(from)}" y="${tenth(y - 5)}" width="${tenth(Math.max(2, to - from))}" height="10" rx="2"/>`
  );
}
