/** JSON Merge Patch (RFC 7396) on the nodes of a configuration. */
import { isCollection, isScalar, type YAMLMap } from 'yaml';
import { isEmptyScalar } from '../yaml/nodes.ts';
import { isPatch, type MergePatch, type Value } from '../yaml/values.ts';
import { type Draft, keyOf } from './draft.ts';
import { nodeOf } from './values.ts';

/** Changes an own map. */
export function mergeInto(draft: Draft, map: YAMLMap, patch: MergePatch): void {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) draft.remove(map, key);
    else if (isPatch(value)) mergeKey(draft, map, key, value);
    else replace(draft, map, key, value);
  }
}

function mergeKey(draft: Draft, map: YAMLMap, key: string, patch: MergePatch): void {
  const before = draft.get(map, key);
  if (before === null || isEmptyScalar(before)) {
    draft.put(map, key, nodeOf(patch, draft.places));
    return;
  }
  const inner = draft.mapAt(map, key, (value) => {
    draft.leave(value);
    return draft.newMap(true);
  });
  if (key === 'aqm') dropOthers(draft, inner, patch);
  mergeInto(draft, inner, patch);
}

/** A class has one algorithm: another one takes its place. */
function dropOthers(draft: Draft, aqm: YAMLMap, patch: MergePatch): void {
  const named = Object.keys(patch).filter((name) => patch[name] !== null);
  if (named.length === 0) return;
  for (const name of aqm.items.map(keyOf))
    if (name !== null && !named.includes(name)) draft.remove(aqm, name);
}

/** The comment of a value stays with the value that takes its place. */
function replace(draft: Draft, map: YAMLMap, key: string, value: Value): void {
  const before = draft.get(map, key);
  draft.leave(before);
  const made = nodeOf(value, draft.places);
  // The comment of a block stands inside it, and goes with it.
  const isOnLine = isScalar(before) || (isCollection(before) && before.flow);
  if (isOnLine && before?.comment) made.comment = before.comment;
  draft.put(map, key, made);
}
