/** The modules of a configuration, in the order in which packets pass them. */
import { valueText } from '../config/edit/value-text.ts';
import { reportOptions } from '../config/modules/options.ts';
import { writeModule } from '../config/write/modules.ts';
import type { MergePatch } from '../config/yaml/values.ts';
import type { PreparedModule } from '../module-files/prepare.ts';

/**
 * A line for each module, and one for each of its options:
 *
 *   module qosmod: { use: qosmod, run: user, priority: 10, enabled: true } at postrouting
 *     threshold: 20 (default 20), packets after which a flow is long
 */
export function moduleSummary(modules: readonly PreparedModule[]): string {
  const lines = modules.flatMap(({ use, definition, options, spec }) => {
    const { name, run, hooks } = spec;
    const written = writeModule({ ...use, run, options: {} }, 'all');
    return [
      `module ${name}: ${valueText(written as MergePatch)} at ${hooks.join(', ')}`,
      ...reportOptions(definition, options).map(({ name: option, value, default: standard, help }) => {
        const note = standard === null ? '' : ` (default ${standard})`;
        return `  ${option}: ${value}${note}, ${help}`;
      }),
    ];
  });
  return lines.map((line) => `  ${line}\n`).join('');
}
