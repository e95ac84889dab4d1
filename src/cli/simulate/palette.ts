/** Which classes of a direction and which flows have a colour of their own, the same in all charts and both runs. */
import { pairUp } from './columns.ts';
import type { ClassView, RunView } from './run-view.ts';

/** Hues that people with any kind of sight tell apart next to each other; defined in page-style.ts. */
const HUES = 8;
export const REST_COLOR = 'var(--rest)';

export interface Colored<Item> {
  readonly name: string;
  readonly color: string;
  /** One per run; null where the run lacks it. */
  readonly items: readonly (Item | null)[];
}

export interface Choice<Item> {
  /** In the order of the runs. */
  readonly shown: readonly Colored<Item>[];
  /** Those without a colour, by run. */
  readonly rest: readonly (readonly Item[])[];
}

/** The weightiest get hues, in the order in which they stand; the others share a grey. */
export function choose<Item>(
  lists: readonly (readonly Item[])[],
  nameOf: (item: Item) => string,
  weightOf: (item: Item) => number,
): Choice<Item> {
  const rows = pairUp(lists, nameOf).map((items, order) => {
    const present = items.filter((item) => item !== null);
    return { items, order, name: nameOf(present[0]), weight: Math.max(...present.map(weightOf)) };
  });
  const kept = rows.length <= HUES ? HUES : HUES - 1;
  const heaviest = rows.toSorted((a, b) => b.weight - a.weight || a.order - b.order).slice(0, kept);
  const shown = rows
    .filter((row) => heaviest.includes(row))
    .map(({ name, items }, i) => ({ name, items, color: `var(--hue-${i + 1})` }));
  const others = rows.filter((row) => !heaviest.includes(row));
  const rest = lists.map((_, r) => others.map(({ items }) => items[r]).filter((item) => item !== null));
  return { shown, rest };
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
