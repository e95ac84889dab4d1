/** `shaper clean`: removes what a killed instance left; running instances are not touched. */
import { SOCKET_PATH } from '../control/fields-host.ts';
import { ControlError, removeDeadSocket } from '../control/server.ts';
import { cleanLeftovers } from '../io/rules/index.ts';
import { EXIT_FINE } from './errors.ts';
import type { Terminal } from './terminal.ts';

export async function clean(terminal: Terminal): Promise<number> {
  const removed = await cleanLeftovers('all');
  if (await isSocketRemoved(SOCKET_PATH)) removed.push(`rm ${SOCKET_PATH}`);
  for (const line of removed) terminal.out(`${line}\n`);
  if (removed.length === 0) terminal.out('nothing to clean\n');
  return EXIT_FINE;
}

/** A socket that answers belongs to a running instance and stays. */
async function isSocketRemoved(path: string): Promise<boolean> {
  try {
    return await removeDeadSocket(path);
  } catch (error) {
    if (error instanceof ControlError && error.code === 'live') return false;
    throw error;
  }
}
