/** Tries at the start whether the kernel takes edited packets: io/nfqueue/edit-trial.ts says how. */
import { type EditTrial, tryEdits } from '../io/nfqueue/edit-trial.ts';
import { openLoopback } from '../io/nfqueue/loopback.ts';
import { openNfqueue } from '../io/nfqueue/nfqueue.ts';
import { type Backend, type NftSession, RulesError, withTrialRule } from '../io/rules/index.ts';
import { COPY_BYTES } from '../limits.ts';
import type { ShaperSpec } from '../spec/spec.ts';

/** A connection over the loopback takes a millisecond. */
const CONNECT_MS = 1000;
/** There are a few packets at a time. */
const TRIAL_LENGTH_PACKETS = 64;

/**
 * Call it before the NFQUEUEs are opened: it takes the first of them for a moment. `stop` ends it early.
 * @throws NfqueueError as the opening of the NFQUEUEs would
 */
export async function tryEditing(
  session: NftSession,
  backend: Backend,
  spec: ShaperSpec,
  stop: Promise<unknown>,
): Promise<EditTrial> {
  const { first } = spec.nfqueue;
  const loopback = await openLoopback(CONNECT_MS).catch((error: Error) => error);
  if (loopback instanceof Error) return noLoopback(loopback);
  try {
    const port = openNfqueue({
      ...{ firstQueue: first, count: 1, lengthPackets: TRIAL_LENGTH_PACKETS },
      ...{ copyBytes: [COPY_BYTES], gso: [false] },
    });
    try {
      const rule = { flow: loopback.flow, first, hook: hookOf(spec) };
      return await withTrialRule(session, backend, rule, () =>
        Promise.race([tryEdits(port, loopback), stop.then(() => STOPPED)]),
      );
    } finally {
      port.close();
    }
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    return { outcome: 'unknown', reason: error.message };
  } finally {
    loopback.close();
  }
}

const STOPPED: EditTrial = { outcome: 'unknown', reason: 'the start was stopped' };

function noLoopback({ name, message }: Error): EditTrial {
  const reason = name === 'AbortError' ? `no answer in ${CONNECT_MS / 1000} s` : message;
  return { outcome: 'unknown', reason: `no connection over the loopback: ${reason}` };
}

/** A hook that these packets pass and where rules of ours stand in any case. */
function hookOf({ links }: ShaperSpec): 'output' | 'input' {
  return links.some(({ up }) => up !== null) ? 'output' : 'input';
}
