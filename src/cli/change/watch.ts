/** `shaper watch`: prints what happens in a running instance, one JSON object a line, until it ends. */
import { EXIT_FINE } from '../../base/errors.ts';
import { follow } from '../../control/follow.ts';
import type { Terminal } from '../terminal.ts';
import { type ChangeOptions, socketOf } from './socket.ts';

export interface WatchOptions extends ChangeOptions {
  readonly since?: string;
}

export async function watch(options: WatchOptions, terminal: Terminal): Promise<number> {
  await follow(socketOf(options), options.since, (json) => terminal.out(`${json}\n`));
  return EXIT_FINE;
}
