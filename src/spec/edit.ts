/**
 * One class changed, added, moved or removed: from a specification to the next one, for Engine.reconfigure(). Pure; a specification is
 * never changed in place. Errors say which path and why. Rates are checked where configuration is read (control/config), not here.
 */
import type { ClassSpec, LinkSpec, ShaperSpec } from './spec.ts';

/** Classes whose path differs from before: new path to old path. Their subtrees come with them. */
export type Renamed = ReadonlyMap<string, string>;

export interface Edited {
  readonly spec: ShaperSpec;
  readonly renamed: Renamed;
}

const NOTHING: Renamed = new Map();
const DEFAULT = 'default';

/** Gives the class at `path` other values; name, path and children stay. */
export function changeClass(
  spec: ShaperSpec,
  path: string,
  values: Partial<Omit<ClassSpec, 'name' | 'path' | 'children'>>,
): Edited {
  return { spec: replaced(spec, path, (node) => ({ ...node, ...values })), renamed: NOTHING };
}

/**
 * Adds `child` to the inner class at `parentPath`, before its child `before` (default: last but for `default`, as classes are
 * tried in order).
 */
export function addClass(spec: ShaperSpec, parentPath: string, child: ClassSpec, before = DEFAULT): Edited {
  return { spec: withChild(spec, parentPath, child, before), renamed: NOTHING };
}

/** Takes the class at `path` and all inside it out; its packets go where the matchers send them then. */
export function removeClass(spec: ShaperSpec, path: string): Edited {
  return { spec: without(spec, path), renamed: NOTHING };
}

/** Moves the class at `path` and all inside it to the inner class at `parentPath` of the same tree. */
export function moveClass(spec: ShaperSpec, path: string, parentPath: string, before = DEFAULT): Edited {
  if (`${parentPath}/`.startsWith(`${path}/`)) throw new RangeError(`${path}: cannot move into itself`);
  const node = find(spec, path);
  const newPath = `${parentPath}/${node.name}`;
  const moved = withChild(without(spec, path), parentPath, node, before);
  return { spec: moved, renamed: newPath === path ? NOTHING : new Map([[newPath, path]]) };
}

function find(spec: ShaperSpec, path: string): ClassSpec {
  const search = (node: ClassSpec | null): ClassSpec | undefined => {
    if (node === null || node.path === path) return node ?? undefined;
    return path.startsWith(`${node.path}/`) ? node.children.map(search).find((hit) => hit) : undefined;
  };
  for (const { up, down } of spec.links) {
    const found = search(up) ?? search(down);
    if (found) return found;
  }
  throw new RangeError(`${path}: there is no such class`);
}

function withChild(spec: ShaperSpec, parentPath: string, child: ClassSpec, before: string): ShaperSpec {
  const parent = find(spec, parentPath);
  if (parent.children.length === 0) throw new RangeError(`${parentPath}: has no classes inside`);
  if (parent.children.some(({ name }) => name === child.name))
    throw new RangeError(`${parentPath}/${child.name}: there is one already`);
  const at = parent.children.findIndex(({ name }) => name === before);
  if (at < 0) throw new RangeError(`${parentPath}/${before}: there is no such class`);
  const children = parent.children.toSpliced(at, 0, underPath(child, `${parentPath}/${child.name}`));
  return replaced(spec, parentPath, (node) => ({ ...node, children }));
}

function without(spec: ShaperSpec, path: string): ShaperSpec {
  const { name } = find(spec, path);
  const parentPath = path.slice(0, -name.length - 1);
  if (name === DEFAULT || parentPath.split('/').length < 2)
    throw new RangeError(`${path}: a direction and the default of a class stay where they are`);
  return replaced(spec, parentPath, (node) => ({
    ...node,
    children: node.children.filter((child) => child.name !== name),
  }));
}

/** The class and all inside it, with paths that begin so. */
function underPath(node: ClassSpec, path: string): ClassSpec {
  return { ...node, path, children: node.children.map((child) => underPath(child, `${path}/${child.name}`)) };
}

function replaced(spec: ShaperSpec, path: string, change: (node: ClassSpec) => ClassSpec): ShaperSpec {
  find(spec, path);
  const walk = (node: ClassSpec): ClassSpec => {
    if (node.path === path) return change(node);
    if (!path.startsWith(`${node.path}/`)) return node;
    return { ...node, children: node.children.map(walk) };
  };
  const links = spec.links.map(
    (link): LinkSpec => ({
      ...link,
      up: link.up && walk(link.up),
      down: link.down && walk(link.down),
    }),
  );
  return { ...spec, links };
}
