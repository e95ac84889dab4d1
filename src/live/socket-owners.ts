/** Whose the sockets of this network namespace are, for the packet thread. */
import type { Logger } from 'pino';
import { reasonOf } from '../base/system-error.ts';
import { LocalSockets } from '../io/sockets/owners.ts';
import type { Unwinder } from './unwinder.ts';

const DENIED =
  "the open files of other users' processes are not ours to see (CAP_SYS_PTRACE is missing): sockets that " +
  'a process of an attachment or matcher opens are found seconds later';

/** null where the kernel cannot be asked: then attachments and matchers of local flows find nobody. */
export function openSocketOwners(logger: Logger, unwinder: Unwinder): LocalSockets | null {
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

/** What is wrong now, as sentences. */
export function warningsOfOwners(sockets: Pick<LocalSockets, 'descriptors'> | null): string[] {
  return sockets !== null && sockets.descriptors.denied > 0 ? [DENIED] : [];
}
