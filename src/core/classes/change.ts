/**
 * A change of classes: which row becomes which. All that may be wrong with the new specification is found
 * here, before anything changes.
 *
 *   before   0 wan/up   1 wan/up/a   2 wan/up/b   3 wan/up/default       newRow   0  NONE  1  2
 *   classes  0 wan/up   1 wan/up/b   2 wan/up/default   3 ...            heir     0  0     1  2
 */
import { equal } from '../../base/equal.ts';
import { NONE } from '../../base/none.ts';
import type { Renamed } from '../../spec/edit.ts';
import { remarkedDscps } from '../../spec/queue-plan.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { type ClassInfo, listClasses } from './classes.ts';

export interface ClassChange {
  readonly before: readonly ClassInfo[];
  readonly classes: readonly ClassInfo[];
  /** By new row: the row that the class had; NONE for a new class. */
  readonly oldRow: Int32Array;
  /** By old row: the row that the class has now; NONE for a removed class. */
  readonly newRow: Int32Array;
  /** By old row: the new row of the class or, if it was removed, of its nearest ancestor that stays. */
  readonly heir: Int16Array;
  /** Whether packets may belong to other classes than before. */
  readonly isReclassified: boolean;
  readonly nowNs: number;
}

/**
 * Plans the change. Throws RangeError if it needs a restart of the program, or if `renamed` contradicts
 * itself.
 */
export function planChange(
  before: readonly ClassInfo[],
  beforeSpec: ShaperSpec,
  spec: ShaperSpec,
  renamed: Renamed,
  nowNs: number,
): ClassChange {
  checkBindings(beforeSpec, spec);
  const oldRows = new Map(before.map((info, row) => [info.path, row]));
  let nextId = Math.max(...before.map((info) => info.id)) + 1;
  const classes = listClasses(spec, (path) => {
    const row = oldRows.get(pathBefore(path, renamed));
    return row === undefined ? nextId++ : before[row].id;
  });
  const rowOfId = new Map(before.map((info, row) => [info.id, row]));
  const oldRow = Int32Array.from(classes, (info) => rowOfId.get(info.id) ?? NONE);
  const newRow = new Int32Array(before.length).fill(NONE);
  for (const [row, old] of oldRow.entries()) {
    if (old === NONE) continue;
    const { path } = classes[row];
    if (newRow[old] !== NONE) throw new RangeError(`${path}: ${before[old].path} cannot become two classes`);
    if (before[before[old].root].path !== classes[classes[row].root].path)
      throw new RangeError(`${path}: a class cannot move from ${before[old].path} to another tree`);
    newRow[old] = row;
  }
  const heir = new Int16Array(before.length);
  for (const [old, { parent }] of before.entries())
    heir[old] = newRow[old] === NONE ? heir[parent] : newRow[old];
  const isReclassified = !classifiesAlike(before, classes, oldRow);
  return { before, classes, oldRow, newRow, heir, isReclassified, nowNs };
}

/** Whether class `row` is `above` or a class inside it. */
export function isInside(classes: readonly ClassInfo[], row: number, above: number): boolean {
  for (let c = row; c !== NONE; c = classes[c].parent) if (c === above) return true;
  return false;
}

/** The path that the class at `path` had before. */
function pathBefore(path: string, renamed: Renamed): string {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const before = renamed.get(path.slice(0, end));
    if (before !== undefined) return before + path.slice(end);
  }
  return path;
}

/** Checks that sockets and rules, which were made for the specification of before, fit the new one. */
function checkBindings(before: ShaperSpec, spec: ShaperSpec): void {
  const advice = 'stop the program and start it with the new configuration';
  if (!equal(before.nfqueue, spec.nfqueue))
    throw new RangeError(`nfqueue cannot change while packets are queued: ${advice}`);
  if (!equal(remarkedDscps(before.links), remarkedDscps(spec.links)))
    throw new RangeError(`remark: other code points need other rules: ${advice}`);
  const directions = ({ links }: ShaperSpec): string[] =>
    links.flatMap(({ name, device, up, down }) => [
      ...(up ? [`${name}/up of device ${device}`] : []),
      ...(down ? [`${name}/down of device ${device}`] : []),
    ]);
  const [had, has] = [new Set(directions(before)), new Set(directions(spec))];
  const differs = [...[...had].filter((one) => !has.has(one)), ...[...has].filter((one) => !had.has(one))];
  if (differs.length > 0)
    throw new RangeError(`${differs[0]} cannot come or go while packets are queued: ${advice}`);
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
    return oldRow[row] === row && was.parent === info.parent && equal(was.spec.match, info.spec.match);
  });
}
