/**
 * Puts the rules of another plan in force while packets wait. Of the iptables back end, rules that come stand
 * before the nft table sends packets to them, and rules that go stay until it does so no more.
 */
import { editLines, leftoverLines } from './edit-nft.ts';
import { RulesError, type RulesLog } from './errors.ts';
import { addRules, type Iptables, removeRules } from './iptables.ts';
import { kernelTracks } from './kernel-rules.ts';
import type { NftSession } from './nft-session.ts';
import { findDeviceRivals } from './others.ts';
import { iptablesRules } from './render-iptables.ts';
import {
  type Backend,
  chainLines,
  claimLines,
  DEVICES_SET,
  plannedDevices,
  quoteDevice,
  type RulesRequest,
  tableName,
} from './render-nft.ts';
import { hasPageHooks } from './render-page.ts';

const HINT_RIVAL = 'stop that instance, or name other devices';

export interface ChangedRules {
  /** Takes out what only the rules of before needed. What is in the way of that is logged. */
  finish(): Promise<void>;
  /** Puts the rules of before in force again. What is in the way of that is logged. */
  undo(): Promise<void>;
}

export interface ChangeParts {
  readonly session: NftSession;
  readonly backend: Backend;
  /** null with the other back end. */
  readonly iptables: Iptables | null;
  readonly log: RulesLog;
  /** Whether the rules are wanted still. If not, a stop takes them all out, and nothing may come after it. */
  readonly isWanted: () => boolean;
  /** Rules of iptables are being added or deleted. A stop waits for that, and for nothing else. */
  readonly onEdit: (edit: Promise<void>) => void;
}

/** Devices of a plan that another plan does not have. */
export function addedDevices(from: RulesRequest, to: RulesRequest): string[] {
  const had = new Set(plannedDevices(from.plan));
  return plannedDevices(to.plan).filter((device) => !had.has(device));
}

/**
 * Resolves when the rules are in force.
 * @throws RulesError The rules of before are in force then
 */
export async function changeRules(
  from: RulesRequest,
  to: RulesRequest,
  parts: ChangeParts,
): Promise<ChangedRules> {
  const change = new RulesChange(from, to, parts);
  try {
    await change.make();
  } catch (error) {
    await change.undo();
    throw error;
  }
  return change;
}

class RulesChange implements ChangedRules {
  private readonly from: RulesRequest;
  private readonly to: RulesRequest;
  private readonly parts: ChangeParts;
  private readonly linesFrom: readonly string[];
  private readonly linesTo: readonly string[];
  /** To go back to. Chains in hooks stay, and so does what keeps connection tracking on. */
  private readonly linesBack: readonly string[];
  /** Rules of iptables that come, and that go. */
  private readonly coming: readonly string[] = [];
  private readonly going: readonly string[] = [];
  /** Steps of which something may be in force. */
  private readonly begun = { claim: false, iptables: false, chains: false };

  constructor(from: RulesRequest, to: RulesRequest, parts: ChangeParts) {
    this.from = from;
    this.to = to;
    this.parts = parts;
    this.linesFrom = [...claimLines(from), ...chainLines(from, parts.backend)];
    this.linesTo = [...claimLines(to), ...chainLines(to, parts.backend)];
    const back = {
      ...from,
      keepsPageHooks: hasPageHooks(from) || hasPageHooks(to),
      keepsTracking: from.keepsTracking === true || kernelTracks(to.plan),
    };
    this.linesBack = [...claimLines(back), ...chainLines(back, parts.backend)];
    if (parts.iptables) {
      const [had, has] = [iptablesRules(from), iptablesRules(to)];
      this.coming = has.filter((rule) => !had.includes(rule));
      this.going = had.filter((rule) => !has.includes(rule));
    }
  }

  async make(): Promise<void> {
    const { begun } = this;
    const { iptables } = this.parts;
    await this.claim(addedDevices(this.from, this.to));
    if (iptables && this.coming.length > 0) {
      this.checkWanted();
      begun.iptables = true;
      await this.edit(addRules(iptables, this.coming));
    }
    const lines = editLines(this.linesFrom, this.linesTo);
    if (lines.length === 0) return;
    begun.chains = true;
    await this.run('changing the rules', lines);
  }

  async finish(): Promise<void> {
    const lines = leftoverLines(this.linesFrom, this.linesTo);
    await this.attempt('taking out rules that are not used any more', async () => {
      if (lines.length > 0) await this.run('deleting chains', lines);
      if (this.parts.iptables && this.parts.isWanted()) {
        await this.edit(removeRules(this.parts.iptables, this.going));
      }
    });
  }

  async undo(): Promise<void> {
    const { begun } = this;
    await this.attempt('putting the rules back', async () => {
      // A transaction that gave no answer may have been carried out all the same.
      const claim = begun.claim ? editLines(claimLines(this.to), claimLines(this.from)) : [];
      const lines = begun.chains ? editLines(this.linesTo, this.linesBack) : claim;
      if (lines.length > 0) await this.run('putting the rules back', lines);
      const leftover = begun.chains ? leftoverLines(this.linesTo, this.linesBack) : [];
      // What never came cannot be deleted, and in the way of nobody.
      if (leftover.length > 0) await this.run('deleting chains', leftover).catch(() => undefined);
    });
    await this.attempt('taking out rules of iptables', async () => {
      const { iptables } = this.parts;
      if (iptables && begun.iptables) await this.edit(removeRules(iptables, this.coming));
    });
  }

  /** Of two instances that claim a device at the same instant neither gets it. */
  private async claim(devices: readonly string[]): Promise<void> {
    if (devices.length === 0) return;
    const { first } = this.to.nfqueue;
    const elements = devices.map(quoteDevice).join(', ');
    this.begun.claim = true;
    await this.run('claiming devices', [
      `add element inet ${tableName(first)} ${DEVICES_SET} { ${elements} }`,
    ]);
    const rivals = await findDeviceRivals(first, devices);
    if (rivals.length > 0) throw new RulesError('taken', rivals.join('; '), HINT_RIVAL);
  }

  private async run(what: string, lines: readonly string[]): Promise<void> {
    this.checkWanted();
    await this.parts.session.run(what, lines);
  }

  private edit(edit: Promise<void>): Promise<void> {
    this.parts.onEdit(edit);
    return edit;
  }

  private checkWanted(): void {
    if (!this.parts.isWanted()) throw new RulesError('failed', 'the instance stops');
  }

  private async attempt(what: string, act: () => Promise<void>): Promise<void> {
    if (!this.parts.isWanted()) return;
    try {
      await act();
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      if (this.parts.isWanted()) this.parts.log.warn(`${what} failed`, { error: error.message });
    }
  }
}
