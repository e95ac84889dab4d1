/**
 * From the classes that are to the classes that shall be: which row becomes which. Everything that could be wrong with the new
 * specification is found here, before anything is changed.
 *
 *   before   0 wan/up   1 wan/up/a   2 wan/up/b   3 wan/up/default       newRow   0  NONE  1  2
 *   classes  0 wan/up   1 wan/up/b   2 wan/up/default   3 ...            heir     0  0     1  2
 */
import { NONE } from '../../base/none.ts';
import type { Renamed } from '../../spec/edit.ts';
import { remarkedDscps } from '../../spec/queue-plan.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { type ClassInfo, listClasses } from './classes.ts';

export interface ClassChange {
  readonly before: readonly ClassInfo[];
  readonly classes: readonly ClassInfo[];
  /** By new row: the row that the class had; NONE: it is new. */
  readonly oldRow: Int32Array;
  /** By old row: the row that the class has now; NONE: it was removed. */
  readonly newRow: Int32Array;
  /** By old row: new row of the class or, if it was removed, of the nearest class around it that was not. */
  readonly heir: Int16Array;
  /** Packets may belong to other classes than before. */
  readonly isReclassified: boolean;
  readonly nowNs: number;
}

/** Throws RangeError when the program would have to be started anew for the change. */
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

/** Whether class `row` is `above` or inside it. */
export function isInside(classes: readonly ClassInfo[], row: number, above: number): boolean {
  for (let c = row; c !== NONE; c = classes[c].parent) if (c === above) return true;
  return false;
}

function pathBefore(path: string, renamed: Renamed): string {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const before = renamed.get(path.slice(0, end));
    if (before !== undefined) return before + path.slice(end);
  }
  return path;
}

/** What sockets and rules were made for cannot change while they are there. */
function checkBindings(before: ShaperSpec, spec: ShaperSpec): void {
  const advice = 'stop the program and start it with the new configuration';
  if (JSON.stringify(before.nfqueue) !== JSON.stringify(spec.nfqueue))
    throw new RangeError(`nfqueue cannot change while packets are queued: ${advice}`);
  if (JSON.stringify(remarkedDscps(before.links)) !== JSON.stringify(remarkedDscps(spec.links)))
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

function classifiesAlike(
  before: readonly ClassInfo[],
  classes: readonly ClassInfo[],
  oldRow: Int32Array,
): boolean {
  if (before.length !== classes.length) return false;
  return classes.every((info, row) => {
    const was = before[row];
    const hasSameMatch = JSON.stringify(was.spec.match) === JSON.stringify(info.spec.match);
    return oldRow[row] === row && was.parent === info.parent && hasSameMatch;
  });
}
