/**
 * Claims the name of our table, the devices and the mark bits of an instance. The claim comes first and the
 * check afterwards: of two instances that start at the same instant both have claimed when either looks, and
 * the one that claimed later gives way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RulesError } from './errors.ts';
import { NftSession } from './nft-session.ts';
import { findConflicts } from './others.ts';
import { probeMarking } from './probe.ts';
import { claimLines, processLines, type RulesRequest, tableName } from './render-nft.ts';

/** The table of a killed predecessor outlives it by milliseconds, on a busy machine by more. */
const TRIES = 5;
const WAIT_MS = 100;

const HINT_TAKEN = 'stop that instance, or give this one other devices, queue numbers and mark bits';

/**
 * Resolves with the session that owns the table. Whoever ends it gives the claim back.
 * @throws RulesError `taken` if an instance that claimed earlier is in the way
 */
export async function claimRules(request: RulesRequest, isWanted = (): boolean => true): Promise<NftSession> {
  for (let tries = 1; ; tries++) {
    const session = new NftSession(`inet ${tableName(request.nfqueue.first)}`);
    try {
      await claimOnce(session, request);
      return session;
    } catch (error) {
      await session.end();
      const isPassing = session.endedBySignal || (error instanceof RulesError && error.code === 'taken');
      if (!isPassing || tries === TRIES || !isWanted()) throw await explained(error);
    }
    await sleep(WAIT_MS);
  }
}

async function claimOnce(session: NftSession, request: RulesRequest): Promise<void> {
  const { first } = request.nfqueue;
  let isOurs = true;
  try {
    const lines = [...claimLines(request), ...processLines(first, process.pid)];
    await session.run(`creating table inet ${tableName(first)}`, lines);
  } catch (error) {
    // The kernel says "not permitted" for a table that somebody else owns, as for a missing capability. But
    // such a table can be listed.
    if (!(error instanceof RulesError) || !session.listed) throw error;
    isOurs = false;
  }
  const conflicts = await findConflicts(request, isOurs);
  if (conflicts.length > 0) throw new RulesError('taken', conflicts.join('; '), HINT_TAKEN);
  if (!isOurs) throw new RulesError('taken', `table inet ${tableName(first)} was in use`, HINT_TAKEN);
}

/** What nft says of an old kernel or a missing ability is vague. A trial says what is wrong. */
async function explained(error: unknown): Promise<unknown> {
  if (!(error instanceof RulesError) || error.code !== 'failed') return error;
  return probeMarking().then(
    () => error,
    (cause: unknown) => cause,
  );
}
