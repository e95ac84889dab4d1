/**
 * The addresses of stopped hosts on their way from the control thread to the rules, which are installed later
 * than the control thread is there.
 */
import type { StoppedAddresses } from '../control/messages.ts';
import type { InstalledRules } from '../io/rules/index.ts';

type Rules = Pick<InstalledRules, 'setStopped' | 'setAllowed'>;

export class StoppedHosts {
  private rules: Rules | null = null;
  private told: StoppedAddresses | null = null;

  set(addresses: StoppedAddresses): void {
    this.told = addresses;
    this.rules?.setStopped(addresses.stopped);
    this.rules?.setAllowed(addresses.allowed);
  }

  /** The rules are in force. */
  installed(rules: Rules): void {
    this.rules = rules;
    if (this.told !== null) this.set(this.told);
  }
}
