/**
 * The modules that are there, as a configuration names them. Commands load, unload and switch modules, and
 * the base of the configuration knows nothing of that. `save` and `diff` do.
 */
import { dirname } from 'node:path';
import type { LoadedConfig } from '../../config/config.ts';
import type { ConfigDocument } from '../../config/edit/document.ts';
import type { ListedModule } from '../../config/tree/modules.ts';
import { writeModule } from '../../config/write/modules.ts';
import type { MergePatch } from '../../config/yaml/values.ts';
import type { ModuleUse } from '../../spec/modules.ts';
import { isSameUse, wholeUse } from '../modules.ts';

type Read = Pick<LoadedConfig, 'modules' | 'toldModules'>;

/**
 * The document whose modules are the present ones, in their order. Files of `present` have whole paths. An
 * entry of the document that is the same module stays as it is written; the same document if all do.
 */
export function withPresentModules(
  document: ConfigDocument,
  { modules, toldModules }: Read,
  present: readonly ModuleUse[],
): ConfigDocument {
  const folder = dirname(document.file);
  const whole = modules.map((use) => ({ ...use, use: wholeUse(use.use, folder) }));
  const left = new Set(whole.keys());
  const names = [...modules.map(({ use }) => use), ...toldModules.map(({ name }) => name)];
  const listed = present.map((one): ListedModule => {
    const from = [...left].find((i) => isSameUse(whole[i]!, one)) ?? null;
    if (from !== null) left.delete(from);
    // A quota finds its module by the same words.
    const use = names.find((name) => wholeUse(name, folder) === one.use) ?? one.use;
    return { from, enabled: one.enabled, values: writeModule({ ...one, use }, 'chosen') as MergePatch };
  });
  const isSame =
    listed.length === modules.length &&
    listed.every(({ from, enabled }, i) => from === i && enabled === modules[i]!.enabled);
  return isSame ? document : document.withModules(listed);
}
