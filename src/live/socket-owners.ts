/** Whose the sockets of this network namespace are, for the packet thread. */
import type { Logger } from 'pino';
import { reasonOf } from '../base/system-error.ts';
import { LocalSockets } from '../io/sockets/owners.ts';
import type { SocketOwners } from '../packet/sockets.ts';
import type { Unwinder } from './unwinder.ts';

/** null where the kernel cannot be asked: then attachments and matchers of local flows find nobody. */
export function openSocketOwners(logger: Logger, unwinder: Unwinder): SocketOwners | null {
  try {
    const sockets = new LocalSockets();
    unwinder.add('questions about sockets', () => sockets.close());
    return sockets;
  } catch (error) {
    logger.warn(
      `the kernel tells nothing of sockets (${reasonOf(error)}): flows of this machine have no user`,
    );
    return null;
  }
}
