/**
 * Tells the page for stopped hosts and the rules who is stopped. While no quota has a page there is neither.
 */
import { parseTime } from '../../base/units.ts';
import { prefix } from '../../config/fields/addresses.ts';
import type { PageHost } from '../../portal/messages.ts';
import type { Portal, PortalOptions } from '../../portal/portal.ts';
import type { PageSpec, QuotaSpec } from '../../spec/hosts.ts';
import { pageOf } from '../../spec/page.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import type { Clock } from '../change/clock.ts';
import type { LogLine, StoppedAddresses } from '../messages.ts';
import type { HostEntry } from './entry.ts';
import type { StandingReport } from './reports.ts';

export interface LimitedEntry {
  readonly entry: HostEntry;
  readonly isStopped: boolean;
}

export interface PageLinkOptions {
  readonly startPortal: (options: PortalOptions) => Portal;
  readonly setStopped: (addresses: StoppedAddresses) => void;
  readonly standingsOf: (entry: HostEntry) => readonly StandingReport[];
  /** What a stopped host reaches has changed: the packet thread is to be told again. */
  readonly onAllowed: () => void;
  readonly clock: Clock;
  readonly log: (line: LogLine) => void;
}

/** Numbers of the page are told so often. */
const TELL_MS = 1000;

export class PageLink {
  readonly #options: PageLinkOptions;
  #page: PageSpec | null = null;
  #portal: Portal | null = null;
  #allowed: readonly string[] = [];
  #toldAddresses = '';
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: PageLinkOptions) {
    this.#options = options;
  }

  /** null: no page is configured. Whether its process runs is another matter, which it tells the log. */
  get isServed(): boolean | null {
    return this.#page === null ? null : this.#portal !== null;
  }

  /** What a stopped host reaches: prefixes of the configuration, and what its names mean now. */
  get allow(): readonly PrefixSpec[] {
    const prefixes = this.#page?.allow.filter((one) => typeof one !== 'string') ?? [];
    return [...prefixes, ...this.#allowed.map((text) => prefix.read(text).prefix)];
  }

  follow(quotas: readonly QuotaSpec[]): void {
    const page = pageOf(quotas);
    this.#page = page;
    this.#toldMs = Number.NEGATIVE_INFINITY;
    if (page === null) {
      void this.#portal?.close();
      this.#portal = null;
      this.#allowed = [];
    } else if (this.#portal !== null) this.#portal.configure(page);
    else
      this.#portal = this.#options.startPortal({
        page,
        onAllowed: (addresses) => {
          this.#allowed = addresses;
          this.#toldMs = Number.NEGATIVE_INFINITY;
          this.#options.onAllowed();
        },
        log: (level, message, fields) => this.#options.log({ level, message, fields: { ...fields } }),
      });
  }

  /** `haveChanged`: hosts were stopped or released, or have other addresses. */
  tell(limited: () => readonly LimitedEntry[], haveChanged: boolean): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#page === null && this.#toldAddresses === '') return;
    if (!haveChanged && nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    const hosts = this.#page === null ? [] : limited();
    this.#portal?.setHosts(hosts.map((one) => this.#pageHost(one)));
    const stopped = hosts.flatMap(({ entry, isStopped }) => (isStopped ? entry.addressTexts : []));
    const told = [...stopped, '', ...this.#allowed].join(' ').trim();
    if (told === this.#toldAddresses) return;
    this.#toldAddresses = told;
    this.#options.setStopped({ stopped, allowed: this.#allowed });
  }

  async close(): Promise<void> {
    await this.#portal?.close();
  }

  #pageHost({ entry, isStopped }: LimitedEntry): PageHost {
    const { id, name, addressTexts: addresses } = entry;
    const quotas = this.#options
      .standingsOf(entry)
      .map(({ over, ...standing }) => ({ ...standing, overNs: parseTime(over) }));
    return { id, name, addresses, isStopped, quotas };
  }
}
