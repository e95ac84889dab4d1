/**
 * Keeps ready what a new start is told (handover.ts), as long as code of others may make the event loop hang.
 * A thread that hangs can put nothing together, so every change is noted at once.
 */
import type { ConfigSource } from '../../control/messages.ts';
import { kindOfUse } from '../../io/modules/loader.ts';
import type { ModuleEntry } from './entry.ts';
import type { GuardOnDemand } from './guard.ts';
import { type Handover, handed } from './handover.ts';

export class Restarts {
  /** The modules that there are. */
  entries: () => readonly ModuleEntry[] = () => [];
  private readonly guard: Pick<GuardOnDemand, 'arm' | 'owners' | 'onOwner'>;
  private config: ConfigSource;
  private hasBegun = false;
  /** Whether a text that is none of ours has been run. It may have left something to the event loop. */
  private isForeign = false;

  constructor(guard: Pick<GuardOnDemand, 'arm' | 'owners' | 'onOwner'>, config: ConfigSource) {
    this.guard = guard;
    this.config = config;
    guard.onOwner = () => this.note();
  }

  /** Packets come soon. Until then nobody waits for a module. */
  begin(): void {
    this.hasBegun = true;
    this.note();
  }

  /** The text of a module is about to run. */
  reads(use: string): void {
    if (kindOfUse(use) !== 'built-in') this.isForeign = true;
    this.note();
  }

  /** The instance runs by another configuration. */
  runsBy(config: ConfigSource): void {
    this.config = config;
    this.note();
  }

  /** Something has changed. */
  note(): void {
    if (!this.hasBegun || !this.isForeign) return;
    const { guard, config } = this;
    const modules = this.entries().map((entry) => handed(entry, kindOfUse(entry.ask.use) !== 'built-in'));
    const handover: Handover = { config, modules, owners: guard.owners };
    guard.arm(JSON.stringify(handover));
  }

  get arePacketsWaiting(): boolean {
    return this.hasBegun;
  }
}
