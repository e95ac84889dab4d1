/** Users' own modules, as they are written in a configuration. */
import type { ModuleUse, WrittenValue } from '../../spec/modules.ts';
import { MODULE as DEFAULTS } from '../fields/defaults.ts';
import { SECTIONS } from '../fields/sections.ts';
import { type Block, type BlockValue, type Detail, writeSection } from './block.ts';

export function writeModule({ use, run, priority, options, enabled }: ModuleUse, detail: Detail): Block {
  const entries = Object.entries(options).map(([name, value]): [string, BlockValue] => [
    name,
    blockOf(value),
  ]);
  return writeSection(
    SECTIONS.module,
    {
      use,
      run: run ?? undefined,
      priority,
      options: entries.length > 0 ? Object.fromEntries(entries) : undefined,
      enabled,
    },
    DEFAULTS,
    detail,
  );
}

/** Values of options are texts, or lists of texts: no option takes anything else. */
function blockOf(value: WrittenValue): BlockValue {
  return Array.isArray(value) ? value.map(String) : String(value);
}
