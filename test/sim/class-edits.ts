/**
 * Edits of a specification, class by class, for tests without a file. Each function gives a new specification
 * for Engine.reconfigure() and leaves the old one as it is. A RangeError names the path and the reason.
 */
import type { Edited, Renamed } from '../../src/spec/edit.ts';
import type { ClassSpec, LinkSpec, ShaperSpec } from '../../src/spec/spec.ts';

const NOTHING: Renamed = new Map();
const DEFAULT = 'default';

/** Gives the class at `path` other values. Its name, path and children stay. */
export function changeClass(
  spec: ShaperSpec,
  path: string,
  values: Partial<Omit<ClassSpec, 'name' | 'path' | 'children'>>,
): Edited {
  return { spec: replaced(spec, path, (node) => ({ ...node, ...values })), renamed: NOTHING };
}

/**
 * Adds `child` to the inner class at `parentPath`, in front of its child `before`. Classes are
 * tried in order; without `before` the new class is tried last, directly before `default`.
 */
export function addClass(spec: ShaperSpec, parentPath: string, child: ClassSpec, before = DEFAULT): Edited {
  return { spec: withChild(spec, parentPath, child, before), renamed: NOTHING };
}

/**
 * Removes the class at `path` with all classes inside it. Its packets go where the matchers send them then.
 */
export function removeClass(spec: ShaperSpec, path: string): Edited {
  return { spec: without(spec, path), renamed: NOTHING };
}

/**
 * Moves the class at `path`, with all classes inside it, to the inner class at `parentPath` of the same tree.
 */
export function moveClass(spec: ShaperSpec, path: string, parentPath: string, before = DEFAULT): Edited {
  if (`${parentPath}/`.startsWith(`${path}/`))
    throw new RangeError(`${path}: a class cannot move into itself`);
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
  throw new RangeError(`${path}: no such class`);
}

function withChild(spec: ShaperSpec, parentPath: string, child: ClassSpec, before: string): ShaperSpec {
  const parent = find(spec, parentPath);
  if (parent.children.length === 0) throw new RangeError(`${parentPath}: the class has no classes inside it`);
  if (parent.children.some(({ name }) => name === child.name))
    throw new RangeError(`${parentPath}/${child.name}: a class of this name exists already`);
  const at = parent.children.findIndex(({ name }) => name === before);
  if (at < 0) throw new RangeError(`${parentPath}/${before}: no such class`);
  const children = parent.children.toSpliced(at, 0, underPath(child, `${parentPath}/${child.name}`));
  return replaced(spec, parentPath, (node) => ({ ...node, children }));
}

function without(spec: ShaperSpec, path: string): ShaperSpec {
  const { name } = find(spec, path);
  const parentPath = path.slice(0, -name.length - 1);
  if (name === DEFAULT || parentPath.split('/').length < 2)
    throw new RangeError(`${path}: a direction, or the class default, can be neither removed nor moved`);
  return replaced(spec, parentPath, (node) => ({
    ...node,
    children: node.children.filter((child) => child.name !== name),
  }));
}

/** The class with all classes inside it, under the new path. */
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
