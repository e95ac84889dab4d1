/** The command `stop`: the instance ends in an orderly way, as after SIGTERM. It takes no arguments. */
import type { ProcessIdentity } from '../../io/proc/process.ts';
import { allowArguments, type Command } from './commands.ts';

export interface StopReply {
  readonly process: ProcessIdentity;
}

/** Replies with the process whose end the client may wait for. */
export function stopCommand(identity: ProcessIdentity, requestStop: () => void): Command {
  return async (given) => {
    allowArguments(given, []);
    requestStop();
    return { process: identity } satisfies StopReply;
  };
}
