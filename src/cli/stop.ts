/** `shaper stop`: asks a running instance to end in an orderly way, and waits until it has ended. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT_FAILED, EXIT_FINE, OperatingError } from '../base/errors.ts';
import { call } from '../client/client.ts';
import type { StopReply } from '../control/commands/stop.ts';
import { isRunning } from '../io/proc/process.ts';
import type { ConfOptions } from './conf-file.ts';
import { readSocketPath } from './read-config.ts';
import type { Terminal } from './terminal.ts';

/** An instance ends within 2 s of the request, whatever hangs. */
const STOP_MS_MAX = 5000;
const LOOK_MS = 20;

export interface StopOptions extends ConfOptions {
  /** How long to wait for the end. */
  readonly waitMs?: number;
}

export async function stop(options: StopOptions, terminal: Terminal): Promise<number> {
  const { waitMs = STOP_MS_MAX } = options;
  const path = readSocketPath(options, terminal);
  const { process } = await call<StopReply>(path, 'POST', '/v1/stop');
  // A process of a container has another number there than here. Then the end of its socket has to do.
  const isHere = isRunning(process);
  const hasEnded = (): boolean => (isHere ? !isRunning(process) : !existsSync(path));
  const endMs = performance.now() + waitMs;
  while (!hasEnded() && performance.now() < endMs) await sleep(LOOK_MS);
  if (!hasEnded()) {
    const message = `the instance (pid ${process.pid}) was asked to stop and has not ended after ${waitMs / 1000} s`;
    throw new OperatingError(EXIT_FAILED, message, 'its log may say why');
  }
  terminal.out(`stopped (pid ${process.pid})\n`);
  return EXIT_FINE;
}
