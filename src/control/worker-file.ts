/**
 * Starts a worker thread from a file beside its caller: the compiled .js in dist, or the .ts source. For sources Node
 * 20 gives worker threads no loader, so a first line in the thread registers tsx, which the sources run under anyway.
 */
import { extname } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** `name` without extension, beside `callerUrl` (import.meta.url). */
export function startWorkerFile(callerUrl: string, name: string, options: WorkerOptions): Worker {
  const extension = extname(callerUrl);
  const file = new URL(`./${name}${extension}`, callerUrl);
  if (extension !== '.ts') return new Worker(file, options);
  const loader = import.meta.resolve('tsx/esm/api');
  const script = `import(${JSON.stringify(loader)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(file.href)});
  });`;
  return new Worker(script, { ...options, eval: true });
}
