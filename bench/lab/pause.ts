/** Stops a program for a while. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Stops a program, and before it the watchdog of a shaper, which would take the rules out after a second.
 * Returns the call that lets both go on.
 */
export function pause(child: ChildProcess): () => void {
  const watchdogs = watchdogsOf(child.pid!);
  for (const pid of watchdogs) process.kill(pid, 'SIGSTOP');
  child.kill('SIGSTOP');
  return () => {
    child.kill('SIGCONT');
    for (const pid of watchdogs) process.kill(pid, 'SIGCONT');
  };
}

function watchdogsOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children
    .filter((text) => text !== '')
    .map(Number)
    .filter((one) => readFileSync(`/proc/${one}/comm`, 'utf8').trim() === 'shaper-watchdog');
}
