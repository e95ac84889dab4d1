/**
 * Scripts of bench/ whose processor time is measured, as the compiler's output. tsx would do for running them, but it
 * names every function for stack traces (keepNames of esbuild), and that alone doubles what our core costs.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findAddon } from '../src/io/nfqueue/addon.ts';
import { giveBack } from './lab/native.ts';
import { run } from './lab/process.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TYPESCRIPT = join(ROOT, 'node_modules/.bin/tsc');
const OUTPUT = join(ROOT, 'bench/build/js');
let compiling: Promise<void> | undefined;

/** Every time: it takes a second, and nothing can be stale. Types are the business of `npm run check`. */
async function compile(): Promise<void> {
  await run([TYPESCRIPT, '-p', join(ROOT, 'tsconfig.bench.json')], {
    timeoutMs: 60_000,
  });
  const inside = readdirSync(OUTPUT, { recursive: true, encoding: 'utf8' });
  giveBack(join(ROOT, 'bench/build'), OUTPUT, ...inside.map((name) => join(OUTPUT, name)));
}

/** The command that runs bench/`name`.ts in one process. */
export async function compiledScript(name: string, ...args: readonly (string | number)[]): Promise<string[]> {
  compiling ??= compile();
  await compiling;
  // From where it lies it would look for the addon in the wrong place.
  const addon = findAddon();
  const environment = addon === undefined ? [] : ['env', `SHAPER_ADDON=${addon}`];
  return [...environment, process.execPath, join(OUTPUT, `bench/${name}.js`), ...args.map(String)];
}

/** Files of the checkout (whole paths) and all that they import, as the compiler's output below `folder`: what starts often, or in a slow machine. */
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
}
