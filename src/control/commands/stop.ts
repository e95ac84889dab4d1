/** The command `stop`: the instance ends in an orderly way, as after SIGTERM. */
import type { ProcessIdentity } from '../../io/proc/process.ts';

export interface StopReply {
  /** The process whose end the client may wait for. */
  readonly process: ProcessIdentity;
}

export function stopCommand(identity: ProcessIdentity, requestStop: () => void): () => Promise<StopReply> {
  return async () => {
    requestStop();
    return { process: identity };
  };
}
