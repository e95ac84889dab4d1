/** `both` written out as `up` and `down`. `inside` and `outside` stay: each direction has its own of them. */
import { isMap, isSeq, type Node, type YAMLMap } from 'yaml';
import { type AnyPair, copyOf, withValue } from './copies.ts';
import { type Draft, indexOf, keyOf } from './draft.ts';

type Direction = 'up' | 'down';

/** Replaces `both` of an own map of a link by `up` and `down`, at its place. */
export function splitBoth(draft: Draft, link: YAMLMap): void {
  const at = indexOf(link, 'both');
  if (at < 0) return;
  const written = (link.items[at]!.value ?? null) as Node | null;
  const both = written && draft.expanded(written);
  draft.remove(link, 'both');
  draft.put(link, 'up', both && ofDirection(both, 'up', 'class'), at);
  draft.put(link, 'down', both && ofDirection(draft.expanded(both), 'down', 'class'), at + 1);
}

/** `classes` are names of classes, and a class may be called up or down. */
type Kind = 'class' | 'classes' | 'value';

/** The tree with the value of one direction in the place of each { up: …, down: … }. */
function ofDirection(at: Node, direction: Direction, kind: Kind): Node {
  if (isSeq(at)) {
    const list = copyOf(at);
    list.items = at.items.map((item) => (item ? ofDirection(item as Node, direction, 'value') : item));
    return list;
  }
  if (!isMap(at)) return at;
  const own = at.items.find((pair) => keyOf(pair) === direction)?.value;
  if (kind === 'value' && own) return ofDirection(own as Node, direction, 'value');
  const map = copyOf(at);
  map.items = at.items.map((pair) => {
    const value = pair.value as Node | null;
    return value ? withValue(pair, ofDirection(value, direction, kindOf(pair, kind))) : pair;
  }) as typeof map.items;
  return map;
}

function kindOf(pair: AnyPair, around: Kind): Kind {
  if (around === 'classes') return 'class';
  return around === 'class' && keyOf(pair) === 'classes' ? 'classes' : 'value';
}
