/**
 * Puts the iptables rules back when somebody's `nft flush ruleset`, `iptables-restore` or `iptables -F` has
 * removed them, and to the front when somebody has put other rules before them. Our own table stays, because
 * it is owned: packets would pass unshaped and nobody would know. The watch looks through the session that is
 * open anyway, because the start of a process would stall the packet loop.
 */
import type { RulesLog } from './errors.ts';
import { addRules, areInPlace, deleteTagged, type Iptables } from './iptables.ts';
import type { NftSession } from './nft-session.ts';
import { IPTABLES_TABLE } from './render-iptables.ts';

export const WATCH_INTERVAL_MS = 2000;

/** nft prints the target as a queue statement or, if it was built without xtables, by name. */
function countQueueRules(listing: string): number {
  return listing.split('\n').filter((line) => /\bqueue\b|NFQUEUE/.test(line)).length;
}

/** Two programs that both want to be first give up some time. */
const MOVES_MAX = 5;

export class RuleWatch {
  private readonly session: NftSession;
  private readonly iptables: Iptables;
  private readonly rules: readonly string[];
  private readonly first: number;
  private readonly log: RulesLog;
  private timer: NodeJS.Timeout | null = null;
  private expected = 0;
  private listing = '';
  private moves = 0;
  private look: Promise<void> = Promise.resolve();

  constructor(
    session: NftSession,
    iptables: Iptables,
    own: { readonly first: number; readonly rules: readonly string[] },
    log: RulesLog,
  ) {
    this.session = session;
    this.iptables = iptables;
    this.first = own.first;
    this.rules = own.rules;
    this.log = log;
  }

  async start(): Promise<void> {
    this.expected = await this.count();
    this.timer = setInterval(() => {
      this.look = this.look.then(() => this.check());
    }, WATCH_INTERVAL_MS);
    this.timer.unref();
  }

  /** After it resolves, rules are not put back any more. */
  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    await this.look;
  }

  /** Takes the listing for granted: later ones are compared with it. */
  private async count(): Promise<number> {
    const lists = ['ip', 'ip6'].map((family) => `list table ${family} ${IPTABLES_TABLE}`);
    this.listing = await this.session.query('looking for the queue rules', lists);
    return countQueueRules(this.listing);
  }

  private async isInPlace(listingBefore: string): Promise<boolean> {
    if (this.listing === listingBefore || (await areInPlace(this.iptables, this.first))) return true;
    this.moves++;
    if (this.moves === MOVES_MAX + 1) {
      this.log.warn('another program keeps putting its rules before ours; packets may pass unshaped');
    }
    return this.moves > MOVES_MAX;
  }

  private async check(): Promise<void> {
    if (!this.timer) return;
    try {
      const before = this.listing;
      const found = await this.count();
      if (found >= this.expected && (await this.isInPlace(before))) return;
      if (!this.timer) return;
      await deleteTagged(this.iptables, (first) => first === this.first);
      await addRules(this.iptables, this.rules);
      const isRemoved = found < this.expected;
      this.expected = await this.count();
      const message = isRemoved
        ? 'somebody removed our iptables rules; put back'
        : 'somebody put rules before ours; moved';
      this.log.warn(message, { rules: this.rules.length });
    } catch (error) {
      // Between the loss of the session and the end of this watch there is nobody to ask.
      if (!this.timer) return;
      this.log.warn('cannot keep the iptables rules in force', { error: String(error) });
    }
  }
}
