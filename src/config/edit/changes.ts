/**
 * The difference between two configurations, as people would tell it: what was written otherwise, and not all
 * that follows from it. If the ceil of a class changes, the ceil that its classes have of it is not told, nor
 * the bytes of a limit that is written as a time. Values that mean the same are no difference.
 */
import { equal } from '../../base/equal.ts';
import type { LoadedConfig } from '../config.ts';
import type { Block } from '../write/block.ts';
import { writeClass } from '../write/links.ts';
import { type KeyChange, keyChanges } from './key-changes.ts';
import { type Part, partsOf } from './parts.ts';
import { valueText } from './value-text.ts';

/**
 * A class that came or went is one change with an empty key and its own values as text; the classes inside it
 * are changes of their own. The key `classes` is the order in which the classes of a path are tried,
 * and `links`, without a path, the order of links.
 */
export interface ConfigChange extends KeyChange {
  /** `wan/up/guests`, `wan/up`, `wan`; empty for what belongs to no link. */
  readonly path: string;
}

/**
 * Empty exactly if both mean the same. A mask of packet marks that is chosen at the start is no difference.
 */
export function configChanges(before: LoadedConfig, after: LoadedConfig): ConfigChange[] {
  const [olds, news] = [partsOf(before), partsOf(after)];
  const changes: ConfigChange[] = [];
  /** Differences that nobody wrote. They follow from others. */
  const silent: ConfigChange[] = [];
  for (const path of olds.keys()) {
    const old = news.has(path) ? null : wholeText(before, path);
    if (old !== null) changes.push({ path, key: '', old, new: null });
  }
  for (const [path, part] of news) {
    const old = olds.get(path);
    const added = old ? null : wholeText(after, path);
    if (added !== null) changes.push({ path, key: '', old: null, new: added });
    if (!old) continue;
    for (const key of keysThatDiffer(old, part)) {
      const written = keyChanges(key, part.section, before.written.get(path), after.written.get(path));
      changes.push(...written.map((change) => ({ path, ...change })));
      if (written.length === 0)
        silent.push({ path, key, old: meaningText(old, key), new: meaningText(part, key) });
    }
    if (`${old.order}` !== `${part.order}`) changes.push(...orderChange(path, old.order, part.order));
  }
  return changes.length > 0 ? changes : silent;
}

/** The values of a class or link; null for a class `default` that nobody wrote. */
function wholeText({ written }: LoadedConfig, path: string): string | null {
  const values = written.get(path);
  return values ? valueText(values) : null;
}

function keysThatDiffer(old: Part, now: Part): string[] {
  const keys = new Set([...Object.keys(old.meanings), ...Object.keys(now.meanings)]);
  return [...keys].filter((key) => !equal(old.meanings[key], now.meanings[key]));
}

/** Classes that came or went are told by themselves. */
function orderChange(path: string, old: readonly string[], now: readonly string[]): ConfigChange[] {
  const common = (names: readonly string[], others: readonly string[]): string[] =>
    names.filter((name) => others.includes(name));
  if (`${common(old, now)}` === `${common(now, old)}`) return [];
  return [{ path, key: path === '' ? 'links' : 'classes', old: valueText(old), new: valueText(now) }];
}

/** The value with all defaults that apply. */
function meaningText({ node }: Part, key: string): string | null {
  if (node === null) return null;
  const block: Block = writeClass(
    node,
    {
      direction: 'up',
      parentCeilBytesPerSec: node.ceilBytesPerSec,
      parentPriority: node.priority,
      isPaced: false,
    },
    'all',
  );
  const value = block[key];
  return value === undefined ? null : valueText(value);
}
