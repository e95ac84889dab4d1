/** Bundles one module, in a thread of its own, so that reading and parsing files keeps no packet waiting. */
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { dirname, resolve } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type BuildFailure, build, type Message, stop } from 'esbuild';
import type { Bundled, BundleQuestion } from './bundle.ts';

async function answer({ file, name, folder, api }: BundleQuestion): Promise<Bundled> {
  const entry =
    file === null
      ? { stdin: { contents: `export { default } from ${JSON.stringify(name)};`, resolveDir: folder } }
      : { entryPoints: [file] };
  const workingFolder = file === null ? folder : dirname(file);
  try {
    const { outputFiles, warnings } = await build({
      ...entry,
      absWorkingDir: workingFolder,
      // Nothing is written there. Paths in the source map count from here.
      outfile: resolve(workingFolder, 'module.js'),
      alias: { 'nfqueue-shaper/module': api },
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      // A script of node:vm can require, but not import.
      supported: { 'dynamic-import': false },
      define: { 'import.meta.url': 'moduleUrl' },
      keepNames: true,
      sourcemap: 'external',
      logLevel: 'silent',
      // Settings of the folder are for an editor: how types are checked does not change what a module does.
      tsconfigRaw: '{}',
    });
    const textOf = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))!.text;
    return {
      text: textOf('.js'),
      map: textOf('.map'),
      mapFolder: workingFolder,
      faults: [],
      doubts: warnings.map((one) => placed(one, workingFolder)),
    };
  } catch (error) {
    const errors = (error as Partial<BuildFailure>).errors ?? [];
    if (errors.length === 0) throw error;
    const faults = errors.map((one) => placed(one, workingFolder));
    return { text: '', map: '', mapFolder: workingFolder, faults, doubts: [] };
  }
}

const AWAIT =
  'a module cannot wait (await) in its outermost statements: wait in an async function that create() calls';

/** `FILE:LINE:COL: message`. Columns of esbuild count from 0. */
function placed({ text: said, location }: Message, folder: string): string {
  const text = said.startsWith('Top-level await') ? AWAIT : said;
  if (location === null) return text;
  const file = location.file.startsWith('<') ? '' : `${resolve(folder, location.file)}:`;
  return file === '' ? text : `${file}${location.line}:${location.column + 1}: ${text}`;
}

/** The service of esbuild is a process, of which it tells nobody. */
const services: ChildProcess[] = [];
subscribe('child_process', (message) => services.push((message as { process: ChildProcess }).process));

const bundled = await answer(workerData as BundleQuestion);
await stop();
// Who ends without asking how a child has ended leaves a zombie.
await Promise.all(services.map(ended));
parentPort!.postMessage(bundled);

async function ended(child: ChildProcess): Promise<void> {
  child.ref();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
