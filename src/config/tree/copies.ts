/** Copies of nodes, which leave the tree they were taken from as it is. */
import { type Alias, isAlias, isMap, isSeq, type Node, Pair, type YAMLMap } from 'yaml';
import { CONFIG_NODES_MAX } from '../../limits.ts';
import { editError } from './error.ts';
import type { Places } from './places.ts';

export type AnyPair = Pair<unknown, unknown>;

/** The node with its comments and its style. A collection shares its items with the original. */
export function copyOf<T extends Node>(node: T): T {
  const copy = Object.create(Object.getPrototypeOf(node), Object.getOwnPropertyDescriptors(node)) as T;
  if (isMap(copy) || isSeq(copy)) copy.items = [...(copy.items as unknown[])] as typeof copy.items;
  return copy;
}

export function withValue(pair: AnyPair, value: Node | null): AnyPair {
  return new Pair(pair.key, value);
}

/** Copies whole trees, without anchors and with what aliases stand for in their places. */
export class Expander {
  readonly #targets: ReadonlyMap<Alias, Node | undefined>;
  readonly #places: Places;
  #left = CONFIG_NODES_MAX;

  constructor(targets: ReadonlyMap<Alias, Node | undefined>, places: Places) {
    this.#targets = targets;
    this.#places = places;
  }

  /** An alias without an anchor stays, and is reported when the tree is read. */
  readonly copy = (at: Node): Node => {
    if (--this.#left < 0) throw editError('refused', '', 'aliases repeat too many values of this file');
    if (isAlias(at)) {
      const target = this.#targets.get(at);
      return target ? this.copy(target) : at;
    }
    const copy = this.#places.numberCopy(copyOf(at), at);
    if ('anchor' in copy) delete copy.anchor;
    if (isMap(copy)) copy.items = copy.items.map((pair) => this.#pair(pair)) as YAMLMap['items'];
    else if (isSeq(copy)) copy.items = copy.items.map((item) => (item ? this.copy(item as Node) : item));
    return copy;
  };

  #pair(pair: AnyPair): AnyPair {
    const key = pair.key as Node | null;
    const value = pair.value as Node | null;
    return new Pair(key && this.copy(key), value && this.copy(value));
  }
}
