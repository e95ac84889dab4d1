/** Nodes for values as JSON has them. */
import { type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { isPatch, type Value } from '../yaml/values.ts';
import type { Places } from './places.ts';

/** Flow style, `{ a: 1 }`, for everything that is made anew. Entries of maps that are null are left out. */
export function nodeOf(value: Value, places: Places): Node {
  if (isPatch(value)) {
    const map = places.number(new YAMLMap());
    map.flow = true;
    for (const [key, inner] of Object.entries(value)) {
      if (inner !== null) map.items.push(pairOf(key, nodeOf(inner, places), places));
    }
    return map;
  }
  if (typeof value === 'object' && value !== null) {
    const list = places.number(new YAMLSeq());
    list.flow = true;
    for (const item of value as readonly Value[]) list.items.push(nodeOf(item, places));
    return list;
  }
  return places.number(new Scalar(value));
}

export function pairOf(key: string, value: Node | null, places: Places): Pair<Node, Node | null> {
  return new Pair<Node, Node | null>(places.number(new Scalar(key)), value);
}
