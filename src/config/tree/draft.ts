/**
 * A tree of nodes while it is edited. What an edit touches is copied, and everything else is shared with the
 * tree before, which stays as it is. Where an edit meets an alias, a copy of what it stands for takes its
 * place; where it meets an anchor, the other users of the anchor get copies of what was there before.
 */
import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, Pair, visit, YAMLMap } from 'yaml';
import { isEmptyScalar, resolveAliases, scalarText } from '../yaml/nodes.ts';
import type { YamlSource } from '../yaml/source.ts';
import { type AnyPair, copyOf, Expander, withValue } from './copies.ts';
import { editError } from './error.ts';
import type { Places } from './places.ts';
import { pairOf } from './values.ts';

export class Draft {
  readonly places: Places;
  readonly #source: YamlSource;
  readonly #targets: ReadonlyMap<Alias, Node | undefined>;
  readonly #expander: Expander;
  /** Nodes that were made for this edit and may be changed. */
  readonly #own = new Set<unknown>();
  /** Nodes of the tree before whose anchors no longer mean the same. */
  readonly #touched = new Set<unknown>();
  readonly #root: YAMLMap;

  constructor(source: YamlSource, places: Places) {
    this.#source = source;
    this.places = places;
    this.#targets = source.hasAliases ? resolveAliases(source.contents) : new Map();
    this.#expander = new Expander(this.#targets, places);
    if (!source.isWellFormed || !isMap(source.contents))
      throw editError('refused', '', `${source.file} is not a configuration that can be edited`);
    this.#root = this.#owned(source.contents);
  }

  get root(): YAMLMap {
    return this.#root;
  }

  /** The tree after the edit. */
  result(): YamlSource {
    for (const node of this.#own) if (isMap(node)) closeUp(node);
    const isShared = this.#touched.size > 0 && this.#targets.size > 0;
    return { ...this.#source, contents: isShared ? this.#withoutTouched(this.#root) : this.#root };
  }

  /** The value at a key of an own map, aliases resolved; null if there is none. */
  get(map: YAMLMap, key: string): Node | null {
    const pair = map.items[indexOf(map, key)];
    return this.resolved((pair?.value ?? null) as Node | null);
  }

  /** What an alias stands for; anything else as it is. */
  resolved(value: Node | null): Node | null {
    return isAlias(value) ? (this.#targets.get(value) ?? null) : value;
  }

  /**
   * The map at a key of an own map, ready to be changed. It is made if nothing is there. A value that is no
   * map is given to `ofScalar`.
   */
  mapAt(map: YAMLMap, key: string, ofScalar: (value: Node) => YAMLMap): YAMLMap {
    const i = indexOf(map, key);
    const written = (map.items[i]?.value ?? null) as Node | null;
    const value = isAlias(written) ? this.expanded(written) : written;
    const inner = isMap(value) ? this.#owned(value) : this.#mapInsteadOf(map, value, ofScalar);
    this.put(map, key, inner);
    return inner;
  }

  #mapInsteadOf(map: YAMLMap, value: Node | null, ofScalar: (value: Node) => YAMLMap): YAMLMap {
    if (value !== null && !isEmptyScalar(value)) return ofScalar(value);
    const made = this.newMap(map.flow === true);
    if (value?.comment) made.comment = value.comment;
    return made;
  }

  newMap(isFlow: boolean): YAMLMap {
    const map = this.places.number(new YAMLMap());
    map.flow = isFlow;
    this.#own.add(map);
    return map;
  }

  /** Puts a value at a key of an own map: at its place, or else at `index`, or at the end. */
  put(map: YAMLMap, key: string, value: Node | null, index = map.items.length): void {
    const i = indexOf(map, key);
    if (i >= 0) map.items[i] = withValue(map.items[i]!, value) as YAMLMap['items'][number];
    else map.items.splice(index, 0, pairOf(key, value, this.places));
  }

  /** Takes a pair out of an own map. */
  take(map: YAMLMap, key: string): AnyPair | null {
    const i = indexOf(map, key);
    return i < 0 ? null : (map.items.splice(i, 1)[0] as AnyPair);
  }

  /** Takes a pair out of an own map for good. */
  remove(map: YAMLMap, key: string): void {
    this.leave((this.take(map, key)?.value ?? null) as Node | null);
  }

  /** The value goes, or goes elsewhere: other users of its anchors get copies. */
  leave(value: Node | null): void {
    if (this.#targets.size === 0 || value === null) return;
    visit(value, { Value: (_, node) => void (node.anchor && this.#touched.add(node)) });
  }

  /** A tree without aliases and anchors that may go elsewhere; the same tree if the file has none. */
  detached(value: Node | null): Node | null {
    if (this.#targets.size === 0 || value === null) return value;
    this.leave(value);
    return this.expanded(value);
  }

  /** A copy of a whole tree with what its aliases stand for. */
  expanded(value: Node): Node {
    return this.#expander.copy(value);
  }

  #owned(map: YAMLMap): YAMLMap {
    if (this.#own.has(map)) return map;
    const copy = copyOf(map);
    if (map.anchor !== undefined) {
      this.#touched.add(map);
      delete copy.anchor;
    }
    this.#own.add(copy);
    return copy;
  }

  /** The tree in which aliases of touched nodes are replaced by copies of them. */
  #withoutTouched<T extends Node>(at: T): T {
    if (isAlias(at)) {
      const target = this.#targets.get(at);
      return (target && this.#touched.has(target) ? this.expanded(target) : at) as T;
    }
    if (!isMap(at) && !isSeq(at)) return at;
    const items = at.items as unknown[];
    const replaced = items.map((item) =>
      isMap(at) ? this.#pairWithout(item as AnyPair) : this.#itemWithout(item),
    );
    if (replaced.every((item, i) => item === items[i])) return at;
    const copy = copyOf(at);
    copy.items = replaced as typeof copy.items;
    return copy;
  }

  #itemWithout(item: unknown): unknown {
    return item ? this.#withoutTouched(item as Node) : item;
  }

  #pairWithout(pair: AnyPair): AnyPair {
    const value = this.#itemWithout(pair.value) as Node | null;
    return value === pair.value ? pair : withValue(pair, value);
  }
}

/** The first entry of a block has no empty line above it. */
function closeUp(map: YAMLMap): void {
  const [first] = map.items;
  if (map.flow || !isScalar(first?.key) || !first.key.spaceBefore) return;
  const key = copyOf(first.key);
  key.spaceBefore = false;
  map.items[0] = new Pair(key, first.value);
}

/** The place of a key in a map; -1 if it is not there. */
export function indexOf(map: YAMLMap, key: string): number {
  return map.items.findIndex((pair) => keyOf(pair) === key);
}

export function keyOf(pair: AnyPair): string | null {
  return scalarText(pair.key as Node | null);
}
