/** `shaper explain KEY`: what a key of the configuration means, takes and defaults to, and how it changes. */
import { EXIT_FINE } from '../base/errors.ts';
import { type Explanation, explainKey } from '../config/fields/explain.ts';
import type { Terminal } from './terminal.ts';

const CHANGES = {
  live: 'while packets flow: shaper set, or shaper reload',
  reload: 'while packets flow: shaper reload',
  restart: 'when the program is started again',
};

/** Throws OperatingError for a key that nobody knows. */
export function explain(key: string, { json = false }: { json?: boolean }, terminal: Terminal): number {
  const found = explainKey(key);
  terminal.out(json ? `${JSON.stringify({ keys: found }, null, 2)}\n` : found.map(textOf).join('\n'));
  return EXIT_FINE;
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
