/** Modules of a simulated run: those of the configuration, then those of --module. */
import { dirname, resolve } from 'node:path';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { thrownText } from '../../base/short-text.ts';
import type { LoadedConfig } from '../../config/config.ts';
import { ConfigDocument } from '../../config/edit/document.ts';
import { MODULE } from '../../config/fields/defaults.ts';
import type { ModuleGuard } from '../../core/modules/guard.ts';
import { readConfigText } from '../../io/config-text.ts';
import { firstPlaceOf } from '../../io/modules/traces.ts';
import { type PreparedModule, prepareModule, prepareModules } from '../../module-files/prepare.ts';
import type { LogEntry, ModulesOptions, SimulatedModule } from '../../sim/modules/world-modules.ts';
import { inOrder } from '../../spec/module-order.ts';
import { isFileUse, type ModuleUse } from '../../spec/modules.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { ModuleSource } from './module-faults.ts';

/** Every simulated packet comes by these. */
const MET = ['prerouting', 'forward', 'postrouting'];

/** What --module says: `FILE KEY=VALUE …`, and again. */
export function readModuleWords(words: readonly string[]): ModuleUse[] {
  const uses: ModuleUse[] = [];
  for (const word of words) {
    const [, key, value] = /^([A-Za-z]\w*)=(.*)$/s.exec(word) ?? [];
    const last = uses.at(-1);
    if (key === undefined) {
      // Those of the command line start where it is.
      const use = isFileUse(word) ? resolve(word) : word;
      uses.push({ use, run: null, options: {}, ...MODULE, line: 0 });
    } else if (last === undefined) {
      const hint = 'simulate --module FILE KEY=VALUE …';
      throw new OperatingError(
        EXIT_USAGE,
        `--module: '${word}' is an option, and no module stands before it`,
        hint,
      );
    } else uses[uses.length - 1] = { ...last, options: { ...last.options, [key]: value ?? '' } };
  }
  return uses;
}

export interface RunModules {
  /** undefined: there are none. */
  readonly options: ModulesOptions | undefined;
  readonly warnings: readonly string[];
  /** Of all that are on. */
  readonly sources: readonly ModuleSource[];
}

/** Loads them, anew for every run. Rejects with OperatingError. */
export async function modulesForRun(
  file: string,
  config: LoadedConfig,
  extra: readonly ModuleUse[],
  err: (text: string) => void,
  guard: ModuleGuard | null,
): Promise<RunModules> {
  const prepared = [...(await prepareModules(config, file, { accounts: null }))];
  for (const use of extra) prepared.push(await prepareExtra(use, file, config, prepared));
  const warnings: string[] = [];
  const on = prepared.filter(({ use }) => use.enabled).flatMap((one) => simulated(one, warnings));
  const modules = inOrder(on.map((module, i) => ({ ...module.spec, i }))).map(({ i }) => on[i]!);
  const sources = prepared.map(({ spec, source }) => ({ label: spec.name, source }));
  if (modules.length === 0) return { options: undefined, warnings, sources: [] };
  const log = (entry: LogEntry): void => err(logLine(entry));
  const options = { modules, setClass: classSetter(file), log, ...(guard !== null && { guard }) };
  return { options, warnings, sources };
}

async function prepareExtra(
  use: ModuleUse,
  file: string,
  { spec, isMarkAuto }: LoadedConfig,
  others: readonly PreparedModule[],
): Promise<PreparedModule> {
  const taken = new Set(others.map((other) => other.spec.name));
  const context = { hosts: spec.hosts, ownMarkMask: isMarkAuto ? 0 : spec.nfqueue.markMask, accounts: null };
  try {
    return await prepareModule(use, dirname(resolve(file)), taken, context);
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    const message = `${firstPlaceOf(error) ?? use.use}: it throws: ${thrownText(error)}`;
    throw new OperatingError(EXIT_USAGE, message, '', error);
  }
}

/** A module as it can run here; none if it cannot. */
function simulated(
  { use, definition, options, spec }: PreparedModule,
  warnings: string[],
): SimulatedModule[] {
  const { name, run, hooks } = spec;
  if (run === 'kernel' && !definition.create) {
    warnings.push(`module ${name} has rules of the kernel alone, which nothing here follows: it is left out`);
    return [];
  }
  if (run === 'kernel') warnings.push(`module ${name} runs in the kernel; here its user-run form does`);
  if (!hooks.some((hook) => MET.includes(hook)))
    warnings.push(`module ${name} meets no packet here: simulated packets pass ${MET.join(', ')}`);
  return [{ use: use.use, definition, options, spec: { ...spec, run: 'user', kernelRules: {} } }];
}

/** Changes a class as `shaper set` does, each time from what the times before have made. */
function classSetter(file: string): ModulesOptions['setClass'] {
  let document = ConfigDocument.parse(readConfigText(file), file);
  return (path, values): ShaperSpec => {
    const edited = document.patchClass(path, { ...values });
    const { spec } = edited.load(null, { skipSchedules: true });
    document = edited;
    return spec;
  };
}

/** Lines of the log are those of the world's time. */
function logLine({ label, level, fields, message, atNs }: LogEntry): string {
  if (level === 'debug') return '';
  const more = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
  return `${(atNs / 1e9).toFixed(6)} s ${level} ${label}: ${message}${more}\n`;
}
