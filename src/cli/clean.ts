/**
 * `shaper clean`: removes the rules, control sockets and mounts that killed
 * instances left. Running instances are not touched. It finds all rules and
 * mounts, but a socket only at the default path and at the path of the file or
 * of `--socket`.
 */

import { EXIT_FINE } from '../base/errors.ts';
import { INSTANCE } from '../config/fields/defaults.ts';
import { ControlError, removeDeadSocket } from '../control/server.ts';
import { removeDeadMounts } from '../files/fuse/mount.ts';
import { cleanLeftovers } from '../io/rules/index.ts';
import { checkProcess, readProcessStatus } from '../live/preconditions.ts';
import type { ConfOptions } from './conf-file.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export async function clean({ conf, socket }: ConfOptions, terminal: Terminal): Promise<number> {
  const sockets = new Set<string>([INSTANCE.socketPath]);
  if (conf !== undefined) sockets.add(readConfigAloud(conf, terminal).socketPath);
  if (socket !== undefined) sockets.add(socket);
  checkProcess(readProcessStatus());
  const removed = await cleanLeftovers('all');
  for (const path of sockets) if (await isSocketRemoved(path)) removed.push(`rm ${path}`);
  for (const path of await removeDeadMounts()) removed.push(`umount ${path}`);
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
