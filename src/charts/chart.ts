/** Charts as SVG text: axes, curves, areas, bars, thresholds, and the values shown at the pointer. */
import { escapeHtml } from '../base/escape-html.ts';
import type { Axis } from './axis.ts';

/** Sizes in units of the view box, chosen so that text is about as large as on the page around it. */
/** Widths of a chart that takes half of the page, and of one that takes all of it. */
export const HALF_WIDTH = 560;
export const WIDE_WIDTH = 1172;
const HEIGHT = 250;
const LEFT = 48;
const RIGHT = 12;
const TOP = 26;
const BOTTOM = 38;

export interface Frame {
  readonly x: Axis;
  readonly y: Axis;
  /** Width of the picture in units of the view box. */
  readonly width: number;
}

/** One row of the box that appears at the pointer. */
export interface HoverSeries {
  readonly name: string;
  readonly color: string;
  readonly unit: string;
  readonly values: ArrayLike<number>;
}

export interface Hover {
  /** Values of the x axis at which the pointer shows numbers. */
  readonly at: readonly number[];
  readonly unit: string;
  /** Prefix of the x value in the box: "≤" where the values are sums up to it. */
  readonly sign?: string;
  /** What stands for the x values in the box, if not their numbers. */
  readonly labels?: readonly string[];
  readonly series: readonly HoverSeries[];
}

const tenth = (value: number): string => String(Math.round(10 * value) / 10);
const half = (value: number): string => String(Math.round(2 * value) / 2);

function atX({ x, width }: Frame, value: number): number {
  return LEFT + x.share(value) * (width - LEFT - RIGHT);
}

function atY({ y }: Frame, value: number): number {
  return HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM);
}

/** A chart with its layers, drawn in this order: the first is at the back. */
export function chart(frame: Frame, label: string, layers: readonly string[], hover: Hover): string {
  const bottom = HEIGHT - BOTTOM;
  const right = frame.width - RIGHT;
  const rows = frame.y.ticks.map(({ value, label: text }) => {
    const y = tenth(atY(frame, value));
    return (
      `<line class="grid" x1="${LEFT}" x2="${right}" y1="${y}" y2="${y}"/>` +
      `<text class="tick" x="${LEFT - 7}" y="${y}" dy="0.32em" text-anchor="end">${text}</text>`
    );
  });
  const columns = frame.x.ticks.map(({ value, label: text }) => {
    const x = tenth(atX(frame, value));
    return `<text class="tick" x="${x}" y="${bottom + 16}" text-anchor="middle">${text}</text>`;
  });
  return [
    `<svg viewBox="0 0 ${frame.width} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}"`,
    ` data-hover="${escapeHtml(JSON.stringify(hoverData(frame, hover)))}">`,
    ...rows,
    ...columns,
    `<text class="unit" x="${LEFT - 40}" y="13">${escapeHtml(frame.y.title)}</text>`,
    `<text class="unit" x="${right}" y="${HEIGHT - 5}" text-anchor="end">${escapeHtml(frame.x.title)}</text>`,
    ...layers,
    `<line class="axis" x1="${LEFT}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`,
    `<line class="cursor" x1="0" x2="0" y1="${TOP}" y2="${bottom}" visibility="hidden"/>`,
    '</svg>',
  ].join('');
}

/** Positions in the picture and values with three digits, as attributes that the page's script reads. */
function hoverData(frame: Frame, { at, unit, sign = '', labels, series }: Hover): object {
  const digits = (value: number): number | null =>
    Number.isFinite(value) ? Number(value.toPrecision(3)) : null;
  return {
    px: at.map((value) => Math.round(10 * atX(frame, value)) / 10),
    ...(labels === undefined ? { x: at.map(digits) } : { t: labels }),
    u: unit,
    g: sign,
    s: series.map(({ name, color, unit: own, values }) => ({
      n: name,
      c: color,
      u: own,
      v: Array.from(values, digits),
    })),
  };
}

/** A curve through the points. NaN leaves a gap. */
export function line(
  frame: Frame,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  color: string,
  className = 'line',
): string {
  return `<path class="${className}" style="stroke:${color}" d="${trace(frame, xs, ys)}"/>`;
}

function trace(frame: Frame, xs: ArrayLike<number>, ys: ArrayLike<number>): string {
  let path = '';
  let isDrawing = false;
  for (let i = 0; i < xs.length; i++) {
    if (Number.isNaN(ys[i])) {
      isDrawing = false;
      continue;
    }
    // A single point between two gaps becomes a dot: round ends make a line without length visible.
    const isAlone = !isDrawing && (i + 1 === xs.length || Number.isNaN(ys[i + 1]));
    const place = `${tenth(atX(frame, xs[i]))} ${tenth(atY(frame, ys[i]))}`;
    path += `${isDrawing ? 'L' : 'M'}${place}${isAlone ? 'h0' : ''}`;
    isDrawing = true;
  }
  return path;
}

/** The area between two curves. */
export function area(
  frame: Frame,
  xs: ArrayLike<number>,
  lower: ArrayLike<number>,
  upper: ArrayLike<number>,
  color: string,
): string {
  const there = Array.from(xs, (x, i) => `${tenth(atX(frame, x))} ${tenth(atY(frame, upper[i]))}`);
  const back = Array.from(xs, (x, i) => `${tenth(atX(frame, x))} ${tenth(atY(frame, lower[i]))}`).reverse();
  return `<path class="area" style="fill:${color}" d="M${[...there, ...back].join('L')}Z"/>`;
}

/** Bars from `lower` to `upper`, each between two neighbours of `edges`. */
export function bars(
  frame: Frame,
  edges: ArrayLike<number>,
  lower: ArrayLike<number>,
  upper: ArrayLike<number>,
  color: string,
): string {
  let path = '';
  for (let i = 0; i < upper.length; i++) {
    if (!(upper[i] > lower[i])) continue;
    const x0 = atX(frame, edges[i]);
    const width = Math.max(0.8, atX(frame, edges[i + 1]) - x0 - 1);
    const y0 = atY(frame, lower[i]);
    path += `M${tenth(x0)} ${tenth(y0)}V${tenth(atY(frame, upper[i]))}h${tenth(width)}V${tenth(y0)}Z`;
  }
  return path === '' ? '' : `<path class="bar" style="fill:${color}" d="${path}"/>`;
}

/** A dot for each point. Points that would lie on one another are drawn once. NaN has none. */
export function dots(
  frame: Frame,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  color: string,
  className = 'dot',
): string {
  const places = new Set<string>();
  for (let i = 0; i < xs.length; i++) {
    if (!Number.isNaN(ys[i])) places.add(`${half(atX(frame, xs[i]))} ${half(atY(frame, ys[i]))}`);
  }
  if (places.size === 0) return '';
  // Round ends make a line without length visible.
  const path = [...places].map((place) => `M${place}h0`).join('');
  return `<path class="${className}" style="stroke:${color}" d="${path}"/>`;
}

/** A horizontal line with a name, for a configured value. */
export function threshold(frame: Frame, value: number, text: string): string {
  const y = atY(frame, value);
  const right = frame.width - RIGHT;
  return (
    `<line class="threshold" x1="${LEFT}" x2="${right}" y1="${tenth(y)}" y2="${tenth(y)}"/>` +
    `<text class="note" x="${right - 3}" y="${tenth(y - 4)}" text-anchor="end">${escapeHtml(text)}</text>`
  );
}

/** Spans of the x axis of which nothing is known. */
export function blanks(frame: Frame, spans: readonly (readonly [from: number, to: number])[]): string {
  const path = spans
    .map(
      ([from, to]) =>
        `M${tenth(atX(frame, from))} ${TOP}H${tenth(atX(frame, to))}V${HEIGHT - BOTTOM}H${tenth(atX(frame, from))}Z`,
    )
    .join('');
  return path === '' ? '' : `<path class="blank" d="${path}"/>`;
}

/** A remark at the upper left, for data that the picture does not show. */
export function remark(text: string): string {
  return `<text class="note" x="${LEFT + 6}" y="${TOP + 10}">${escapeHtml(text)}</text>`;
}

/** A notice in the middle of an empty chart. */
export function notice({ width }: Frame, text: string): string {
  const x = (LEFT + width - RIGHT) / 2;
  return `<text class="notice" x="${x}" y="${(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle">${escapeHtml(text)}</text>`;
}
