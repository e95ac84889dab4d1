/**
 * Walks a YAML document along the table of fields. Every problem is reported with
 * its place and reading goes on, so that one run shows all problems of a file.
 */
import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import { nearest } from '../../base/nearest.ts';
import { UnitError } from '../../base/units.ts';
import { CLASSES_MAX, CONFIG_NODES_MAX } from '../../limits.ts';
import {
  type Field,
  FieldError,
  type ListField,
  NAME,
  type NodeField,
  PER_DIRECTION,
  type ScalarField,
  type Section,
} from '../fields/kinds.ts';
import { describe, isEmptyScalar, offsetOf, resolveAliases, scalarText } from './nodes.ts';
import { Problems } from './problems.ts';
import type { YamlSource } from './source.ts';
import { asValue, isPatch, type MergePatch, type Value } from './values.ts';

/** A value with the place at which it was written. */
export interface Located<T> {
  readonly value: T;
  /** Position of the value in the text. */
  readonly offset: number;
}

/** The values of a section after reading. Keys that were absent or wrong are absent. */
export type Values<S extends Section> = {
  readonly [K in keyof S]?: S[K] extends ScalarField<infer T>
    ? Located<T>
    : S[K] extends ListField<infer T>
      ? Located<readonly Located<T>[]>
      : S[K] extends NodeField
        ? Located<Node>
        : never;
};

/** A named entry of a map of links or classes. */
export interface Named {
  readonly name: string;
  /** Position of the name in the text. */
  readonly offset: number;
  /** null if nothing was written after the colon. */
  readonly node: Node | null;
}

const DIRECTIONS = ['up', 'down'] as const;
const BY_THEMSELVES = ['links', 'up', 'down', 'both', 'classes'];
type Direction = (typeof DIRECTIONS)[number];

interface Kept {
  readonly path: string;
  readonly at: Node | null;
  readonly direction: Direction | null;
}

export class YamlReader {
  readonly problems: Problems;
  readonly #kept: Kept[] = [];
  readonly #source: YamlSource;
  /** What each alias stands for; undefined without an anchor before it. */
  readonly #targets: ReadonlyMap<Alias, Node | undefined>;
  /** In `both`: the direction that is read now. */
  #direction: Direction | null = null;
  #nodes = 0;
  #keys = 0;
  #isExhausted = false;

  constructor(source: YamlSource) {
    this.problems = new Problems(source.file, source.lines);
    this.#source = source;
    this.#targets = source.hasAliases ? resolveAliases(source.contents) : new Map();
    for (const { offset, message } of source.faults) this.problems.error(offset, message);
  }

  /**
   * The content of the document. null if it is empty, or if it is not well-formed, which has been reported.
   */
  root(): Node | null {
    return this.#source.isWellFormed ? this.#resolve(this.#source.contents) : null;
  }

  /** Reads a map whose keys are the fields of `section`. Messages call the map `what`. */
  section<S extends Section>(at: Node | null, section: S, what: string): Values<S> {
    const values: Record<string, Located<unknown>> = {};
    const map = this.map(at, what);
    for (const pair of map?.items ?? []) {
      const key = this.#key(pair);
      if (!key) continue;
      const field = Object.hasOwn(section, key.value) ? section[key.value] : undefined;
      if (!field) {
        this.problems.error(key.offset, this.#unknownKey(key.value, section, what));
        continue;
      }
      const value = this.#field(field, key, this.#resolve(pair.value as Node | null));
      if (value) values[key.value] = value;
    }
    return values as Values<S>;
  }

  /** Entries of a map of links or classes, with well-formed names only. */
  named(at: Node | null, what: string, many: string): Named[] {
    const entries = new Map<string, Named>();
    const items = this.map(at, many)?.items ?? [];
    if (items.length > CLASSES_MAX) {
      const message = `${items.length} ${many} are more than the ${CLASSES_MAX} classes that are possible in all`;
      this.problems.error(offsetOf(at), message);
      return [];
    }
    for (const pair of items) {
      const key = this.#key(pair);
      if (!key) continue;
      if (!NAME.test(key.value)) {
        const rule = 'a letter a to z, then letters, digits, _ or -, all lower case';
        this.problems.error(key.offset, `'${key.value}' is not a name for a ${what}: ${rule}`);
        continue;
      }
      if (entries.has(key.value)) continue;
      entries.set(key.value, { name: key.value, offset: key.offset, node: this.#valueOf(pair) });
    }
    return [...entries.values()];
  }

  /** The map at `at`, or null. An empty value counts as an empty map; any other value is reported. */
  map(at: Node | null, what: string): YAMLMap | null {
    if (at === null || isEmptyScalar(at)) return null;
    if (isMap(at)) return this.#isWithinBounds(at) ? at : null;
    this.problems.error(offsetOf(at), `${what} must be a map (key: value), not ${describe(at)}`);
    return null;
  }

  /**
   * Remembers a map of the file as it was written, for those who compare configurations. In `both` it is the
   * part of the direction that is read. The classes or directions in it are remembered by themselves.
   */
  keepWritten(path: string, at: Node | null): void {
    this.#kept.push({ path, at, direction: this.#direction });
  }

  /**
   * What was remembered, by path. Only for a file without errors: its aliases do not repeat too much.
   */
  written(): Map<string, MergePatch> {
    const target = (alias: Alias): Node | null => this.#targets.get(alias) ?? null;
    const written = new Map<string, MergePatch>();
    for (const { path, at, direction } of this.#kept) {
      const values: [string, Value][] = [];
      for (const pair of isMap(at) ? at.items : []) {
        const key = scalarText(pair.key as Node | null) ?? '';
        if (BY_THEMSELVES.includes(key)) continue;
        values.push([key, ownPart(asValue(pair.value as Node | null, target), direction)]);
      }
      // A direction may be a rate alone.
      if (isScalar(at) && !isEmptyScalar(at)) values.push(['rate', scalarText(at)]);
      written.set(path, Object.fromEntries(values));
    }
    return written;
  }

  /** The value of a node, of the direction that is read. Texts stay as they were written. */
  value(at: Node | null): Value {
    const node = this.#resolve(at);
    if (isSeq(node)) return node.items.map((item) => this.value(item as Node | null));
    if (!isMap(node)) return node && scalarText(node);
    const own =
      this.#direction === null ? undefined : node.items.find((pair) => isKey(pair, this.#direction!));
    if (own) return this.value(own.value as Node | null);
    return Object.fromEntries(
      node.items.map((pair): [string, Value] => [
        scalarText(pair.key as Node | null) ?? '',
        this.value(pair.value as Node | null),
      ]),
    );
  }

  /** Counts the keys of the map, and reports those that are there twice. */
  #isWithinBounds(map: YAMLMap): boolean {
    this.#keys += map.items.length;
    if (this.#keys > CONFIG_NODES_MAX) {
      this.#exhausted(map);
      return false;
    }
    const seen = new Set<string>();
    for (const { key } of map.items) {
      const text = scalarText(key as Node | null);
      if (text === null) continue;
      if (seen.has(text)) this.problems.error(offsetOf(key as Node), 'this key is here twice');
      seen.add(text);
    }
    return true;
  }

  /** Whether a map has the key, be its value right or wrong. */
  hasKey(at: Node | null, key: string): boolean {
    return isMap(at) && at.items.some((pair) => isKey(pair, key));
  }

  /** The items of a list, or the single item that was written instead of a list. */
  items(at: Node): Node[] {
    if (!isSeq(at)) return [at];
    if (at.items.length === 0) this.problems.error(offsetOf(at), 'the list is empty');
    const items: Node[] = [];
    for (const item of at.items) {
      const resolved = this.#resolve(item as Node | null);
      if (resolved) items.push(resolved);
      else this.problems.error(offsetOf(at), 'the list has an empty item');
    }
    return items;
  }

  /** The entries of a map whose keys are words that the file chooses. */
  entries(map: YAMLMap): { readonly key: Node; readonly node: Node | null; readonly offset: number }[] {
    return map.items.flatMap((pair) => {
      const key = this.#key(pair);
      return key ? [{ key: pair.key as Node, node: this.#valueOf(pair), offset: key.offset }] : [];
    });
  }

  /** The values of a list, each of which must be there once. */
  distinct<T>(items: readonly Located<T>[], what: string): T[] {
    const seen = new Set<T>();
    for (const { value, offset } of items) {
      if (seen.has(value)) this.problems.error(offset, `${what}: '${value}' is here twice`);
      seen.add(value);
    }
    return [...seen];
  }

  /** Reads one value. A value that does not fit is reported, and the result is null. */
  scalar<T>(read: (text: string) => T, at: Node, what: string): Located<T> | null {
    const text = scalarText(at);
    if (text === null) {
      this.problems.error(offsetOf(at), `${what} must be a single value, not ${describe(at)}`);
      return null;
    }
    try {
      return { value: read(text), offset: offsetOf(at) };
    } catch (error) {
      if (!(error instanceof FieldError || error instanceof UnitError)) throw error;
      this.problems.error(offsetOf(at), `${what}: ${error.message}`);
      return null;
    }
  }

  /**
   * Reads what stands for two directions: `read` is called for each of them. Each value may be one for both,
   * or { up: …, down: … }. A problem of both directions is reported once.
   */
  inBoth<T>(read: (direction: Direction) => T): Record<Direction, T> {
    const half = (direction: Direction): T => {
      this.#direction = direction;
      return read(direction);
    };
    const values = this.problems.ofBoth(half);
    this.#direction = null;
    return values;
  }

  /** Of { up: …, down: … } in the place of a value: that of the direction that is read. */
  #ofDirection(key: string, value: Node): Node | null {
    if (!DIRECTIONS.some((direction) => this.hasKey(value, direction))) return value;
    if (this.#direction === null) {
      const message = `${key}: { up: …, down: … } belongs in both; here one direction is described`;
      this.problems.error(offsetOf(value), message);
      return null;
    }
    const values = this.section(value, PER_DIRECTION, key);
    for (const direction of DIRECTIONS) {
      if (this.hasKey(value, direction)) continue;
      this.problems.error(offsetOf(value), `${key} has no value for ${direction}: { up: …, down: … }`);
    }
    return values[this.#direction]?.value ?? null;
  }

  #field(field: Field, key: Located<string>, written: Node | null): Located<unknown> | null {
    const mayDiffer =
      field.shape === 'scalar' || field.shape === 'list' || (field.shape === 'node' && field.mayDiffer);
    const value = mayDiffer && written ? this.#ofDirection(key.value, written) : written;
    if (value === null && written !== null) return null;
    const isEmpty = value === null || isEmptyScalar(value);
    if (field.shape === 'refused') {
      this.problems.error(key.offset, `${key.value}: ${field.message}`);
      return null;
    }
    if (isEmpty) {
      this.problems.error(key.offset, `${key.value} has no value; it takes: ${field.takes}`);
      return null;
    }
    if (field.shape === 'node') return { value, offset: offsetOf(value) };
    if (field.shape === 'scalar') return this.scalar(field.read, value, key.value);
    if (field.mayBeEmpty && isSeq(value) && value.items.length === 0) {
      return { value: [], offset: offsetOf(value) };
    }
    const read = this.items(value).map((item) => this.scalar(field.read, item, key.value));
    const items = read.filter((item) => item !== null);
    return items.length > 0 ? { value: items, offset: offsetOf(value) } : null;
  }

  #unknownKey(key: string, section: Section, what: string): string {
    if (this.#direction === null || !DIRECTIONS.some((direction) => direction === key))
      return unknownKey(key, section, what);
    return `${key}: { up: …, down: … } stands for one value; give it to each value of ${what} that differs`;
  }

  #key(pair: Pair): Located<string> | null {
    const node = pair.key as Node | null;
    const text = node && !isAlias(node) ? scalarText(node) : null;
    if (node && text !== null) return { value: text, offset: offsetOf(node) };
    const offset = node ? offsetOf(node) : offsetOf(pair.value as Node | null);
    this.problems.error(offset, 'a key must be a plain word');
    return null;
  }

  #valueOf(pair: Pair): Node | null {
    const value = this.#resolve(pair.value as Node | null);
    return value && isEmptyScalar(value) ? null : value;
  }

  /**
   * Follows aliases. It counts the nodes it returns, so
   * that aliases of aliases cannot make a small file huge.
   */
  #resolve(at: Node | null): Node | null {
    if (++this.#nodes > CONFIG_NODES_MAX) {
      this.#exhausted(at);
      return null;
    }
    if (!isAlias(at)) return at;
    const target = this.#targets.get(at);
    if (!target) this.problems.error(offsetOf(at), `*${at.source} has no anchor &${at.source} before it`);
    return target ?? null;
  }

  /** Reports once that the bound is passed. */
  #exhausted(at: Node | null): void {
    const message = `more than ${CONFIG_NODES_MAX} values, counting what aliases repeat`;
    if (!this.#isExhausted) this.problems.error(offsetOf(at), message);
    this.#isExhausted = true;
  }
}

function isKey(pair: Pair<unknown, unknown>, key: string): boolean {
  return isScalar(pair.key) && String(pair.key.value) === key;
}

/** Of { up: …, down: … } anywhere in a value: the value of the direction. */
function ownPart(value: Value, direction: Direction | null): Value {
  if (direction === null || typeof value !== 'object' || value === null) return value;
  if (!isPatch(value)) return value.map((item) => ownPart(item, direction));
  const own = value[direction];
  if (own !== undefined) return ownPart(own, direction);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, ownPart(inner, direction)]));
}

/** Names the nearest key of the section. Messages call the map `what`. */
export function unknownKey(key: string, section: Section, what: string): string {
  const known = Object.keys(section).filter((name) => section[name]!.shape !== 'refused');
  const near = nearest(key, known);
  if (near?.isNear) return `unknown key '${key}' in ${what}; did you mean '${near.word}'?`;
  return `unknown key '${key}' in ${what}; the nearest is '${near?.word}' (known here: ${known.join(', ')})`;
}
