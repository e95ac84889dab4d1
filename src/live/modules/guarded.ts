/** Code of modules outside of their packets: what it throws is told, and it cannot stay for ever. */

import { thrownText } from '../../base/short-text.ts';
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { firstPlaceOf } from '../../io/modules/traces.ts';

/** What is wrong with code of this module, as the end of a sentence; null: nothing. */
export function guarded(guard: ModuleGuard, label: string, run: () => void): string | null {
  guard.owner[0] = guard.numberOf(label);
  try {
    return guard.run(run) ? null : 'has not returned within 100 ms';
  } catch (error) {
    return `throws: ${firstLines(error)}`;
  }
}

/** The message, and the first place in the files of the module. */
export function firstLines(error: unknown): string {
  const place = firstPlaceOf(error);
  return place === null ? thrownText(error) : `${thrownText(error)} (${place})`;
}
