/** A host has come to another state with a quota that names a module. */
import { type QuotaCommand, wholeUse } from '../../control/modules.ts';
import type { ModuleStage } from '../../core/modules/stage.ts';
import type { ModuleEntry } from './entry.ts';
import { entryOf } from './roster.ts';

/** Throws ModuleError if no module has that name, unless one of them alone is meant. */
export function tellQuota(
  { name, host, quota, state, only }: QuotaCommand,
  entries: readonly ModuleEntry[],
  stage: Pick<ModuleStage, 'call'>,
): void {
  const meant = entries.filter(({ label, ask }) => label === name || ask.use === wholeUse(name, ask.folder));
  if (meant.length === 0 && only === null) entryOf(entries, name);
  for (const { label, life } of meant) {
    const { instance } = life ?? {};
    if (instance?.onQuota !== undefined && (only ?? label) === label)
      stage.call(label, () => instance.onQuota!(host, quota, state));
  }
}
