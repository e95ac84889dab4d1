/**
 * Claims the name of our table, the devices and the mark bits of an instance. The claim comes first and the
 * check afterwards: of two instances that start at the same instant both have claimed when either looks, and
 * the one that claimed later gives way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../proc/process.ts';
import { RulesError } from './errors.ts';
import { NftSession } from './nft-session.ts';
import { findRivals, type Rival } from './others.ts';
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
      const rivals = await claimOnce(session, request);
      if (rivals.length === 0) return session;
      const reasons = rivals.flatMap((rival) => rival.reasons);
      const error = new RulesError('taken', reasons.join('; '), HINT_TAKEN);
      // A table of this very process is that of a start before (native/modules/restart.h), and goes.
      const lives = rivals.some(({ process: pid }) => pid !== null && pid !== process.pid && isAlive(pid));
      if (lives || tries === TRIES || !isWanted()) throw error;
      await session.end();
    } catch (error) {
      await session.end();
      if (!session.endedBySignal || tries === TRIES || !isWanted()) throw await explained(error);
    }
    await sleep(WAIT_MS);
  }
}

/** Resolves with the instances in the way; with none if the table is ours. */
async function claimOnce(session: NftSession, request: RulesRequest): Promise<readonly Rival[]> {
  const { first } = request.nfqueue;
  try {
    const lines = [...claimLines(request), ...processLines(first, process.pid)];
    await session.run(`creating table inet ${tableName(first)}`, lines);
  } catch (error) {
    // The kernel says "not permitted" for a table that somebody else owns, as for a missing capability. But
    // such a table can be listed.
    if (!(error instanceof RulesError) || !session.listed) throw error;
    const rivals = await findRivals(request, false);
    const unknown = { process: null, reasons: [`table inet ${tableName(first)} was in use`] };
    return rivals.length > 0 ? rivals : [unknown];
  }
  return findRivals(request, true);
}

/** What nft says of an old kernel or a missing ability is vague. A trial says what is wrong. */
async function explained(error: unknown): Promise<unknown> {
  if (!(error instanceof RulesError) || error.code !== 'failed') return error;
  return probeMarking().then(
    () => error,
    (cause: unknown) => cause,
  );
}
