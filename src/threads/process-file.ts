/**
 * Starts a process of its own from a file beside its caller: the compiled .js in dist, or the .ts source,
 * under tsx then. It inherits nothing that it does not need.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ProcessFileOptions {
  readonly args?: readonly string[];
  /** Megabytes of memory for objects. */
  readonly heapMb: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The file has `name` without its extension and lies beside `callerUrl` (import.meta.url). */
export function forkProcessFile(callerUrl: string, name: string, options: ProcessFileOptions): ChildProcess {
  const extension = extname(callerUrl);
  const file = fileURLToPath(new URL(`./${name}${extension}`, callerUrl));
  const loader = extension === '.ts' ? ['--import', createRequire(callerUrl).resolve('tsx')] : [];
  const { TZ } = process.env;
  return fork(file, [...(options.args ?? [])], {
    execArgv: [`--max-old-space-size=${options.heapMb}`, ...loader],
    env: { ...options.env, ...(TZ !== undefined && { TZ }) },
    cwd: '/',
    // Signals for our group, such as that of Ctrl-C, are not for it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}
