/** The classes of the running configuration with the values of their keys, one line of text each. */
import { toBitsPerSecOrNull } from '../../base/units.ts';
import type { LoadedConfig } from '../../config/config.ts';
import { valueText } from '../../config/edit/value-text.ts';
import { ACCESS_TEXT } from '../../config/fields/access.ts';
import { SECTIONS } from '../../config/fields/sections.ts';
import type { Block, BlockValue } from '../../config/write/block.ts';
import { writeClass } from '../../config/write/links.ts';
import type { MergePatch } from '../../config/yaml/values.ts';
import { type ClassInfo, listClasses } from '../../core/classes/classes.ts';

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
      values: { ...defaultsOf(info, all[parent]), ...written },
      written: Object.keys(written),
      access: Object.fromEntries(
        Object.entries(access.get(path) ?? {}).map(([file, entry]) => [file, ACCESS_TEXT.write(entry)]),
      ),
    };
  });
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

function defaultsOf({ spec, direction }: ClassInfo, parent: ClassInfo | undefined): Record<string, string> {
  const around = parent?.spec ?? spec;
  const place = {
    ...{ direction, isPaced: false, parentPriority: around.priority },
    parentCeilBytesPerSec: around.ceilBytesPerSec,
  };
  const block = writeClass({ ...spec, children: [] }, place, 'all');
  const section = parent === undefined ? SECTIONS.direction : SECTIONS.class;
  const known = Object.entries(block).filter(
    ([key]) => key in section && section[key as keyof typeof section].shape !== 'refused',
  );
  return dotted(Object.fromEntries(known));
}
