/**
 * Modules from files, packages, and those that are built in. Their text runs as a script of this thread, not
 * as an ES module: nothing could end the outermost statements of one, and its memory would never be given
 * back.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { thrownText } from '../../base/short-text.ts';
import { BUILT_IN } from '../../built-in/index.ts';
import { MODULE_RUN_MS_MAX } from '../../limits.ts';
import { type AnyModule, definitionFaults } from '../../modules/definition.ts';
import { isFileUse } from '../../spec/modules.ts';
import { bundle } from './bundle.ts';
import { callWithin, LateError } from './call-within.ts';
import { firstPlaceOf, nameOfText } from './traces.ts';

export interface LoadedModule {
  readonly definition: AnyModule;
  /** The absolute path of its file, `package NAME`, or `built in`. */
  readonly source: string;
  /** Differs if anything of its text, or of what it imports, does. */
  readonly fingerprint: string;
  /** The name of its text, of which places in stacks tell (textsOf of traces.ts); null: it is built in. */
  readonly text: string | null;
}

/** Runs the outermost statements. Returns after how long they were ended, as text; null: they have ended. */
export type RunText = (run: () => void) => string | null;

/** The module cannot be used. Every fault is a line of the message, with its place if it has one. */
export class ModuleFileError extends OperatingError {
  override readonly name = 'ModuleFileError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[], hint = '', cause?: unknown) {
    super(EXIT_USAGE, faults.join('\n'), hint, cause);
    this.faults = faults;
  }
}

/** What `use` names: a built-in module; else a file, by its ending or by how it starts; else a package. */
export function kindOfUse(use: string): 'built-in' | 'file' | 'package' {
  if (Object.hasOwn(BUILT_IN, use)) return 'built-in';
  return isFileUse(use) ? 'file' : 'package';
}

/**
 * Loads it, anew every time. A relative path, and the search for packages, start at `folder`.
 * @throws ModuleFileError (rejects) with all that is wrong with the file
 */
export async function loadModule(
  use: string,
  folder: string,
  runOutermost: RunText = withinLimit,
): Promise<LoadedModule> {
  const kind = kindOfUse(use);
  if (kind === 'built-in') return builtIn(use);
  const file = kind === 'file' ? resolve(folder, use) : null;
  if (file !== null) checkFile(file);
  const bundled = await bundle({ file, name: use, folder });
  if (bundled.faults.length > 0) throw new ModuleFileError(bundled.faults, hintOf(use, kind));
  const source = file ?? `package ${use}`;
  const name = nameOfText(source, bundled.map, bundled.mapFolder);
  const from = file ?? join(folder, 'module.js');
  const exported = defaultOf(bundled.text, name, source, from, runOutermost);
  const faults = definitionFaults(exported);
  if (faults.length > 0) throw new ModuleFileError(faults.map((fault) => `${source}: ${fault}`));
  return { definition: exported as AnyModule, source, fingerprint: hashOf(bundled.text), text: name };
}

async function builtIn(name: string): Promise<LoadedModule> {
  const { default: definition } = await BUILT_IN[name]!();
  return {
    definition: definition as AnyModule,
    source: 'built in',
    fingerprint: hashOf(`built in ${name}`),
    text: null,
  };
}

function checkFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile()) return;
  throw new ModuleFileError([`${file}: ${found ? 'this is no file' : 'there is no such file'}`]);
}

function hintOf(use: string, kind: string): string {
  if (kind !== 'package') return '';
  const near = nearest(use, Object.keys(BUILT_IN));
  const names = near?.isNear ? `did you mean ${near.word}?` : `built in: ${Object.keys(BUILT_IN).join(', ')}`;
  return `a file is written ./${use}.ts; ${names}`;
}

/** This process, in which a module could end everything. */
const program = process;
const { exit } = program;
const refuseExit: typeof exit = () => {
  throw new Error('process.exit() would end the shaper');
};

/** Where no packet waits. */
const withinLimit: RunText = (run) => {
  try {
    callWithin(MODULE_RUN_MS_MAX, run);
    return null;
  } catch (error) {
    if (!(error instanceof LateError)) throw error;
    return `${MODULE_RUN_MS_MAX} ms`;
  }
};

/** Runs what was bundled, and returns the default export. What it requires is looked for from `from`. */
function defaultOf(
  text: string,
  filename: string,
  source: string,
  from: string,
  runOutermost: RunText,
): unknown {
  const wrapped = `((module, exports, require, moduleUrl) => {${text}\n})`;
  const module: { exports: { default?: unknown } } = { exports: {} };
  let endedAfter: string | null = null;
  try {
    const body = new Script(wrapped, { filename }).runInThisContext();
    const require = createRequire(from);
    program.exit = refuseExit;
    endedAfter = runOutermost(() => void body(module, module.exports, require, pathToFileURL(from).href));
  } catch (error) {
    throw new ModuleFileError([whyNotRun(error, source)], '', error);
  } finally {
    program.exit = exit;
  }
  if (endedAfter !== null)
    throw new ModuleFileError([`${source}: its outermost statements have not ended after ${endedAfter}`]);
  const { exports } = module;
  return '__esModule' in exports ? exports.default : (exports.default ?? exports);
}

function whyNotRun(error: unknown, source: string): string {
  return `${firstPlaceOf(error) ?? source}: it throws when it is loaded: ${thrownText(error)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
