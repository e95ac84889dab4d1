/** Puts the rules of an instance in force and takes them out again. */

import { marksConnections } from '../../spec/queue-plan.ts';
import { addedDevices, type ChangedRules, changeRules } from './change.ts';
import { claimRules } from './claim.ts';
import { RulesError, type RulesLog } from './errors.ts';
import { addRules, deleteTagged, findIptables, type Iptables } from './iptables.ts';
import { kernelTracks } from './kernel-rules.ts';
import { NeighbourWatch } from './neighbour-watch.ts';
import { type Neighbours, NO_NEIGHBOURS } from './neighbours.ts';
import type { NftSession } from './nft-session.ts';
import { findWarnings } from './others.ts';
import { iptablesCommands, iptablesRules } from './render-iptables.ts';
import {
  type Backend,
  chainLines,
  claimLines,
  firstPingLines,
  plannedDevices,
  type RulesRequest,
  removeLines,
  stopLines,
} from './render-nft.ts';
import { hasPageHooks, NAMES_SET, STOPPED_SET } from './render-page.ts';
import { StoppedSets } from './stopped-sets.ts';
import { RuleWatch } from './watch.ts';
import { Watchdog } from './watchdog.ts';

/** With the end of nft and the rest of a stop it has to fit the two seconds of a stop. */
const STOP_MATCHING_MS = 700;

export interface InstalledRules {
  /** Rules of other programs that collide with ours now, one readable line each. */
  readonly collisions: readonly string[];
  /** By which the rules were made. */
  readonly request: RulesRequest;
  /** Whether rules of ours keep connection tracking on. */
  readonly tracksConnections: boolean;
  /**
   * Puts the rules of another request in force, one change at a time. Call finish() or undo() of the result.
   * @throws RulesError Nothing has changed then
   */
  change(request: RulesRequest): Promise<ChangedRules>;
  /**
   * From now on hosts with these addresses are stopped, where the request has a page, and no others. It takes
   * effect within a fraction of a second, and stays in effect when the rules are made anew.
   */
  setStopped(addresses: readonly string[]): void;
  /** The names that stopped hosts reach all the same have these addresses. */
  setAllowed(addresses: readonly string[]): void;
  /** No packet is queued any more after it resolves. Held packets stay held. Does nothing without rules. */
  stopMatching(): Promise<void>;
  /**
   * Restores the rule set from before the start, except that empty built-in iptables chains stay. It may be
   * called at any time, and twice.
   */
  remove(): Promise<void>;
  /**
   * `callback` runs if the table is gone for good: no packet is queued any more, which is fatal for the
   * caller. A table that went because this process stood still is made again.
   */
  onLost(callback: (reason: string) => void): void;
  /**
   * `callback` runs before rules that were away, or behind those of others, come to their place again:
   * packets have passed unseen.
   */
  onGap(callback: () => void): void;
}

/** The commands that installRules gives to nft, then such for what it gives to iptables-restore. */
export function renderRules(request: RulesRequest, backend: Backend): string {
  const lines = [...claimLines(request), ...chainLines(request, backend)];
  if (request.isTracked || hasPageHooks(request)) {
    lines.push('# Of a new connection that is tracked only one packet may wait: the first ping passes.');
    lines.push(...firstPingLines(request.nfqueue.first));
  }
  if (backend === 'iptables') {
    lines.push('# Inert until the table above sets a mark; iptables-nft commands, not nft:');
    lines.push(...iptablesCommands(request));
  }
  return `${lines.join('\n')}\n`;
}

interface Parts {
  readonly request: RulesRequest;
  readonly backend: Backend;
  readonly iptables: Iptables | null;
  readonly log: RulesLog;
  /** Whether the rules are wanted still. */
  readonly isWanted: () => boolean;
  /** The rules of others, as they were at the start. */
  readonly neighbours: Neighbours;
}

class Installed implements InstalledRules {
  private readonly parts: Parts;
  private readonly first: number;
  request: RulesRequest;
  private session: NftSession;
  private watch: RuleWatch | null = null;
  private neighbourWatch: NeighbourWatch | null = null;
  private watchdog: Watchdog | null = null;
  private removal: Promise<void> | null = null;
  private regaining: Promise<void> = Promise.resolve();
  /** A step of a change, and its last edit of rules of iptables. They never reject. */
  private changing: Promise<unknown> = Promise.resolve();
  private editing: Promise<unknown> = Promise.resolve();
  private lostReason: string | null = null;
  private readonly lostCallbacks: ((reason: string) => void)[] = [];
  private readonly gapCallbacks: (() => void)[] = [];
  private hasChains = false;
  private readonly stopped: StoppedSets;

  constructor(session: NftSession, parts: Parts) {
    this.parts = parts;
    this.request = parts.request;
    this.first = parts.request.nfqueue.first;
    this.session = session;
    this.stopped = new StoppedSets({
      ...{ first: this.first, log: parts.log },
      session: () => (this.hasChains && hasPageHooks(this.request) ? this.session : null),
    });
    this.guard(session);
  }

  async install(): Promise<void> {
    const { backend, iptables, log, isWanted, neighbours } = this.parts;
    const { request } = this;
    const rules = iptablesRules(request);
    if (iptables && isWanted()) {
      // We own the table, so rules with our tag belong to a killed predecessor, or were ours before.
      await deleteTagged(iptables, (tagged) => tagged === this.first);
      if (isWanted()) await addRules(iptables, rules);
    }
    if (!isWanted()) return;
    this.watchdog = new Watchdog(this.session.pid, log);
    // Set first: nft may have done it though its answer is late.
    this.hasChains = true;
    await this.session.run('installing the marking chains', chainLines(request, backend));
    this.stopped.refill();
    this.watchRules();
    if (!isWanted()) return;
    this.neighbourWatch = new NeighbourWatch(this.session, request, log);
    await this.neighbourWatch.start(neighbours);
  }

  get collisions(): readonly string[] {
    return this.neighbourWatch?.collisions ?? [];
  }

  /** Keeps the rules of the iptables back end in force from here on. */
  private watchRules(): void {
    const { iptables, log, isWanted } = this.parts;
    if (!iptables || !isWanted()) return;
    const own = { first: this.first, rules: iptablesRules(this.request) };
    this.watch = new RuleWatch(this.session, iptables, own, log, () => this.tellOfGap());
    this.watch.start();
  }

  get tracksConnections(): boolean {
    const { plan, keepsTracking = false } = this.request;
    const isOurs =
      marksConnections(plan) || kernelTracks(plan) || keepsTracking || hasPageHooks(this.request);
    return isOurs || this.neighbourWatch?.keepsTracking === true;
  }

  setStopped(addresses: readonly string[]): void {
    this.stopped.set(STOPPED_SET, addresses);
  }

  setAllowed(addresses: readonly string[]): void {
    this.stopped.set(NAMES_SET, addresses);
  }

  async change(request: RulesRequest): Promise<ChangedRules> {
    await this.regaining;
    if (this.lostReason !== null || this.removal || !this.hasChains) {
      throw new RulesError('failed', 'the rules are not in force', 'try again in a few seconds');
    }
    const from = this.request;
    const changed = await this.step(async () => {
      const { backend, iptables, log, isWanted } = this.parts;
      const result = await changeRules(from, request, {
        ...{ session: this.session, backend, iptables, log, isWanted },
        onEdit: (edit) => {
          this.editing = edit.catch(() => undefined);
        },
      });
      this.follow(request);
      return result;
    });
    return {
      finish: () =>
        this.step(async () => {
          await changed.finish();
          await this.warnOfFlowtables(addedDevices(from, request));
        }),
      undo: () =>
        this.step(async () => {
          this.follow(from);
          await changed.undo();
        }),
    };
  }

  /** The watches go by these rules from now on, and so does a new installation. */
  private follow(request: RulesRequest): void {
    const hadSets = hasPageHooks(this.request);
    this.request = request;
    this.neighbourWatch?.follow(request);
    if (!hadSets && hasPageHooks(request)) this.stopped.refill();
  }

  /** A step of a change, during which nobody else puts rules of iptables back. */
  private step<T>(act: () => Promise<T>): Promise<T> {
    const done = (async (): Promise<T> => {
      await this.watch?.stop();
      try {
        return await act();
      } finally {
        // The watch may have ended for good meanwhile.
        if (this.watch && !this.removal) this.watchRules();
      }
    })();
    this.changing = done.catch(() => undefined);
    return done;
  }

  async warnOfFlowtables(devices: readonly string[]): Promise<void> {
    if (devices.length === 0) return;
    for (const warning of await findWarnings(devices)) this.parts.log.warn(warning);
  }

  private async stopWatching(): Promise<void> {
    this.neighbourWatch?.stop();
    await this.watch?.stop();
    this.watch = null;
  }

  async stopMatching(): Promise<void> {
    await this.stopWatching();
    await this.regaining;
    if (this.lostReason !== null || this.removal || !this.hasChains) return;
    await this.session.run('emptying the marking chains', stopLines(this.request), STOP_MATCHING_MS);
  }

  remove(): Promise<void> {
    this.removal ??= this.removeAll();
    return this.removal;
  }

  onLost(callback: (reason: string) => void): void {
    if (this.lostReason !== null) queueMicrotask(() => callback(this.lostReason ?? ''));
    else this.lostCallbacks.push(callback);
  }

  private guard(session: NftSession): void {
    session.onLost((reason) => {
      this.regaining = this.regain(reason).catch((error: unknown) => {
        this.lostReason = error instanceof Error ? error.message : String(error);
        for (const callback of this.lostCallbacks) callback(this.lostReason);
      });
    });
  }

  /**
   * The table has gone with its nft. If that was because we stood still, installs everything again. Throws
   * the reason why not.
   */
  private async regain(reason: string): Promise<void> {
    const { log, isWanted } = this.parts;
    let cause: unknown = new Error(reason);
    for (let stillMs = await this.stoodStill(); stillMs !== null; stillMs = await this.stoodStill()) {
      const seconds = Number((stillMs / 1000).toFixed(1));
      log.warn('this process stood still, so its rules were taken out and packets passed', { seconds });
      if (!isWanted()) return;
      try {
        // A change that was under way has gone back.
        await this.changing;
        this.session = await claimRules(this.request, isWanted);
        this.tellOfGap();
        await this.install();
        this.guard(this.session);
        if (isWanted()) log.warn('the rules are installed again');
        return;
      } catch (error) {
        cause = error;
      }
    }
    throw cause;
  }

  private tellOfGap(): void {
    for (const callback of this.gapCallbacks) callback();
  }

  onGap(callback: () => void): void {
    this.gapCallbacks.push(callback);
  }

  /** How long we stood still, if the watchdog has ended nft for that; else null. Once for each watchdog. */
  private async stoodStill(): Promise<number | null> {
    const { watchdog } = this;
    this.watchdog = null;
    this.hasChains = false;
    await this.stopWatching();
    const bitten = (await watchdog?.hasBitten()) === true;
    watchdog?.close();
    return watchdog && bitten ? watchdog.stillMs : null;
  }

  /** Removes the table even if iptables fails. That failure is thrown afterwards. */
  private async removeAll(): Promise<void> {
    this.stopped.close();
    await this.regaining;
    await this.editing;
    try {
      await this.stopWatching();
      if (this.parts.iptables) await deleteTagged(this.parts.iptables, (first) => first === this.first);
    } finally {
      const complaint = await this.session.end(removeLines(this.request));
      this.watchdog?.close();
      if (complaint !== null) this.parts.log.warn('removing the nft table', { complaint });
    }
  }
}

/**
 * Installs into the table that `session` owns: the iptables rules, which match nothing without our marks;
 * then the chains, in one transaction. A failure takes back all that was installed, with the table. Stops
 * early, with what is installed so far, when it is not wanted any more.
 * @throws RulesError
 */
export async function installRules(
  session: NftSession,
  request: RulesRequest,
  backend: Backend,
  log: RulesLog,
  isWanted = (): boolean => true,
  neighbours: Neighbours = NO_NEIGHBOURS,
): Promise<InstalledRules> {
  const iptables = backend === 'iptables' ? await findIptables() : null;
  const installed = new Installed(session, { request, backend, iptables, log, isWanted, neighbours });
  try {
    await installed.install();
    if (!isWanted()) return installed;
    await installed.warnOfFlowtables(plannedDevices(request.plan));
  } catch (error) {
    await installed.remove().catch((failure: unknown) => {
      log.warn('could not take back what was installed', { error: String(failure) });
    });
    throw error;
  }
  return installed;
}
