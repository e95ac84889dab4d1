/** Puts the rules of an instance in force and takes them out again. */
import { RulesError, type RulesLog } from './errors.ts';
import { addRules, deleteTagged, findIptables, type Iptables } from './iptables.ts';
import { NftSession } from './nft-session.ts';
import { findWarnings } from './others.ts';
import { iptablesCommands, iptablesRules } from './render-iptables.ts';
import {
  type Backend,
  chainLines,
  claimLines,
  type RulesRequest,
  removeLines,
  stopLines,
  tableName,
} from './render-nft.ts';
import { RuleWatch } from './watch.ts';

export interface InstalledRules {
  /** Nothing new is queued after it resolves; what is held stays held. Nothing to do when the rules are lost. */
  stopMatching(): Promise<void>;
  /** The rule set as before the start, but for empty built-in iptables chains. May be called at any time, twice too. */
  remove(): Promise<void>;
  /** The child that owns the table has ended, the table with it: nothing is queued any more. Fatal for the caller. */
  onLost(callback: (reason: string) => void): void;
}

/** The text that installRules feeds to nft, then, as commands, the rules it feeds to iptables-restore. */
export function renderRules(request: RulesRequest, backend: Backend): string {
  const lines = [...claimLines(request), ...chainLines(request, backend)];
  if (backend === 'iptables') {
    lines.push('# Inert until the table above sets a mark; iptables-nft commands, not nft:');
    lines.push(...iptablesCommands(request));
  }
  return `${lines.join('\n')}\n`;
}

async function claim(session: NftSession, request: RulesRequest): Promise<void> {
  const table = tableName(request.nfqueue.first);
  try {
    await session.run(`creating table inet ${table}`, claimLines(request));
  } catch (error) {
    // A table owned by somebody else answers "not permitted", as a missing capability does: but it can be listed.
    if (!(error instanceof RulesError) || !session.listed) throw error;
    const hint = `another instance runs with nfqueue.first ${request.nfqueue.first}: choose other queue numbers`;
    throw new RulesError('taken', `table inet ${table} exists already`, hint);
  }
}

class Installed implements InstalledRules {
  private readonly first: number;
  private readonly session: NftSession;
  private readonly iptables: Iptables | null;
  private readonly log: RulesLog;
  private watch: RuleWatch | null = null;
  private removal: Promise<void> | null = null;
  private lost = false;

  constructor(first: number, session: NftSession, iptables: Iptables | null, log: RulesLog) {
    this.first = first;
    this.session = session;
    this.iptables = iptables;
    this.log = log;
    session.onLost(() => {
      this.lost = true;
      void this.watch?.stop();
    });
  }

  /** Keeps the rules of the iptables back end in force from here on. */
  async keep(iptables: Iptables, rules: readonly string[]): Promise<void> {
    this.watch = new RuleWatch(this.session, iptables, { first: this.first, rules }, this.log);
    await this.watch.start();
  }

  async stopMatching(): Promise<void> {
    await this.watch?.stop();
    if (this.lost || this.removal) return;
    await this.session.run('emptying the marking chains', stopLines(this.first));
  }

  remove(): Promise<void> {
    this.removal ??= this.removeAll();
    return this.removal;
  }

  /** The table goes even when iptables fails; that failure is thrown then. */
  private async removeAll(): Promise<void> {
    try {
      await this.watch?.stop();
      if (this.iptables) await deleteTagged(this.iptables, (first) => first === this.first);
    } finally {
      const complaint = await this.session.end(removeLines(this.first));
      if (complaint !== null) this.log.warn('removing the nft table', { complaint });
    }
  }

  onLost(callback: (reason: string) => void): void {
    this.session.onLost(callback);
  }
}

/**
 * Order: our table's name, so that nobody else can take it; the iptables rules, inert without our marks; the
 * chains, in one transaction. A failure removes what was installed.
 * @throws RulesError
 */
export async function installRules(
  request: RulesRequest,
  backend: Backend,
  log: RulesLog,
): Promise<InstalledRules> {
  const { first } = request.nfqueue;
  const chains = chainLines(request, backend);
  const iptables = backend === 'iptables' ? await findIptables() : null;
  const session = new NftSession(`inet ${tableName(first)}`);
  const installed = new Installed(first, session, iptables, log);
  try {
    await claim(session, request);
  } catch (error) {
    await session.end();
    throw error;
  }
  const rules = iptablesRules(request);
  try {
    if (iptables) {
      // We hold the name, so rules with our tag are a killed predecessor's.
      await deleteTagged(iptables, (tagged) => tagged === first);
      await addRules(iptables, rules);
    }
    await session.run('installing the marking chains', chains);
    if (iptables) await installed.keep(iptables, rules);
    for (const warning of await findWarnings(request)) log.warn(warning);
  } catch (error) {
    await installed.remove().catch((failure: unknown) => {
      log.warn('could not take back what was installed', { error: String(failure) });
    });
    throw error;
  }
  return installed;
}
