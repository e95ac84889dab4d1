/**
 * Starts a worker thread from a file beside its caller: the compiled .js in dist, or the .ts source. Node 20
 * gives worker threads no loader for sources, so the thread registers tsx first, under which the sources run
 * anyway.
 */
import { extname } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** The file has `name` without its extension and lies beside `callerUrl` (import.meta.url). */
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
