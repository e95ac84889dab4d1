/** Classes that move between two configurations. A map of moves leads from the new path to the old one. */
import type { Renamed } from '../../spec/edit.ts';
import type { ClassSpec, ShaperSpec } from '../../spec/spec.ts';

export const NO_MOVES: Renamed = new Map();

/**
 * Which classes a reload has moved. A class that vanished and one of the same name that appeared, each once
 * in the direction, are the same class: it keeps its tokens, packets and counters.
 */
export function movesBetween(before: ShaperSpec, after: ShaperSpec): Renamed {
  const [had, has] = [pathsByDirection(before), pathsByDirection(after)];
  const moves = new Map<string, string>();
  for (const [direction, paths] of has) {
    const old = had.get(direction);
    if (old === undefined) continue;
    const vanished = byName([...old].filter((path) => !paths.has(path)));
    const appeared = byName([...paths].filter((path) => !old.has(path)));
    // Paths come parents first, so a class that moved inside another one needs no entry of its own.
    for (const [name, [to, ...others]] of appeared) {
      const [from, ...rest] = vanished.get(name) ?? [];
      if (from === undefined || to === undefined || others.length + rest.length > 0) continue;
      if (pathBefore(to, moves) !== from) moves.set(to, from);
    }
  }
  return moves;
}

/** The path that the class had before the moves. */
export function pathBefore(path: string, moves: Renamed): string {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const before = moves.get(path.slice(0, end));
    if (before !== undefined) return before + path.slice(end);
  }
  return path;
}

/** The path that the class has after the moves. */
export function pathAfter(path: string, moves: Renamed): string {
  let [longest, result] = [-1, path];
  for (const [to, from] of moves) {
    if ((path !== from && !path.startsWith(`${from}/`)) || from.length <= longest) continue;
    longest = from.length;
    result = to + path.slice(from.length);
  }
  return result;
}

const DEFAULT = 'default';

/** By direction: the paths of its classes, but for those called default, which every inner class has. */
function pathsByDirection({ links }: ShaperSpec): ReadonlyMap<string, ReadonlySet<string>> {
  const result = new Map<string, Set<string>>();
  for (const { up, down } of links) {
    for (const root of [up, down]) if (root !== null) result.set(root.path, new Set(pathsIn(root)));
  }
  return result;
}

function pathsIn({ children }: ClassSpec): string[] {
  return children.filter(({ name }) => name !== DEFAULT).flatMap((child) => [child.path, ...pathsIn(child)]);
}

function byName(paths: readonly string[]): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const path of paths) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const same = result.get(name);
    if (same) same.push(path);
    else result.set(name, [path]);
  }
  return result;
}
