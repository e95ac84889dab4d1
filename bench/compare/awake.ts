/**
 * Virtual time counts instructions, and while everything sleeps it jumps to the next timer: a program that
 * waits for a file of the machine outside may find its time limits passed in a moment. A loop that always has
 * a little to do keeps jumps short and time at about the pace of the real one where programs start; where
 * traffic flows, packets do that.
 */
import { onProcessEnd, start } from '../lab/process.ts';

export interface Loop {
  pause(): void;
  resume(): void;
  stop(): void;
}

/** Waits for a pipe that brings nothing: a process each time would take a part of the emulated processor. */
const LOOP = 'exec 3<> <(:); while :; do read -t 0.01 -u 3; done';

export function startLoop(): Loop {
  const child = start(['nice', '-n', '19', 'bash', '-c', LOOP]);
  const stop = (): void => {
    child.kill('SIGKILL');
  };
  onProcessEnd(stop);
  return {
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    stop,
  };
}
