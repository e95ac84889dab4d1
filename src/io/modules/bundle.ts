/** From a file of a module, or a package, to one text that can be run: with all that it imports. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT_FAILED, OperatingError } from '../../base/errors.ts';
import { MODULE_BUNDLE_MS_MAX } from '../../limits.ts';
import { startWorkerFile } from '../../threads/worker-file.ts';

export interface BundleQuestion {
  /** Absolute path of the file; null: `name` is that of a package. */
  readonly file: string | null;
  readonly name: string;
  /** From here on upwards packages are looked for. */
  readonly folder: string;
  /** Absolute path of what `nfqueue-shaper/module` stands for. */
  readonly api: string;
}

export interface Bundled {
  /** The body of a CommonJS module. */
  readonly text: string;
  /** Its source map, as JSON. */
  readonly map: string;
  /** From here paths in the map count. */
  readonly mapFolder: string;
  /** `FILE:LINE:COL: message` each. With one of them there is no text. */
  readonly faults: readonly string[];
  readonly doubts: readonly string[];
}

/** Compiled modules get the compiled API. */
const API = fileURLToPath(
  new URL(`../../modules/api/index${extname(new URL(import.meta.url).pathname)}`, import.meta.url),
);

/** Rejects with an OperatingError if the work could not be done at all. */
export function bundle(question: Omit<BundleQuestion, 'api'>): Promise<Bundled> {
  return new Promise((resolve, reject) => {
    const workerData: BundleQuestion = { ...question, api: API };
    const worker = startWorkerFile(import.meta.url, 'bundle-worker', { workerData, name: 'bundle' });
    const what = question.file ?? question.name;
    const fail = (why: string, cause?: unknown): void => {
      const hint = 'npm install in the folder of the program puts esbuild there, which bundles modules';
      reject(new OperatingError(EXIT_FAILED, `${what} could not be bundled: ${why}`, hint, cause));
    };
    const patience = setTimeout(() => {
      fail(`it is not done after ${MODULE_BUNDLE_MS_MAX / 1000} s`);
      void worker.terminate();
    }, MODULE_BUNDLE_MS_MAX);
    let bundled: Bundled | null = null;
    worker.once('message', (message: Bundled) => {
      bundled = message;
    });
    worker.once('error', (error) => fail(error.message, error));
    // The answer waits for the end of the thread, so that a load leaves nothing behind.
    worker.once('exit', () => {
      clearTimeout(patience);
      if (bundled) resolve(bundled);
      else fail('its thread has ended without an answer');
    });
  });
}
