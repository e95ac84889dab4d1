/**
 * Puts the iptables rules back when somebody's `nft flush ruleset`, `iptables-restore` or `iptables -F` has
 * removed them, and to the front when somebody has put other rules before them. Our own table stays, because
 * it is owned: packets would pass unshaped and nobody would know. The watch looks through the session that is
 * open anyway, because the start of a process would stall the packet loop.
 */
import type { RulesLog } from './errors.ts';
import { readGeneration } from './generation.ts';
import { addRules, deleteTagged, findPlace, type Iptables } from './iptables.ts';
import type { NftSession } from './nft-session.ts';
import { tableOf } from './render-iptables.ts';

export const WATCH_INTERVAL_MS = 2000;

/**
 * Two programs that both want to be first take turns: after so many moves within this time the other one is
 * first, until the time is over.
 */
const MOVES_MAX = 5;
const MOVES_MS = 60_000;

export class RuleWatch {
  private readonly session: NftSession;
  private readonly iptables: Iptables;
  private readonly rules: readonly string[];
  private readonly first: number;
  private readonly log: RulesLog;
  private readonly onGap: () => void;
  private readonly generation: () => number | null;
  private timer: NodeJS.Timeout | null = null;
  /** The listing with which our rules were at their place, or had to stay where they were. */
  private settled: string | null = null;
  private settledUntilMs = Number.POSITIVE_INFINITY;
  /** The number of the rule set whose listing that is. */
  private settledGeneration: number | null = null;
  private movesMs: number[] = [];
  private look: Promise<void> = Promise.resolve();

  constructor(
    session: NftSession,
    iptables: Iptables,
    own: { readonly first: number; readonly rules: readonly string[] },
    log: RulesLog,
    onGap: () => void,
    generation = readGeneration,
  ) {
    this.session = session;
    this.iptables = iptables;
    this.first = own.first;
    this.rules = own.rules;
    this.log = log;
    this.onGap = onGap;
    this.generation = generation;
  }

  start(): void {
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

  private async check(): Promise<void> {
    if (!this.timer) return;
    try {
      // Read before the listing, so that a change in between is seen at the next look.
      const generation = this.generation();
      const isSame = generation !== null && generation === this.settledGeneration;
      if (isSame && performance.now() < this.settledUntilMs) return;
      const tables = [...new Set(this.rules.map(tableOf))];
      const lists = ['ip', 'ip6'].flatMap((family) => tables.map((table) => `list table ${family} ${table}`));
      const listing = await this.session.query('looking for the queue rules', lists);
      const nowMs = performance.now();
      if (listing === this.settled && nowMs < this.settledUntilMs) {
        this.settledGeneration = generation;
        return;
      }
      // The listing may hold rules of others in place of ours, so only the tags tell.
      const place = await findPlace(this.iptables, this.first, this.rules.length);
      if (place === 'right') this.settle(listing, generation);
      else if (place === 'displaced' && !this.mayMove(nowMs))
        this.settle(listing, generation, nowMs + MOVES_MS);
      else await this.install(place === 'gone');
    } catch (error) {
      // Between the loss of the session and the end of this watch there is nobody to ask.
      if (!this.timer) return;
      this.log.warn('cannot keep the iptables rules in force', { error: String(error) });
    }
  }

  private settle(listing: string, generation: number | null, untilMs = Number.POSITIVE_INFINITY): void {
    this.settled = listing;
    this.settledGeneration = generation;
    this.settledUntilMs = untilMs;
  }

  private mayMove(nowMs: number): boolean {
    this.movesMs = this.movesMs.filter((atMs) => nowMs - atMs < MOVES_MS);
    if (this.movesMs.length === MOVES_MAX) {
      this.log.warn('another program keeps putting its rules before ours; packets may pass unshaped');
      return false;
    }
    this.movesMs.push(nowMs);
    return true;
  }

  /** The next look says whether it helped: somebody may remove the rules in the same instant. */
  private async install(isRemoved: boolean): Promise<void> {
    if (!this.timer) return;
    this.onGap();
    await deleteTagged(this.iptables, (first) => first === this.first);
    await addRules(this.iptables, this.rules);
    const message = isRemoved
      ? 'somebody removed our iptables rules; put back'
      : 'somebody put rules before ours; moved';
    this.log.warn(message, { rules: this.rules.length });
  }
}
