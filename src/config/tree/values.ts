/** Nodes for values as JSON has them. */
import { isScalar, type Node, Pair, parseDocument, Scalar, YAMLMap, YAMLSeq } from 'yaml';
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
  return places.number((typeof value === 'string' ? plainScalar(value) : null) ?? new Scalar(value));
}

/** Words and numbers. Other texts are not looked at. */
const WORD = /^[\w.+-]+$/;

/**
 * KEY=VALUE arguments are texts. One that YAML reads as a number or boolean, and writes as it was, is written
 * without quotes, as the schema of editors asks; null for all others.
 */
function plainScalar(text: string): Scalar | null {
  if (!WORD.test(text)) return null;
  const document = parseDocument(text, { version: '1.2' });
  const { contents } = document;
  if (!isScalar(contents) || !['boolean', 'number'].includes(typeof contents.value)) return null;
  return document.toString() === `${text}\n` ? contents : null;
}

export function pairOf(key: string, value: Node | null, places: Places): Pair<Node, Node | null> {
  return new Pair<Node, Node | null>(places.number(new Scalar(key)), value);
}
