/** The list of modules in a tree of nodes: it is made anew, and entries that stay keep their nodes. */
import { isMap, isSeq, type Node, YAMLSeq } from 'yaml';
import { isEmptyScalar } from '../yaml/nodes.ts';
import type { MergePatch } from '../yaml/values.ts';
import { copyOf } from './copies.ts';
import type { Draft } from './draft.ts';
import { nodeOf } from './values.ts';

export interface ListedModule {
  /** Its place among the modules that the configuration was read as; null: it is none of them. */
  readonly from: number | null;
  readonly enabled: boolean;
  /** All of it, for an entry that has to be written. */
  readonly values: MergePatch;
}

const KEY = 'modules';

export function setModules(draft: Draft, listed: readonly ListedModule[]): void {
  const { root, places } = draft;
  const before = draft.get(root, KEY);
  const items = itemsOf(before);
  // A file that only a quota names has no entry. It gets one where its place or its switch has to be said.
  const isUnwritten = ({ from }: ListedModule): boolean => from !== null && from >= items.length;
  const hasToSay = listed.some((one) => one.from === null || (isUnwritten(one) && !one.enabled));
  const nodes = listed.flatMap((one): Node[] => {
    if (isUnwritten(one) && !hasToSay) return [];
    const item = one.from === null ? undefined : items[one.from];
    return [item === undefined ? nodeOf(one.values, places) : switched(draft, item, one.enabled)];
  });
  for (const [i, item] of items.entries()) if (!listed.some(({ from }) => from === i)) draft.leave(item);
  if (nodes.length === 0) {
    draft.remove(root, KEY);
    return;
  }
  const list = isSeq(before) ? places.numberCopy(copyOf(before), before) : places.number(new YAMLSeq());
  delete list.anchor;
  list.items = nodes;
  draft.put(root, KEY, list);
}

function itemsOf(at: Node | null): Node[] {
  if (isSeq(at)) return at.items as Node[];
  return at === null || isEmptyScalar(at) ? [] : [at];
}

/** The entry, on or off. The same node if it is so already. */
function switched(draft: Draft, item: Node, enabled: boolean): Node {
  const map = draft.resolved(item);
  if (!isMap(map)) return item;
  const written = draft.get(map, 'enabled');
  if (String(written ?? true) === String(enabled)) return item;
  const plain = draft.detached(item);
  const copy = copyOf(isMap(plain) ? plain : map);
  if (enabled) draft.remove(copy, 'enabled');
  else draft.put(copy, 'enabled', nodeOf(false, draft.places));
  return copy;
}
