/** Values as JSON has them. */
import { type Alias, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { scalarText } from './nodes.ts';

/** A value of a configuration. Single values may be texts, which are read as in a file. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

/**
 * A JSON Merge Patch (RFC 7396) of a class or direction: null removes a key, maps are merged, everything else
 * replaces.
 */
export interface MergePatch {
  readonly [key: string]: Value;
}

export function isPatch(value: Value): value is MergePatch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value of a node. Numbers and booleans are texts as they were written: 0x10 stays 0x10. `resolve` gives
 * what an alias stands for.
 */
export function asValue(at: Node | null, resolve: (alias: Alias) => Node | null = () => null): Value {
  const node = isAlias(at) ? resolve(at) : at;
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map((pair): [string, Value] => [
        scalarText(pair.key as Node | null) ?? '',
        asValue(pair.value as Node | null, resolve),
      ]),
    );
  }
  if (isSeq(node)) return node.items.map((item) => asValue(item as Node | null, resolve));
  return isScalar(node) ? scalarText(node) : null;
}
