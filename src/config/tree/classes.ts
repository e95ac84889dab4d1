/** Classes of a tree of nodes: finding, adding, removing and moving them. */
import { isMap, isScalar, type Node, type Scalar, type YAMLMap } from 'yaml';
import { nearest } from '../../base/nearest.ts';
import { NAME } from '../fields/kinds.ts';
import { isEmptyScalar } from '../yaml/nodes.ts';
import type { MergePatch } from '../yaml/values.ts';
import { type AnyPair, copyOf, withValue } from './copies.ts';
import { type Draft, indexOf, keyOf } from './draft.ts';
import { type ConfigEditError, editError } from './error.ts';
import { mergeInto } from './merge.ts';
import { splitBoth } from './sides.ts';
import { nodeOf, pairOf } from './values.ts';

const DEFAULT = 'default';
const DIRECTIONS = ['up', 'down'];

/** The place of a class: a key of an own map. */
interface Entry {
  readonly map: YAMLMap;
  readonly key: string;
}

/** Gives the class or direction at `path` other values. */
export function patchClass(draft: Draft, path: string, patch: MergePatch): void {
  const entry = entryAt(draft, path);
  const wasShort = isShort(draft.get(entry.map, entry.key));
  const map = classMap(draft, entry);
  mergeInto(draft, map, patch);
  const [only] = map.items;
  const isShortAgain = wasShort && map.items.length === 1 && keyOf(only!) === 'rate';
  if (isShortAgain) draft.put(entry.map, entry.key, only!.value as Node | null);
}

/** Adds a class in front of the class `before` beside it, or as the last one. */
export function addClass(draft: Draft, path: string, values: MergePatch, before: string | undefined): void {
  const classes = classesFor(draft, path);
  const made = nodeOf(values, draft.places);
  if (isMap(made)) made.flow = classes.flow === true || made.items.length === 0;
  insert(draft, classes, path, pairOf(split(path).name, made, draft.places), before);
}

export function removeClass(draft: Draft, path: string): void {
  const { map, key } = movable(draft, path, 'removed');
  draft.remove(map, key);
  foldEmpty(draft, split(path).parent);
}

/** Moves the class with all classes inside it, within its direction. */
export function moveClass(draft: Draft, path: string, newPath: string, before: string | undefined): void {
  const { parent, name } = split(newPath);
  if (directionOf(path) !== directionOf(newPath)) {
    const message = `${newPath}: a class moves within its direction, ${directionOf(path)}`;
    throw editError('refused', newPath, message);
  }
  if (newPath.startsWith(`${path}/`)) throw editError('refused', newPath, `${path} cannot move into itself`);
  const { map, key } = movable(draft, path, 'moved');
  const pair = draft.take(map, key)!;
  const value = draft.detached(pair.value as Node | null);
  const classes = classesFor(draft, newPath);
  insert(draft, classes, newPath, renamed(draft, pair, name, value), before);
  const left = split(path).parent;
  if (left !== parent) foldEmpty(draft, left);
}

function renamed(draft: Draft, pair: AnyPair, name: string, value: Node | null): AnyPair {
  const moved = withValue(pair, value);
  if (keyOf(pair) === name) return moved;
  const key = copyOf(pair.key as Scalar);
  key.value = name;
  key.source = name;
  moved.key = draft.places.numberCopy(key, pair.key as Scalar);
  return moved;
}

/** The classes inside a class, ready to take one at `path`. A class that had none becomes an inner class. */
function classesFor(draft: Draft, path: string): YAMLMap {
  const { parent, name } = split(path);
  if (!NAME.test(name)) {
    const rule = 'a letter a to z, then letters, digits, _ or -, all lower case';
    throw editError('refused', path, `'${name}' is not a name for a class: ${rule}`);
  }
  if (parent.split('/').length < 2)
    throw editError(
      'refused',
      path,
      `${path} is no place for a class`,
      'write LINK/up/NAME or LINK/down/NAME',
    );
  const inner = classMap(draft, entryAt(draft, parent));
  const wasLeaf = indexOf(inner, 'classes') < 0;
  const classes = classesOf(draft, inner);
  if (name === DEFAULT || indexOf(classes, name) >= 0) {
    const hint =
      name === DEFAULT ? `every class with classes inside has one: shaper set ${path} KEY=VALUE` : '';
    throw editError('exists', path, `${path} exists already`, hint);
  }
  if (wasLeaf) giveToDefault(draft, inner, classes);
  return classes;
}

/** Keys of the class `default` that the class around it can have as well when it has no others inside. */
const OF_LEAF = ['queue', 'priority'];

/** The packets of a class that takes classes inside wait in its class `default` from then on, as before. */
function giveToDefault(draft: Draft, inner: YAMLMap, classes: YAMLMap): void {
  const taken = draft.take(inner, 'queue');
  if (taken === null) return;
  const last = draft.newMap(true);
  last.items.push(taken as YAMLMap['items'][number]);
  draft.put(classes, DEFAULT, last);
}

/**
 * A class without classes inside is a leaf again, and so is one whose class `default` says nothing but how
 * packets wait.
 */
function foldEmpty(draft: Draft, path: string): void {
  const entry = entryAt(draft, path);
  const inner = classMap(draft, entry);
  const classes = classesOf(draft, inner);
  if (classes.items.length === 0) {
    draft.remove(inner, 'classes');
    return;
  }
  const isDirection = path.split('/').length === 2;
  if (isDirection || classes.items.length > 1 || indexOf(classes, DEFAULT) < 0) return;
  const last = classMap(draft, { map: classes, key: DEFAULT });
  if (last.items.some((pair) => !OF_LEAF.includes(keyOf(pair) ?? ''))) return;
  const at = indexOf(inner, 'classes');
  inner.items.splice(at, 1, ...last.items);
  for (const pair of last.items) {
    const before = inner.items.findIndex((other) => other !== pair && keyOf(other) === keyOf(pair));
    if (before >= 0) inner.items.splice(before, 1);
  }
}

function insert(draft: Draft, classes: YAMLMap, path: string, pair: AnyPair, before = DEFAULT): void {
  const at = indexOf(classes, before);
  if (at < 0 && before !== DEFAULT) throw noSuchClass(draft, `${split(path).parent}/${before}`);
  const { length } = classes.items;
  const isDefaultLast = at < 0 || (before === DEFAULT && at < length - 1);
  classes.items.splice(isDefaultLast ? length : at, 0, pair as YAMLMap['items'][number]);
}

/** The entry of a class that can be removed and moved. */
function movable(draft: Draft, path: string, edit: 'removed' | 'moved'): Entry {
  const entry = entryAt(draft, path);
  const isFixed = entry.key === DEFAULT || path.split('/').length < 3;
  if (isFixed)
    throw editError('refused', path, `${path}: a direction, or the class default, cannot be ${edit}`);
  return entry;
}

/** The entry of a class or direction. The class `default` gets one if it has none. */
function entryAt(draft: Draft, path: string): Entry {
  const [linkName = '', direction = '', ...names] = path.split('/');
  const links = sectionAt(draft, draft.root, 'links');
  if (indexOf(links, linkName) < 0) throw noSuchClass(draft, path);
  const link = sectionAt(draft, links, linkName);
  splitBoth(draft, link);
  if (!DIRECTIONS.includes(direction) || indexOf(link, direction) < 0) throw noSuchClass(draft, path);
  let entry: Entry = { map: link, key: direction };
  for (const [depth, name] of names.entries()) {
    const inner = classMap(draft, entry);
    const isInner = depth === 0 || indexOf(inner, 'classes') >= 0;
    if (!isInner) throw noSuchClass(draft, path);
    const classes = classesOf(draft, inner);
    if (indexOf(classes, name) < 0) {
      if (name !== DEFAULT || depth < names.length - 1) throw noSuchClass(draft, path);
      draft.put(classes, name, null);
    }
    entry = { map: classes, key: name };
  }
  return entry;
}

function classesOf(draft: Draft, inner: YAMLMap): YAMLMap {
  return sectionAt(draft, inner, 'classes');
}

/** The map of a class or direction. A rate alone stands for a map. */
function classMap(draft: Draft, { map, key }: Entry): YAMLMap {
  return draft.mapAt(map, key, (rate) => {
    if (!isShort(rate)) throw editError('refused', '', `${key} must be a map (key: value)`);
    const made = draft.newMap(map.flow === true);
    draft.put(made, 'rate', rate);
    return made;
  });
}

function isShort(value: Node | null): boolean {
  return isScalar(value) && !isEmptyScalar(value);
}

function sectionAt(draft: Draft, map: YAMLMap, key: string): YAMLMap {
  return draft.mapAt(map, key, () => {
    throw editError('refused', '', `${key} must be a map (key: value)`);
  });
}

function split(path: string): { readonly parent: string; readonly name: string } {
  const at = path.lastIndexOf('/');
  return { parent: path.slice(0, Math.max(0, at)), name: path.slice(at + 1) };
}

function directionOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

function noSuchClass(draft: Draft, path: string): ConfigEditError {
  const near = nearestPath(path, pathsOf(draft));
  const message = `${path}: no such class`;
  return editError('no-such-class', path, message, near === null ? '' : `the nearest is ${near}`);
}

/** Of the classes beside the one that is named, else of all. */
function nearestPath(path: string, paths: readonly string[]): string | null {
  const { parent, name } = split(path);
  const beside = paths.filter((other) => split(other).parent === parent);
  if (beside.length === 0) return nearest(path, paths)?.word ?? null;
  const near = nearest(
    name,
    beside.map((other) => split(other).name),
  );
  return `${parent}/${near!.word}`;
}

/** The paths of all directions and classes that are written. */
function pathsOf(draft: Draft): string[] {
  const paths: string[] = [];
  const walk = (around: YAMLMap, key: string, path: string): void => {
    paths.push(path);
    const inner = draft.get(around, key);
    const classes = isMap(inner) ? draft.get(inner, 'classes') : null;
    if (isMap(classes)) each(classes, (name) => walk(classes, name, `${path}/${name}`));
  };
  const links = draft.get(draft.root, 'links');
  if (!isMap(links)) return [];
  each(links, (name) => {
    const link = draft.get(links, name);
    if (!isMap(link)) return;
    for (const direction of DIRECTIONS) {
      for (const key of [direction, 'both'])
        if (indexOf(link, key) >= 0) walk(link, key, `${name}/${direction}`);
    }
  });
  return paths;
}

function each(map: YAMLMap, visit: (name: string) => void): void {
  for (const pair of map.items) visit(keyOf(pair) ?? '');
}
