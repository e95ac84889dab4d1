/**
 * The process that shows the classes of the instance as files. Arguments: the control socket of the instance
 * and the folder. It knows of the instance only by that socket. It ends with the instance, whose end of the
 * channel closes then.
 */
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { OperatingError } from '../base/errors.ts';
import type { FromFilesProcess } from './messages.ts';
import { type ServedFiles, serveFiles } from './serve.ts';
import { openTree } from './tree/open-tree.ts';

/** Behind everything that packets need, and the first to go when memory is short. */
const NICENESS = 10;
const OOM_SCORE = '500';

let served: ServedFiles | null = null;
let isAskedToEnd = false;

function tell(message: FromFilesProcess): void {
  // The instance may have gone: then nobody needs to know.
  if (process.connected) process.send?.(message, () => undefined);
}

function end(): void {
  isAskedToEnd = true;
  served?.stop();
}

function reasonWithStack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function run(): Promise<void> {
  const [, , socketPath = '', folder = ''] = process.argv;
  try {
    const onFault = (error: unknown): void => tell({ type: 'warning', message: reasonWithStack(error) });
    served = await serveFiles(openTree, { socketPath, folder, onFault });
    if (isAskedToEnd) served.stop();
    tell({ type: 'serving', path: served.path });
    for (const message of served.notes) tell({ type: 'warning', message });
    const how = await served.ended;
    if (how === 'unmounted') tell({ type: 'failed', message: 'the mount was taken away', hint: '' });
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    tell({ type: 'failed', message: error.message, hint: error.hint });
  }
  if (process.connected) process.disconnect();
}

// SIGUSR1 would open the debugger to every process of the same user.
process.on('SIGUSR1', () => undefined);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, end);
process.on('disconnect', end);
// Without an orderly end the mount would stay, and all who use it would wait.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${reasonWithStack(error)}\n`);
  end();
  if (served === null && process.connected) process.disconnect();
});
setPriority(NICENESS);
writeFileSync('/proc/self/oom_score_adj', OOM_SCORE);
await run();
