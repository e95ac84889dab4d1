/**
 * Looks now and then whether other programs have changed rules, through the nft session that is open anyway,
 * and says what collides since. Only after a change are the other tools asked: the start of a process stalls
 * the packet loop.
 */
import type { RulesLog } from './errors.ts';
import { readGeneration } from './generation.ts';
import { findCollisions, type Neighbours, readNeighbours, withoutOwnTables } from './neighbours.ts';
import type { NftSession } from './nft-session.ts';
import { firstPingLines, plannedDevices, type RulesRequest } from './render-nft.ts';
import { hasPageHooks } from './render-page.ts';

export const NEIGHBOUR_INTERVAL_MS = 10_000;
/** Programs that change rules all the time cost no more than a look in this time. */
const LOOKS_APART_MS_MAX = 60_000;
/**
 * A longer listing would take longer to read than packets should wait. It is looked at once, at the start.
 */
const LISTING_MAX = 1_000_000;
/** nft may fail when somebody changes rules at the same time. After so many failures in a row it is told. */
const FAILURES_TOLD = 3;
/** Lines about collisions, of one look. */
const LINES_MAX = 10;

export class NeighbourWatch {
  private readonly session: NftSession;
  private request: RulesRequest;
  private readonly log: RulesLog;
  private readonly said = new Set<string>();
  private found: readonly string[] = [];
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private readonly generation: () => number | null;
  private listing = '';
  /** The number of the rule set at the last look that found nothing new; null: look again. */
  private generationSeen: number | null = null;
  private looksNotBefore = 0;
  /** Looks that found a change, one after the other. */
  private changes = 0;
  private failures = 0;
  private letsPingsPass = false;
  private known: Neighbours | null = null;

  constructor(session: NftSession, request: RulesRequest, log: RulesLog, generation = readGeneration) {
    this.session = session;
    this.generation = generation;
    this.request = request;
    this.log = log;
  }

  /** Says what collides with `known`, and looks again from then on. */
  async start(known: Neighbours): Promise<void> {
    // Without a listing to compare with, the next look is a whole one.
    this.listing = await this.list().catch(() => '');
    this.timer = setInterval(() => {
      this.running = this.running.then(() => this.check());
    }, NEIGHBOUR_INTERVAL_MS);
    this.timer.unref();
    await this.consider(known);
  }

  /** Whether a rule of ours that came with the rules of others keeps connection tracking on. */
  get keepsTracking(): boolean {
    return this.letsPingsPass;
  }

  /** Goes by the rules of another request. */
  follow(request: RulesRequest): void {
    this.request = request;
    // Nobody has looked at classifiers of its new devices yet: the next look is a whole one.
    this.listing = '';
    this.generationSeen = null;
    if (this.known) void this.consider(this.known);
  }

  /** As they were at the last look. */
  get collisions(): readonly string[] {
    return this.found.slice(0, LINES_MAX);
  }

  /** Waits for nothing: a look that is under way says no more. */
  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  /** All tables of others. */
  private async list(): Promise<string> {
    const names = await this.session.query('listing the tables', ['list tables']);
    const tables = [...names.matchAll(/^table (\w+ \S+)$/gm)].map(([, name]) => `list table ${name}`);
    const others = tables.filter((table) => !/ shaper_\d+$/.test(table));
    return withoutOwnTables(await this.session.query('listing the rules', others));
  }

  private async check(): Promise<void> {
    if (!this.timer || performance.now() < this.looksNotBefore) return;
    try {
      const generation = this.generation();
      if (generation !== null && generation === this.generationSeen) {
        this.changes = 0;
        return;
      }
      const listing = await this.list();
      if (listing === this.listing || listing.length > LISTING_MAX) {
        this.changes = 0;
        this.generationSeen = generation;
        return;
      }
      this.changes++;
      const waitMs = Math.min(LOOKS_APART_MS_MAX, this.changes * NEIGHBOUR_INTERVAL_MS);
      // Half an interval less, as timers are not exact.
      this.looksNotBefore = performance.now() + waitMs - NEIGHBOUR_INTERVAL_MS / 2;
      await this.consider(await readNeighbours(plannedDevices(this.request.plan)));
      this.listing = listing;
      this.generationSeen = generation;
      this.failures = 0;
    } catch (error) {
      if (!this.timer || ++this.failures !== FAILURES_TOLD) return;
      this.log.warn('cannot look at the rules of other programs', { error: String(error) });
    }
  }

  private async consider(neighbours: Neighbours): Promise<void> {
    if (!this.timer) return;
    this.known = neighbours;
    this.found = findCollisions(this.request, neighbours);
    const lines = this.found.filter((line) => !this.said.has(line));
    for (const line of lines) this.said.add(line);
    for (const line of lines.slice(0, LINES_MAX)) this.log.warn(line);
    if (lines.length > LINES_MAX) this.log.warn(`${lines.length - LINES_MAX} more such rules`);
    if (neighbours.isTracked || hasPageHooks(this.request)) await this.letFirstPingsPass();
  }

  private async letFirstPingsPass(): Promise<void> {
    if (this.letsPingsPass || !this.timer) return;
    this.letsPingsPass = true;
    try {
      await this.session.run('letting first pings pass', firstPingLines(this.request.nfqueue.first));
    } catch (error) {
      if (!this.timer) return;
      this.log.warn('the first of several pings at once may be the only one', { error: String(error) });
    }
  }
}
