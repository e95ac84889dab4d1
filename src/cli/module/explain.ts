/** What a module is and which options it takes, without an instance: `shaper explain qosmod`. */
import { printable } from '../../base/printable.ts';
import { type LoadedModule, loadModule } from '../../io/modules/loader.ts';
import type { OptionSpec } from '../../modules/api/module.ts';

export interface ModuleExplanation {
  readonly label: string;
  readonly about: string;
  readonly source: string;
  readonly hooks: readonly string[];
  /** Its forms: `user`, `kernel`. */
  readonly runs: readonly ('user' | 'kernel')[];
  readonly options: readonly ({ readonly name: string } & OptionSpec)[];
}

/** A relative file starts at the folder of the caller. Rejects with OperatingError. */
export async function explainModule(use: string): Promise<ModuleExplanation> {
  return explained(await loadModule(use, process.cwd()));
}

function explained({ definition, source }: LoadedModule): ModuleExplanation {
  const { label, about = '', hooks, options = {}, create, kernel } = definition;
  return {
    ...{ label, about, source, hooks },
    runs: [...(create ? (['user'] as const) : []), ...(kernel ? (['kernel'] as const) : [])],
    options: Object.entries(options).map(([name, option]) => ({ name, ...option })),
  };
}

export function moduleExplanation({ label, about, source, hooks, runs, options }: ModuleExplanation): string {
  const rows = [
    ...(about === '' ? [] : [['about', about]]),
    ['from', source],
    ['hooks', hooks.join(', ')],
    ['runs', runs.join(' or ')],
    ['example', `modules: [ { use: ${source === 'built in' ? label : source} } ]`],
  ];
  const lines = rows.map(([name, text]) => `  ${name!.padEnd(8)} ${printable(text!)}`);
  const heading = options.length === 0 ? '  it has no options' : '  options';
  return [`${label} (a module)`, ...lines, heading, ...options.map(optionText), ''].join('\n');
}

function optionText({
  name,
  type,
  default: byDefault,
  help,
  min,
  max,
  values,
}: { name: string } & OptionSpec): string {
  const bounds = [
    ...(values === undefined ? [] : [`one of ${values.join(', ')}`]),
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
    byDefault === undefined ? 'must be given' : `default ${String(byDefault)}`,
  ];
  return `    ${name}: ${printable(`${help} (${[type, ...bounds].join(', ')})`)}`;
}
