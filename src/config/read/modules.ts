/** Users' own modules, as far as the file says what they are. Their own files are read later. */
import { isSeq, type Node } from 'yaml';
import { MODULES_MAX } from '../../limits.ts';
import { isFileUse, type ModuleUse, type ModuleUsePlaces, type WrittenPlace } from '../../spec/modules.ts';
import { MODULE as DEFAULTS } from '../fields/defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import { offsetOf, scalarText } from '../yaml/nodes.ts';
import type { Located, YamlReader } from '../yaml/reader.ts';

/** What they are, and where each stands. */
export interface ReadModules {
  readonly modules: readonly ModuleUse[];
  readonly places: readonly ModuleUsePlaces[];
}

/** `told` are modules that quotas name. A file among them is one more module, if it is none already. */
export function readModules(
  reader: YamlReader,
  at: Located<Node> | undefined,
  told: readonly Located<string>[],
): ReadModules {
  const items = !at || (isSeq(at.value) && at.value.items.length === 0) ? [] : reader.items(at.value);
  if (at && items.length > MODULES_MAX) {
    const message = `modules: ${items.length} are more than the ${MODULES_MAX} that are possible`;
    reader.problems.error(at.offset, message);
    return { modules: [], places: [] };
  }
  const read = items.map((item) => readModule(reader, item));
  for (const one of told)
    if (isFileUse(one.value) && !read.some(({ module }) => module.use === one.value))
      read.push(bareModule(reader, one));
  return { modules: read.map(({ module }) => module), places: read.map(({ places }) => places) };
}

interface ReadModule {
  readonly module: ModuleUse;
  readonly places: ModuleUsePlaces;
}

/** It has no entry of its own, and every default. */
function bareModule(reader: YamlReader, { value: use, offset }: Located<string>): ReadModule {
  const place = reader.problems.placeOf(offset);
  return {
    module: { use, run: null, options: {}, ...DEFAULTS, line: place.line },
    places: { use: place, run: place, priority: place, options: {} },
  };
}

function readModule(reader: YamlReader, item: Node): ReadModule {
  const word = scalarText(item);
  if (word !== null) {
    reader.problems.error(offsetOf(item), `a module is a map; write - use: ${word}`);
    return bareModule(reader, { value: word, offset: offsetOf(item) });
  }
  const { use, run, priority, options, enabled } = reader.section(item, SECTIONS.module, 'a module');
  const entry = offsetOf(item);
  if (!use && !reader.hasKey(item, 'use'))
    reader.problems.error(entry, 'a module needs use: a built-in name, a file ./NAME.ts, or a package');
  const map = options ? reader.map(options.value, 'options') : null;
  const placeAt = (offset: number): WrittenPlace => reader.problems.placeOf(offset);
  const values: [string, ModuleUse['options'][string], number][] = [];
  for (const { key, node, offset } of map ? reader.entries(map) : [])
    values.push([scalarText(key)!, reader.value(node), node ? offsetOf(node) : offset]);
  return {
    module: {
      use: use?.value ?? '',
      run: run?.value ?? null,
      priority: priority?.value ?? DEFAULTS.priority,
      options: Object.fromEntries(values.map(([name, value]) => [name, value])),
      enabled: enabled?.value ?? DEFAULTS.enabled,
      line: placeAt(entry).line,
    },
    places: {
      use: placeAt(use?.offset ?? entry),
      run: placeAt(run?.offset ?? entry),
      priority: placeAt(priority?.offset ?? entry),
      options: Object.fromEntries(values.map(([name, , offset]) => [name, placeAt(offset)])),
    },
  };
}
