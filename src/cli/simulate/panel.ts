/** A panel of the page: title, explanation, legend, and one figure per run on a common scale. */
import { type Axis, linearAxis } from '../../charts/axis.ts';
import type { LegendEntry } from '../page/document.ts';
import type { RunView } from './run-view.ts';

export interface Panel {
  readonly title: string;
  readonly about: string;
  readonly legend: readonly LegendEntry[];
  /** SVG, one figure per run. */
  readonly figures: readonly string[];
  /** The panel takes the whole width even if it shows one run. */
  readonly isWide?: true;
}

/** The time axis of the longest run. */
export function timeAxis(runs: readonly RunView[]): Axis {
  return linearAxis(
    Math.max(...runs.map(({ report }) => report.durationSeconds)),
    'time in seconds',
    'exact',
  );
}

/** The largest of all values, but at least `least`. */
export function largest(lists: readonly ArrayLike<number>[], least = 0): number {
  let top = least;
  for (const values of lists) {
    for (let i = 0; i < values.length; i++) if (values[i] > top) top = values[i];
  }
  return top;
}

export function divided(values: Float64Array, factor: number): Float64Array {
  return values.map((value) => value / factor);
}

/** Running sums of the lists: zeros, the first list, the first two lists added, and so on. */
export function stacked(lists: readonly Float64Array[], length: number): Float64Array[] {
  const levels = [new Float64Array(length)];
  for (const values of lists) {
    const below = levels[levels.length - 1];
    levels.push(below.map((value, i) => value + values[i]));
  }
  return levels;
}

export function summed(lists: readonly Float64Array[], length: number): Float64Array {
  return stacked(lists, length)[lists.length];
}
