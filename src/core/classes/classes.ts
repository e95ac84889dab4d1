/**
 * The classes of all trees as rows, numbered depth first in the order of the configuration, a parent before
 * its children. Row numbers index the statistics and the tables of every stage.
 */
import { invariant } from '../../base/assert.ts';
import { NONE } from '../../base/none.ts';
import { CLASSES_MAX } from '../../limits.ts';
import type { ClassSpec, LinkSpec, ShaperSpec } from '../../spec/spec.ts';

export type Direction = 'up' | 'down';

export interface ClassInfo {
  readonly path: string;
  /** Stays with the class when its row or path changes. Keys of tables begin with it. */
  readonly id: number;
  readonly spec: ClassSpec;
  /** Row of the parent; NONE for a root. */
  readonly parent: number;
  /** Row of the root. */
  readonly root: number;
  /** Rows of the children in the order in which they are tried; empty for a leaf. */
  readonly children: readonly number[];
  readonly link: LinkSpec;
  readonly direction: Direction;
  /**
   * Whether the source of its packets is inside, else their destination: what leaves by a link comes from
   * inside, unless the inside is behind the link's own device.
   */
  readonly isSourceInside: boolean;
}

/** The classes of `spec`. `idOf` gives the id of the class at a path; without it the id is the row. */
export function listClasses(spec: ShaperSpec, idOf?: (path: string) => number): ClassInfo[] {
  const rows: ClassInfo[] = [];
  const add = (
    node: ClassSpec,
    parent: number,
    root: number,
    link: LinkSpec,
    direction: Direction,
  ): number => {
    const row = rows.length;
    const children: number[] = [];
    const rootRow = root === NONE ? row : root;
    const id = idOf?.(node.path) ?? row;
    const isSourceInside = (direction === 'up') !== isInsideBehind(spec, link);
    const place = { parent, root: rootRow, children };
    rows.push({ path: node.path, id, spec: node, ...place, link, direction, isSourceInside });
    for (const child of node.children) children.push(add(child, row, rootRow, link, direction));
    return row;
  };
  for (const link of spec.links) {
    if (link.up) add(link.up, NONE, NONE, link, 'up');
    if (link.down) add(link.down, NONE, NONE, link, 'down');
  }
  invariant(rows.length <= CLASSES_MAX, `at most ${CLASSES_MAX} classes, ${rows.length} configured`);
  return rows;
}

/** Whether the inside is behind the device of a link, and not behind other devices. */
function isInsideBehind({ hosts }: ShaperSpec, { device }: LinkSpec): boolean {
  return hosts.lan?.includes(device) === true;
}

/**
 * The classes of a kind on the way up from each class, by row: `from` is the class itself or its nearest
 * ancestor of the kind, `above` its nearest ancestor of the kind. NONE if there is none.
 */
export interface Chain {
  readonly from: Int16Array;
  readonly above: Int16Array;
}

export function chainOf(classes: readonly ClassInfo[], isOfKind: (info: ClassInfo) => boolean): Chain {
  const from = new Int16Array(classes.length);
  const above = new Int16Array(classes.length);
  for (const [row, info] of classes.entries()) {
    above[row] = info.parent === NONE ? NONE : from[info.parent];
    from[row] = isOfKind(info) ? row : above[row];
  }
  return { from, above };
}

/** Level of every class: 0 for leaves, else one more than the highest child. */
export function levelsOf(classes: readonly ClassInfo[]): Uint8Array {
  const level = new Uint8Array(classes.length);
  // Children have higher row numbers than their parents.
  for (let row = classes.length - 1; row >= 0; row--) {
    const { parent } = classes[row];
    if (parent !== NONE) level[parent] = Math.max(level[parent], level[row] + 1);
  }
  invariant(
    classes.every((info, row) => info.parent === NONE || info.parent < row),
    'a class comes after its parent',
  );
  return level;
}
