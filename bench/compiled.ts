/**
 * Compiles the scripts of bench/ whose processor time is measured. tsx could run them as they are, but it
 * names every function for stack traces (keepNames of esbuild), and that alone doubles the cost of our core.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findAddon } from '../src/io/nfqueue/addon.ts';
import { giveBack } from './lab/native.ts';
import { onProcessEnd, run } from './lab/process.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TYPESCRIPT = join(ROOT, 'node_modules/.bin/tsc');
/** Of this process alone, as another bench may compile at the same time. */
const OUTPUT = join(ROOT, `bench/build/js-${process.pid}`);
let compiling: Promise<void> | undefined;

/** Every time: it takes a second, and nothing can be stale. Types are the business of `npm run check`. */
async function compile(): Promise<void> {
  onProcessEnd(() => rmSync(OUTPUT, { recursive: true, force: true }));
  const project = join(ROOT, 'tsconfig.bench.json');
  await run([TYPESCRIPT, '-p', project, '--outDir', OUTPUT], { timeoutMs: 60_000 });
  giveBack(join(ROOT, 'bench/build'));
}

/** The command that runs bench/`name`.ts in one process. */
export async function compiledScript(name: string, ...args: readonly (string | number)[]): Promise<string[]> {
  compiling ??= compile();
  await compiling;
  // A compiled script would look for the addon relative to itself, in the wrong place.
  const addon = findAddon();
  const environment = addon === undefined ? [] : ['env', `SHAPER_ADDON=${addon}`];
  return [...environment, process.execPath, join(OUTPUT, `bench/${name}.js`), ...args.map(String)];
}

/**
 * Compiles files of the checkout (whole paths), and all that they import, into `folder`, with links to what
 * they look for in the checkout: for scripts that start in a slow
 * machine, or often.
 */
export async function compileInto(folder: string, files: readonly string[]): Promise<void> {
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      outDir: folder,
      rootDir: ROOT,
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: [],
    files,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  await run([TYPESCRIPT, '-p', folder], { timeoutMs: 120_000 });
  for (const linked of ['node_modules', 'dist', 'bench/native', 'bench/build']) {
    mkdirSync(dirname(join(folder, linked)), { recursive: true });
    symlinkSync(join(ROOT, linked), join(folder, linked));
  }
}
