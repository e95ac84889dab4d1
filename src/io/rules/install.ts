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

/** With the end of nft and the rest of a stop it has to fit the two seconds of a stop. */
const STOP_MATCHING_MS = 700;

export interface InstalledRules {
  /** No packet is queued any more after it resolves. Held packets stay held. Does nothing without rules. */
  stopMatching(): Promise<void>;
  /**
   * Restores the rule set from before the start, except that empty built-in iptables chains stay. It may be
   * called at any time, and twice.
   */
  remove(): Promise<void>;
  /**
   * `callback` runs if the child that owns the table ends, and the table with it: no packet is queued any
   * more, which is fatal for the caller.
   */
  onLost(callback: (reason: string) => void): void;
}

/** The commands that installRules gives to nft, then such for what it gives to iptables-restore. */
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
    // The kernel says "not permitted" for a table that somebody else owns, as for a missing capability. But
    // such a table can be listed.
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
  private hasChains = false;

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

  async addChains(lines: readonly string[]): Promise<void> {
    // Set first: nft may have done it though its answer is late.
    this.hasChains = true;
    await this.session.run('installing the marking chains', lines);
  }

  /** Keeps the rules of the iptables back end in force from here on. */
  async keep(iptables: Iptables, rules: readonly string[]): Promise<void> {
    this.watch = new RuleWatch(this.session, iptables, { first: this.first, rules }, this.log);
    await this.watch.start();
  }

  async stopMatching(): Promise<void> {
    await this.watch?.stop();
    if (this.lost || this.removal || !this.hasChains) return;
    await this.session.run('emptying the marking chains', stopLines(this.first), STOP_MATCHING_MS);
  }

  remove(): Promise<void> {
    this.removal ??= this.removeAll();
    return this.removal;
  }

  /** Removes the table even if iptables fails. That failure is thrown afterwards. */
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
 * Installs in this order: our table, so that nobody else can take its name; the iptables rules, which match
 * nothing without our marks; the chains, in one transaction. A failure takes back all that was installed.
 * Stops early, with what is installed so far, when it is not wanted any more.
 * @throws RulesError
 */
export async function installRules(
  request: RulesRequest,
  backend: Backend,
  log: RulesLog,
  isWanted = (): boolean => true,
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
    if (iptables && isWanted()) {
      // We own the table, so rules with our tag belong to a killed predecessor.
      await deleteTagged(iptables, (tagged) => tagged === first);
      if (isWanted()) await addRules(iptables, rules);
    }
    if (isWanted()) await installed.addChains(chains);
    if (!isWanted()) return installed;
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
