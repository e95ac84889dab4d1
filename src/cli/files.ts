/** `shaper files`: shows the classes of a running instance as files, until a signal or its end. */
import { EXIT_FAILED, EXIT_FINE, OperatingError } from '../base/errors.ts';
import { reasonOf } from '../base/system-error.ts';
import { type ServingEnd, serveFiles } from '../files/serve.ts';
import { openTree } from '../files/tree/open-tree.ts';
import type { ConfOptions } from './conf-file.ts';
import { readSocketPath } from './read-config.ts';
import type { Terminal } from './terminal.ts';

const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** While this process stood still, all who use the files would wait. */
const STOP_SIGNALS = ['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const;
const ignore = (): void => undefined;

/** Why it ended, unless somebody asked for the end. */
const FAILURES: Readonly<Record<Exclude<ServingEnd, 'stopped'>, string>> = {
  left: 'the instance has ended, and so have its files',
  unmounted: 'somebody has taken the mount away',
};

export async function files(folder: string, options: ConfOptions, terminal: Terminal): Promise<number> {
  const socketPath = readSocketPath(options, terminal);
  const onFault = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : reasonOf(error);
    terminal.err(`shaper: ${text}\n`);
  };
  let stop: (() => void) | null = null;
  let isAskedToEnd = false;
  const end = (): void => {
    isAskedToEnd = true;
    stop?.();
  };
  // Without an orderly end the mount would stay, and all who use it would wait.
  let hasFailed = false;
  const fail = (error: unknown): void => {
    hasFailed = true;
    onFault(error);
    end();
  };
  for (const signal of END_SIGNALS) process.on(signal, end);
  for (const signal of STOP_SIGNALS) process.on(signal, ignore);
  process.on('uncaughtException', fail);
  try {
    const served = await serveFiles(openTree, { socketPath, folder, onFault });
    stop = served.stop;
    if (isAskedToEnd) stop();
    else terminal.out(`classes are shown in ${served.path}\n`);
    for (const note of served.notes) terminal.err(`warning: ${note}\n`);
    const how = await served.ended;
    if (how !== 'stopped') throw new OperatingError(EXIT_FAILED, FAILURES[how]);
    return hasFailed ? EXIT_FAILED : EXIT_FINE;
  } finally {
    for (const signal of END_SIGNALS) process.off(signal, end);
    for (const signal of STOP_SIGNALS) process.off(signal, ignore);
    process.off('uncaughtException', fail);
  }
}
