/**
 * `shaper explain KEY`: what a key of the configuration means, takes and defaults to, and how it changes; or
 * what a module is.
 */
import { EXIT_FINE, OperatingError } from '../base/errors.ts';
import { type Explanation, explainKey } from '../config/fields/explain.ts';
import { kindOfUse } from '../io/modules/loader.ts';
import { explainModule, moduleExplanation } from './module/explain.ts';
import type { Terminal } from './terminal.ts';

const CHANGES = {
  live: 'while packets flow: shaper set, or shaper reload',
  reload: 'while packets flow: shaper reload',
  restart: 'when the program is started again',
};

/**
 * `key` may name a module as well: one that is built in, or a file. Rejects with OperatingError if nobody
 * knows it.
 */
export async function explain(
  key: string,
  { json = false }: { json?: boolean },
  terminal: Terminal,
): Promise<number> {
  const isModule = kindOfUse(key) !== 'package';
  const modules = isModule ? [await explainModule(key)] : [];
  const keys = isModule ? keysIfAny(key) : explainKey(key);
  const texts = [...keys.map(textOf), ...modules.map(moduleExplanation)];
  const report = { keys, ...(isModule && { modules }) };
  terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : texts.join('\n'));
  return EXIT_FINE;
}

/** A module and a key may have the same name. */
function keysIfAny(key: string): readonly Explanation[] {
  try {
    return explainKey(key);
  } catch (error) {
    if (error instanceof OperatingError) return [];
    throw error;
  }
}

function textOf({ key, of, help, takes, default: byDefault, change, example }: Explanation): string {
  const rows = [
    ['takes', takes],
    ['default', byDefault],
    ['changes', CHANGES[change]],
    ['example', example],
  ];
  const lines = rows.map(([name, text]) => `  ${name!.padEnd(8)} ${text}`);
  return [`${key} (of ${of})`, `  ${help}`, ...lines, ''].join('\n');
}
