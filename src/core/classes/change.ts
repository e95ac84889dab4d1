/**
 * A change of classes: which row becomes which. All that may be wrong with the new specification is found
 * here, before anything changes.
 *
 *   before   0 wan/up   1 wan/up/a   2 wan/up/b   3 wan/up/default       newRow   0  NONE  1  2
 *   classes  0 wan/up   1 wan/up/b   2 wan/up/default   3 ...            heir     0  0     1  2
 *
 * A class is the same if its path is the same or it was renamed. It stays in its direction: a class of `up`
 * has tokens for packets of `up`.
 */
import { equal } from '../../base/equal.ts';
import { NONE } from '../../base/none.ts';
import { ChangeRefusedError, type Renamed } from '../../spec/edit.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { type ClassInfo, listClasses } from './classes.ts';

export interface ClassChange {
  readonly before: readonly ClassInfo[];
  readonly classes: readonly ClassInfo[];
  /** By new row: the row that the class had; NONE for a new class. */
  readonly oldRow: Int32Array;
  /** By old row: the row that the class has now; NONE for a removed class. */
  readonly newRow: Int32Array;
  /**
   * By old row: the new row of the class or, if it was removed, of its nearest ancestor that stays. NONE if
   * its whole tree has gone.
   */
  readonly heir: Int16Array;
  /** Whether a row means another class, or a class with another path: rows kept elsewhere must change. */
  readonly isRenumbered: boolean;
  /** Old rows of the roots whose waiting packets leave: the tree has gone, or has moved to another device. */
  readonly left: ReadonlySet<number>;
  /** Whether packets may belong to other classes than before. */
  readonly isReclassified: boolean;
  readonly nowNs: number;
}

/** Whether two names are names of the same device: it was renamed. */
export type IsSameDevice = (before: string, after: string) => boolean;

const NOT_RENAMED: IsSameDevice = (before, after) => before === after;

/** Plans the change. Throws ChangeRefusedError if it needs a restart, or if `renamed` contradicts itself. */
export function planChange(
  before: readonly ClassInfo[],
  beforeSpec: ShaperSpec,
  spec: ShaperSpec,
  renamed: Renamed,
  nowNs: number,
  isSameDevice = NOT_RENAMED,
): ClassChange {
  checkMarks(beforeSpec, spec);
  const pathBefore = pathsBefore(renamed);
  const oldRows = new Map(before.map((info, row) => [info.path, row]));
  let nextId = before.reduce((most, { id }) => Math.max(most, id), NONE) + 1;
  const classes = listClasses(spec, (path) => {
    const row = oldRows.get(pathBefore(path));
    return row === undefined ? nextId++ : before[row].id;
  });
  const rowOfId = new Map(before.map((info, row) => [info.id, row]));
  const oldRow = Int32Array.from(classes, (info) => rowOfId.get(info.id) ?? NONE);
  const newRow = newRowsOf(before, classes, oldRow);
  const heir = new Int16Array(before.length);
  for (const [old, { parent }] of before.entries()) {
    const above = parent === NONE ? NONE : heir[parent];
    heir[old] = newRow[old] === NONE ? above : newRow[old];
  }
  const left = new Set<number>();
  for (const [old, { root, link }] of before.entries()) {
    if (root !== old) continue;
    const row = newRow[old];
    if (row === NONE || !isSameDevice(link.device, classes[row].link.device)) left.add(old);
  }
  const isSameList =
    before.length === classes.length && classes.every(({ path }, row) => path === before[row].path);
  const isRenumbered = !isSameList || oldRow.some((old, row) => old !== row);
  const isReclassified = !classifiesAlike(before, classes, oldRow);
  return { before, classes, oldRow, newRow, heir, isRenumbered, left, isReclassified, nowNs };
}

/** By old row: the new row of the class, checked to be one class of the same direction. */
function newRowsOf(
  before: readonly ClassInfo[],
  classes: readonly ClassInfo[],
  oldRow: Int32Array,
): Int32Array {
  const newRow = new Int32Array(before.length).fill(NONE);
  for (const [row, old] of oldRow.entries()) {
    if (old === NONE) continue;
    const { path, root } = classes[row];
    const was = before[old];
    const refuse = (reason: string, hint: string): never => {
      throw new ChangeRefusedError(path, reason, hint);
    };
    if (newRow[old] !== NONE) refuse(`${was.path} cannot become two classes`, 'move it once');
    const isOfTree = oldRow[root] === was.root && classes[root].direction === was.direction;
    if (!isOfTree || (root === row) !== (was.root === old))
      refuse(
        `a class cannot move from ${was.path} to another direction`,
        `remove ${was.path}, and add a class in the other direction`,
      );
    newRow[old] = row;
  }
  return newRow;
}

/** Whether class `row` is `above` or a class inside it. */
export function isInside(classes: readonly ClassInfo[], row: number, above: number): boolean {
  for (let c = row; c !== NONE; c = classes[c].parent) if (c === above) return true;
  return false;
}

/**
 * The function that says which path the class at a path had before. null: the class is new, because the one
 * that had its path has moved away.
 */
function pathsBefore(renamed: Renamed): (path: string) => string {
  if (renamed.size === 0) return (path) => path;
  const gone = new Set(renamed.values());
  return (path) => {
    const around = longestPrefix(path, (one) => renamed.has(one));
    const was = around === '' ? path : renamed.get(around) + path.slice(around.length);
    const kept = around === '' ? 0 : (renamed.get(around) as string).length;
    return longestPrefix(was, (one) => gone.has(one)).length > kept ? '' : was;
  };
}

/** The longest path that has a property, of `path` and the paths around it; empty if none has. */
function longestPrefix(path: string, has: (path: string) => boolean): string {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const prefix = path.slice(0, end);
    if (has(prefix)) return prefix;
  }
  return '';
}

/** Packets that wait carry numbers and packet marks that mean what the specification of before says. */
function checkMarks({ nfqueue: before }: ShaperSpec, { nfqueue }: ShaperSpec): void {
  const hint = 'stop the program, and start it with the new configuration';
  if (before.first !== nfqueue.first)
    throw new ChangeRefusedError(
      'nfqueue.first',
      `the first queue cannot become ${nfqueue.first}: rules and waiting packets have the numbers from ${before.first}`,
      hint,
    );
  if (before.markMask !== nfqueue.markMask)
    throw new ChangeRefusedError(
      'nfqueue.mark',
      'other bits of the mark would mean nothing to waiting packets',
      hint,
    );
}

/** Whether every packet belongs to the same row as before. */
function classifiesAlike(
  before: readonly ClassInfo[],
  classes: readonly ClassInfo[],
  oldRow: Int32Array,
): boolean {
  if (before.length !== classes.length) return false;
  return classes.every((info, row) => {
    const was = before[row];
    const isAlike = oldRow[row] === row && was.parent === info.parent;
    return isAlike && was.link.device === info.link.device && equal(was.spec.match, info.spec.match);
  });
}
