/** Chooses the items that have a colour of their own, the same in all charts and all runs. */

/**
 * Number of hues, chosen so that people with colour blindness tell neighbours apart.
 * cli/page/style.ts defines them.
 */
const HUES = 8;
export const REST_COLOR = 'var(--rest)';

export interface Colored<Item> {
  readonly name: string;
  readonly color: string;
  /** The item in every run; null where a run does not have it. */
  readonly items: readonly (Item | null)[];
}

export interface Choice<Item> {
  /** Items with a colour, in the order in which the runs list them. */
  readonly shown: readonly Colored<Item>[];
  /** Items without a colour, by run. */
  readonly rest: readonly (readonly Item[])[];
}

/** Gives hues to the items of greatest weight, in the order of the lists; the others share a grey. */
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

/**
 * Pairs the items of all runs by key; null where a run has no such item. The order is that of the first run.
 * An item that only a later run has stands behind the item that it follows in that run.
 */
export function pairUp<Item>(
  lists: readonly (readonly Item[])[],
  keyOf: (item: Item) => string,
): (Item | null)[][] {
  const maps = lists.map((items) => new Map(items.map((item) => [keyOf(item), item])));
  const keys: string[] = [];
  for (const [r, map] of maps.entries()) {
    let before = -1;
    for (const key of map.keys()) {
      const isKnown = maps.slice(0, r).some((earlier) => earlier.has(key));
      if (isKnown) before = keys.indexOf(key);
      else keys.splice(++before, 0, key);
    }
  }
  return keys.map((key) => maps.map((map) => map.get(key) ?? null));
}
