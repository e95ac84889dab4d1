/** Where in a configuration a node stands: path and key instead of a line. */
import { type Alias, isAlias, isMap, isSeq, type Node, type YAMLMap } from 'yaml';
import { resolveAliases } from '../yaml/nodes.ts';
import type { ConfigProblem } from '../yaml/problems.ts';
import type { YamlSource } from '../yaml/source.ts';
import { keyOf } from './draft.ts';

type Targets = ReadonlyMap<Alias, Node | undefined>;
/** The keys from the top of the file to a value. Items of lists count as their list. */
type Keys = readonly string[];

/** Path and key of a problem, such as `wan/up/guests queue.limit`. */
export function whereOf(source: YamlSource, { offset, message }: ConfigProblem): string {
  const found: Keys[] = [];
  const walk = (at: Node | null, keys: Keys): void => {
    if (!at) return;
    if (at.range?.[0] === offset) found.push(keys);
    if (isSeq(at)) for (const item of at.items) walk(item as Node | null, keys);
    if (!isMap(at)) return;
    for (const pair of at.items) {
      const inner = [...keys, keyOf(pair) ?? ''];
      walk(pair.key as Node | null, inner);
      walk(pair.value as Node | null, inner);
    }
  };
  walk(source.contents, []);
  // The first key of a block map stands where the map begins.
  const named = found.findLast((keys) => isNamed(keys.at(-1) ?? '', message));
  return textOf(named ?? found[0] ?? []);
}

/** The message names the key as its subject or in quotes. */
function isNamed(key: string, message: string): boolean {
  return message.startsWith(`${key}:`) || message.startsWith(`${key} `) || message.includes(`'${key}'`);
}

function textOf(keys: Keys): string {
  const { path, key } = split(keys);
  return [path, key].filter((part) => part !== '').join(' ');
}

/** Keys of the file as the path of a class and the dotted key below it. */
function split(keys: Keys): { readonly path: string; readonly key: string } {
  if (keys[0] !== 'links') return { path: '', key: keys.join('.') };
  let taken = Math.min(keys.length, 2);
  const path = keys.slice(1, taken);
  if (['up', 'down', 'both'].includes(keys[taken] ?? '')) {
    path.push(keys[taken]!);
    taken += 1;
    while (keys[taken] === 'classes' && keys.length > taken + 1) {
      path.push(keys[taken + 1]!);
      taken += 2;
    }
  }
  return { path: path.join('/'), key: keys.slice(taken).join('.') };
}

/** The number of the name of a class or direction; null if it is not written. */
export function numberOfClass({ contents, hasAliases }: YamlSource, path: string): number | null {
  const targets: Targets = hasAliases ? resolveAliases(contents) : new Map();
  const [link = '', direction = '', ...names] = path.split('/');
  const entry = (at: Node | null, ...keys: string[]) => {
    const map = (isAlias(at) ? targets.get(at) : at) ?? null;
    return isMap(map) ? (map as YAMLMap).items.find((one) => keys.includes(keyOf(one) ?? '')) : undefined;
  };
  const valueIn = (at: Node | null, key: string): Node | null =>
    (entry(at, key)?.value ?? null) as Node | null;
  let pair = entry(valueIn(valueIn(contents, 'links'), link), direction, 'both');
  for (const name of names) pair = entry(valueIn((pair?.value ?? null) as Node | null, 'classes'), name);
  return (pair?.key as Node | undefined)?.range?.[0] ?? null;
}
