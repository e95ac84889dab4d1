/** A command as a child that has our terminal and gets our signals. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { reasonOf } from '../../base/system-error.ts';
import type { Terminal } from '../terminal.ts';

export type Ended = { readonly code: number } | { readonly signal: NodeJS.Signals };

/** As shells say it: there is no such command, or it cannot be started. */
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_STARTED = 126;
const EXIT_OF_SIGNALS = 128;

/** Those by which people end or tell a process something. */
const PASSED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'];
/** A terminal sends them to all processes in its foreground, the command among them. */
const BY_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** Their default leaves no picture of the memory behind, which would be ours and not that of the command. */
const WITHOUT_CORE: readonly NodeJS.Signals[] = [
  ...(['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGINT', 'SIGKILL'] as const),
];

export function runCommand(command: readonly string[], terminal: Terminal): Promise<Ended> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    const pass = (signal: NodeJS.Signals): void => {
      if (!BY_TERMINAL.includes(signal) || !isInForeground()) child.kill(signal);
    };
    const signals = [...PASSED, ...BY_TERMINAL];
    for (const signal of signals) process.on(signal, pass);
    const end = (ended: Ended): void => {
      for (const signal of signals) process.off(signal, pass);
      resolve(ended);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isAbsent = error.code === 'ENOENT';
      const reason = isAbsent ? 'no such command' : reasonOf(error);
      terminal.err(`shaper: ${program}: ${reason}\n`);
      end({ code: isAbsent ? EXIT_NOT_FOUND : EXIT_NOT_STARTED });
    });
    child.once('exit', (code, signal) => end(signal === null ? { code: code ?? 0 } : { signal }));
  });
}

/** Ends this process by the signal that has ended the command, so that whoever waits for us sees the same. */
export function endAs(signal: NodeJS.Signals, { endBy }: Pick<Terminal, 'endBy'>): number {
  if (WITHOUT_CORE.includes(signal)) endBy(signal);
  return EXIT_OF_SIGNALS + constants.signals[signal];
}

/** Whether a terminal sends its signals to our process group: fields 5, 7 and 8 of /proc/self/stat. */
function isInForeground(): boolean {
  const text = readFileSync('/proc/self/stat', 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [group, terminal, foreground] = [fields[2], fields[4], fields[5]];
  return terminal !== '0' && group === foreground;
}
