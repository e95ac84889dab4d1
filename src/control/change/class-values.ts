/** The classes of the running configuration with the values of their keys, one line of text each. */
import { toBitsPerSecOrNull } from '../../base/units.ts';
import type { LoadedConfig } from '../../config/config.ts';
import { valueText } from '../../config/edit/value-text.ts';
import { ACCESS_TEXT } from '../../config/fields/access.ts';
import { SECTIONS } from '../../config/fields/sections.ts';
import type { Block, BlockValue } from '../../config/write/block.ts';
import { type ClassPlace, writeClass } from '../../config/write/links.ts';
import type { MergePatch } from '../../config/yaml/values.ts';
import { type ClassInfo, listClasses } from '../../core/classes/classes.ts';
import type { ClassSpec } from '../../spec/spec.ts';

export interface ClassValues {
  readonly path: string;
  /** Whether it has classes inside. */
  readonly isInner: boolean;
  /** What it may have at most, by its own ceil and those around it; null: not limited. */
  readonly ceilBitsPerSecond: number | null;
  /**
   * By key, those of the queue dotted: as in the file, else the default that applies. A key is absent while
   * the class has nothing of it.
   */
  readonly values: Readonly<Record<string, string>>;
  /** The keys that the file has. */
  readonly written: readonly string[];
  /** Who may read and write the class where classes are files: OWNER:GROUP MODE by file. */
  readonly access: Readonly<Record<string, string>>;
}

/** Told by themselves. */
const APART = ['classes', 'access'];

let lastConfig: LoadedConfig | null = null;

let lastValues: readonly ClassValues[] = [];

/** Parents before their classes, in the order of the file. The same configuration is written once. */
export function classValues(config: LoadedConfig): readonly ClassValues[] {
  if (lastConfig === config) return lastValues;
  const access = new Map(config.accesses.map(({ path, entries }) => [path, entries]));
  const ceils: number[] = [];
  lastConfig = config;
  lastValues = listClasses(config.spec).map((info, c, all) => {
    const { path, parent, spec, children } = info;
    ceils[c] = Math.min(spec.ceilBytesPerSec, ceils[parent] ?? Number.POSITIVE_INFINITY);
    const written = dotted(config.written.get(path) ?? {});
    return {
      path,
      isInner: children.length > 0,
      ceilBitsPerSecond: toBitsPerSecOrNull(ceils[c]),
      values: { ...defaults.of(info, all[parent]), ...written },
      written: Object.keys(written),
      access: Object.fromEntries(
        Object.entries(access.get(path) ?? {}).map(([file, entry]) => [file, ACCESS_TEXT.write(entry)]),
      ),
    };
  });
  defaults.turn();
  return lastValues;
}

function dotted(values: MergePatch | Block): Record<string, string> {
  const entries = Object.entries(values).flatMap(([key, value]): [string, string][] => {
    if (APART.includes(key) || value === null) return [];
    const isQueue = key === 'queue' && typeof value === 'object';
    if (!isQueue) return [[key, valueText(value as MergePatch[string])]];
    return Object.entries(value as Block).map(([inner, it]) => [
      `queue.${inner}`,
      valueText(it as BlockValue),
    ]);
  });
  return Object.fromEntries(entries);
}

/**
 * The defaults that apply, by all that they follow from: writing them is dear, and of a thousand classes most
 * are alike, and the same as before the last change.
 */
class DefaultTexts {
  #known = new Map<string, Record<string, string>>();
  #used = new Map<string, Record<string, string>>();

  of({ spec, direction }: ClassInfo, parent: ClassInfo | undefined): Record<string, string> {
    const { name: _, path: _path, children: _children, match: _match, ...own } = spec;
    const around = parent?.spec ?? spec;
    const place = {
      ...{ direction, isPaced: false, parentPriority: around.priority },
      parentCeilBytesPerSec: around.ceilBytesPerSec,
    };
    const key = JSON.stringify([own, place, parent === undefined]);
    const known = this.#used.get(key) ?? this.#known.get(key);
    // A matcher is told as it is written.
    const texts = known ?? textsOf({ ...spec, match: null, children: [] }, place, parent === undefined);
    this.#used.set(key, texts);
    return texts;
  }

  /** Those that were not asked for since the last call are forgotten. */
  turn(): void {
    this.#known = this.#used;
    this.#used = new Map();
  }
}

function textsOf(spec: ClassSpec, place: ClassPlace, isDirection: boolean): Record<string, string> {
  const section = isDirection ? SECTIONS.direction : SECTIONS.class;
  const known = Object.entries(writeClass(spec, place, 'all')).filter(
    ([key]) => key in section && section[key as keyof typeof section].shape !== 'refused',
  );
  return dotted(Object.fromEntries(known));
}

const defaults = new DefaultTexts();
