/**
 * The modules of a configuration: their files are loaded, their options read, their order checked. Every
 * problem is told at once, at its place in the configuration.
 */
import { dirname, resolve } from 'node:path';
import { nearest } from '../base/nearest.ts';
import { thrownText } from '../base/short-text.ts';
import { ConfigError, type ConfigProblem, type LoadedConfig } from '../config/config.ts';
import type { InterestContext } from '../config/modules/interest.ts';
import { OptionsError, type OptionValue, readOptions } from '../config/modules/options.ts';
import { ModuleSpecError, moduleSpecOf } from '../config/modules/spec.ts';
import { callWithin, LateError } from '../io/modules/call-within.ts';
import { loadModule, ModuleFileError } from '../io/modules/loader.ts';
import { firstPlaceOf } from '../io/modules/traces.ts';
import { MODULE_RUN_MS_MAX } from '../limits.ts';
import type { AnyModule } from '../modules/definition.ts';
import type { AccountNames } from '../spec/accounts.ts';
import type { FoundModules } from '../spec/found-modules.ts';
import { inOrder, orderFaults } from '../spec/module-order.ts';
import type { ModuleSpec, ModuleUse, ModuleUsePlaces, WrittenPlace } from '../spec/modules.ts';

export interface PreparedModule {
  readonly use: ModuleUse;
  readonly definition: AnyModule;
  /** As create() gets them. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Its name is unique: `qosmod`, or `qosmod-2` if that is taken. */
  readonly spec: ModuleSpec;
  readonly source: string;
}

type Config = Pick<LoadedConfig, 'modules' | 'modulePlaces' | 'toldModules' | 'spec' | 'isMarkAuto'>;

interface Problem {
  readonly place: WrittenPlace;
  readonly message: string;
}

export interface PrepareOptions {
  /** null if they are not known. */
  readonly accounts: AccountNames | null;
  /** Says what is wrong with the rules of a kernel-run module; null: nothing. Default: nobody is asked. */
  readonly ruleFault?: (spec: ModuleSpec) => Promise<string | null>;
}

type Placed = PreparedModule & { readonly places: ModuleUsePlaces };

/**
 * In the order in which packets pass them, those that are off included. `file` is the configuration's:
 * relative files start in its folder.
 * @throws ConfigError (rejects) with every problem
 */
export async function prepareModules(
  { modules, modulePlaces, toldModules, spec, isMarkAuto }: Config,
  file: string,
  options: PrepareOptions,
): Promise<PreparedModule[]> {
  const ownMarkMask = isMarkAuto ? 0 : spec.nfqueue.markMask;
  const found = { modules, modulePlaces, toldModules, hosts: spec.hosts, ownMarkMask };
  const { prepared, problems } = await prepareAll(found, file, options);
  if (problems.length > 0) throw new ConfigError(problems);
  const places = inOrder(prepared.map((one, i) => ({ ...one.spec, i })));
  return places.map(({ i }) => {
    const { places: _, ...module } = prepared[i]!;
    return module;
  });
}

/** What is wrong with the modules of a configuration that has other problems. */
export async function moduleProblems(
  found: FoundModules,
  file: string,
  options: PrepareOptions,
): Promise<readonly ConfigProblem[]> {
  // That `use` is missing is told already.
  const named = found.modules.map(({ use }) => use !== '');
  const modules = found.modules.filter((_, i) => named[i]);
  const modulePlaces = found.modulePlaces.filter((_, i) => named[i]);
  const isWhole = modules.length === found.modules.length;
  const toldModules = isWhole ? found.toldModules : [];
  return (await prepareAll({ ...found, modules, modulePlaces, toldModules }, file, options)).problems;
}

async function prepareAll(
  { modules, modulePlaces, toldModules, hosts, ownMarkMask }: FoundModules,
  file: string,
  { accounts, ruleFault = async () => null }: PrepareOptions,
): Promise<{ readonly prepared: readonly Placed[]; readonly problems: readonly ConfigProblem[] }> {
  const context = { hosts, ownMarkMask, accounts };
  const folder = dirname(resolve(file));
  const problems: Problem[] = [];
  const prepared: Placed[] = [];
  // One after the other: each load takes a processor.
  for (const [i, use] of modules.entries()) {
    const places = modulePlaces[i]!;
    const taken = new Set(prepared.map((one) => one.spec.name));
    const read = await prepareModule(use, folder, taken, context).catch((error: unknown) => {
      problems.push(...problemsOf(error, places));
      return null;
    });
    if (read === null) continue;
    prepared.push({ ...read, places });
    const fault = await ruleFault(read.spec);
    if (fault !== null) problems.push({ place: places.run, message: fault });
  }
  const on = prepared.filter(({ use }) => use.enabled).map((one) => one.spec);
  for (const { name, message } of orderFaults(on)) {
    const { places } = prepared.find((one) => one.spec.name === name)!;
    problems.push({ place: places.priority, message: `priority: ${message}` });
  }
  // A module that could not be read may be the one that is meant.
  if (prepared.length === modules.length) problems.push(...toldProblems(toldModules, prepared));
  return { prepared, problems: problems.map((one) => placed(one, file)) };
}

/** Of those that are on, in their order. */
export function specsOfEnabled(modules: readonly PreparedModule[]): ModuleSpec[] {
  return modules.filter(({ use }) => use.enabled).map(({ spec }) => spec);
}

/**
 * One module, whose label is none of those that are taken.
 * @throws ModuleFileError, OptionsError, ModuleSpecError, and what `interest` and `kernel` throw
 */
export async function prepareModule(
  use: ModuleUse,
  folder: string,
  taken: ReadonlySet<string>,
  context: InterestContext,
): Promise<PreparedModule> {
  const { definition, source } = await loadModule(use.use, folder);
  const options = readOptions(definition, use.options);
  const label = freeLabel(definition.label, taken);
  const spec = callWithin(MODULE_RUN_MS_MAX, () => moduleSpecOf(definition, label, use, options, context));
  return { use, definition, options, spec, source };
}

function freeLabel(label: string, taken: ReadonlySet<string>): string {
  if (!taken.has(label)) return label;
  let n = 2;
  while (taken.has(`${label}-${n}`)) n++;
  return `${label}-${n}`;
}

function problemsOf(error: unknown, places: ModuleUsePlaces): Problem[] {
  if (error instanceof ModuleFileError)
    return error.faults.map((fault) => ({
      place: places.use,
      message: error.hint === '' ? fault : `${fault}; ${error.hint}`,
    }));
  if (error instanceof OptionsError)
    return error.problems.map(({ option, message }) => ({
      place: (option === null ? undefined : places.options[option]) ?? places.use,
      message,
    }));
  if (error instanceof ModuleSpecError)
    return error.faults.map((message) => ({ place: places.run, message }));
  const what = error instanceof LateError ? 'interest() or kernel() does not end' : 'it throws';
  const at = firstPlaceOf(error);
  return [{ place: places.use, message: `${at === null ? '' : `${at}: `}${what}: ${thrownText(error)}` }];
}

/** Quotas that name no module, or one that cannot be told anything. */
function toldProblems(
  toldModules: FoundModules['toldModules'],
  prepared: readonly PreparedModule[],
): Problem[] {
  const labels = prepared.map(({ spec }) => spec.name);
  return toldModules.flatMap(({ name, place }): Problem[] => {
    const meant = prepared.filter(({ use, spec }) => spec.name === name || use.use === name);
    if (meant.some(({ spec }) => spec.run === 'user')) return [];
    if (meant.length > 0)
      return [{ place, message: `module: ${name} runs in the kernel, where nobody tells it` }];
    const near = nearest(name, labels);
    const hint = near ? `the nearest label is ${near.word}` : `write ./${name}.ts for a file`;
    return [{ place, message: `module: ${name} is no module of modules; ${hint}` }];
  });
}

function placed({ place, message }: Problem, file: string): ConfigProblem {
  return { file, ...place, message, offset: 0 };
}
