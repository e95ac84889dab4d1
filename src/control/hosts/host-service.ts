/**
 * Hosts over time: four times a second, or once while there is no quota, it takes what was counted, lets the
 * windows of quotas slide, and tells everybody what follows from it: the packet thread, the page, watchers,
 * outside actions, the store. Packets wait for none of this. The core is told ahead where the next limit of a
 * host is, and acts there by itself (core/hosts/update.ts).
 */
import { NONE } from '../../base/none.ts';
import { limitColumns } from '../../core/hosts/limit-columns.ts';
import type { HostsUpdate, KnownAddress } from '../../core/hosts/update.ts';
import type { ClockReading } from '../../quotas/quota-clock.ts';
import { ratesOf } from '../../quotas/rates.ts';
import type { HistorySpec } from '../../spec/hosts.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import type { Stored, StoredHost } from '../../store/batch.ts';
import type { Clock } from '../change/clock.ts';
import type { Emit } from '../events.ts';
import type { LogLine } from '../messages.ts';
import type { OutsideActions } from './actions/actions.ts';
import { HostDirectory } from './directory.ts';
import type { HostEntry } from './entry.ts';
import { HostHistory, type HostHistoryOptions } from './host-history.ts';
import type { HostSource } from './host-source.ts';
import { PageLink, type PageLinkOptions } from './page-link.ts';
import { QuotaKeeper } from './quota-keeper.ts';
import { QuotaTeller, type TellerOptions, type ToTell } from './quota-teller.ts';
import type { HostCounts } from './reports.ts';
import { restored } from './restored.ts';
import { seedWindows } from './seeding.ts';
import { UntoldModules } from './untold-modules.ts';

export interface HostServiceOptions
  extends Pick<HostHistoryOptions, 'openStore'>,
    Pick<PageLinkOptions, 'startPortal' | 'setStopped'> {
  readonly source: HostSource;
  readonly spec: ShaperSpec;
  readonly history: HistorySpec;
  readonly clock: Clock;
  readonly read: () => ClockReading;
  /** To the packet thread. */
  readonly send: (update: HostsUpdate) => void;
  readonly tellKnown: (known: readonly KnownAddress[]) => void;
  readonly actions: Pick<OutsideActions, 'tell' | 'close'>;
  /** All names of a host, the shown one first. */
  readonly namesOf: (entry: HostEntry) => readonly string[];
  readonly portName: (ifIndex: number) => string;
  /** The state of a host has changed with a quota that names a module. */
  readonly tellModule: TellerOptions['tellModule'];
  /** A host was stopped or slowed down. */
  readonly onStopped: (entry: HostEntry) => void;
  readonly emit: Emit;
  readonly log: (line: LogLine) => void;
}

/** Quotas are kept to so often. Without any, hosts are only counted. */
const LOOK_MS = 250;
const COUNT_MS = 1000;
const ADDRESSES_MS = 1000;
const NAMES_MS = 5000;
/** Hosts that nobody asks for are forgotten by the book so often. */
const TIDY_MS = 3_600_000;
/** Others are told of a violation when it is stored, so that none is told twice; but not later than this. */
const STORED_MS_MAX = 2000;

interface Waiting extends ToTell {
  readonly untilMs: number;
}

export class HostService {
  readonly directory: HostDirectory;
  readonly history: HostHistory;
  readonly #options: HostServiceOptions;
  readonly #page: PageLink;
  readonly #teller: QuotaTeller;
  #keeper: QuotaKeeper;
  #spec: ShaperSpec;
  /** Hosts that are slowed down or stopped. */
  readonly #limited = new Map<HostEntry, boolean>();
  #hasPageChanged = true;
  #waiting: Waiting[] = [];
  readonly #untold = new UntoldModules();
  #dueMs = { addresses: 0, names: 0, tidy: TIDY_MS };
  #forgetTimer: (() => void) | null = null;
  #isReady = false;
  #isClosed = false;

  constructor(options: HostServiceOptions) {
    const { source, spec, history, clock, log, emit, openStore, startPortal, setStopped } = options;
    this.#options = options;
    this.#spec = spec;
    this.directory = new HostDirectory({
      source,
      ...{ portName: options.portName, namesOf: (entry) => this.#namesOf(entry) },
      onBound: (entry) => this.#keeper.bound(entry),
      onMerged: (from, into) => this.#merged(from, into),
      onChanged: (entry) => this.#changed(entry),
      mayForget: (entry) => !this.#limited.has(entry),
      onForgotten: (entry) => this.#keeper.forget(entry),
    });
    this.#keeper = this.#newKeeper(null);
    const onLate = (stored: Stored): void => this.#restoreLate(stored);
    this.history = new HostHistory({ spec: history, openStore, onLate, clock, log });
    this.#page = new PageLink({
      ...{ startPortal, setStopped, clock, log },
      standingsOf: (entry) => this.#keeper.standingsOf(entry),
      onAllowed: () => this.#tellAllowed(),
    });
    this.#teller = new QuotaTeller({
      ...{ emit, log },
      entryOf: (id) => this.directory.entries.get(id),
      quotas: () => this.#keeper.quotas,
      tellModule: options.tellModule,
      endsAt: (entry, change) => this.#keeper.endsAt(entry, change),
    });
  }

  get keeper(): QuotaKeeper {
    return this.#keeper;
  }

  /** What goes wrong now, as sentences. */
  get warnings(): readonly string[] {
    return this.history.warnings;
  }

  /** For metrics. */
  counts(): HostCounts {
    const stopped = [...this.#limited.values()].filter((isStopped) => isStopped).length;
    return {
      ...{ known: this.directory.entries.size, slowed: this.#limited.size - stopped, stopped },
      ...{ isStored: this.history.isWell, isPageServed: this.#page.isServed },
    };
  }

  /** How the host of this address is stopped; null: it is not, or nobody knows the address. */
  stopOf(address: string): 'block' | 'page' | null {
    for (const entry of this.#limited.keys()) {
      const kind = this.#keeper.kindOf(entry);
      if ((kind === 'block' || kind === 'page') && entry.addressTexts.includes(address)) return kind;
    }
    return null;
  }

  /** Looks for the first time when the store has said what it has, or that it cannot. */
  async start(): Promise<void> {
    this.#page.follow(this.#spec.quotas);
    const stored = await this.history.opened;
    if (this.#isClosed) return;
    if (stored !== null) this.#restore(stored);
    this.#isReady = true;
    this.#seed();
    this.#again();
  }

  /** A module has begun, and knows no host: it is told of those that are not ok with a quota naming it. */
  moduleBegan(label: string): void {
    this.#untold.began(label);
    this.look();
  }

  /** The configuration is another one. */
  follow(spec: ShaperSpec, history: HistorySpec): void {
    this.#untold.follow(this.#spec, spec);
    this.#spec = spec;
    this.history.follow(history);
    this.#keeper.replace(spec.quotas, ratesOf(spec.links));
    this.directory.lookAtNames();
    for (const entry of this.directory.entries.values()) this.#keeper.follow(entry);
    this.#page.follow(spec.quotas);
    this.#seed();
    this.look();
  }

  /** Takes what was counted, and acts. Until the past is known, counts wait in the memory. */
  look(): void {
    if (!this.#isReady) return;
    const { clock } = this.#options;
    const [nowMs, nowNs] = [clock.monotonicMs(), this.#keeper.nowNs()];
    this.directory.take(clock.wallMs(), nowMs, (entry, up, down) =>
      this.#keeper.count(entry, up, down, nowNs),
    );
    if (nowMs >= this.#dueMs.addresses) {
      this.#dueMs.addresses = nowMs + ADDRESSES_MS;
      this.directory.lookAtAddresses();
    }
    if (nowMs >= this.#dueMs.names) {
      this.#dueMs.names = nowMs + NAMES_MS;
      this.directory.lookAtNames();
    }
    this.#limit(nowNs);
    this.#tell(nowMs);
    if (this.history.isDue) this.#flush();
    if (nowMs < this.#dueMs.tidy) return;
    this.#dueMs.tidy = nowMs + TIDY_MS;
    this.#keeper.forgetIdle();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#forgetTimer?.();
    this.look();
    this.#flush();
    this.#options.actions.close();
    await Promise.all([this.#page.close(), this.history.close()]);
  }

  #again(): void {
    this.look();
    const pauseMs = this.#spec.quotas.length > 0 ? LOOK_MS : COUNT_MS;
    this.#forgetTimer = this.#options.clock.after(pauseMs, () => this.#again());
  }

  #newKeeper(stored: Stored | null): QuotaKeeper {
    const { read } = this.#options;
    return new QuotaKeeper({
      ...{ quotas: this.#spec.quotas, rates: ratesOf(this.#spec.links), read },
      stored: stored?.quotas ?? null,
      entryOf: (id) => this.directory.entries.get(id),
    });
  }

  #limit(nowNs: number): void {
    const changed = this.#keeper.advance(nowNs);
    if (changed.length === 0) return;
    this.#options.send({ limits: limitColumns(changed, this.#page.allow) });
  }

  #tell(nowMs: number): void {
    for (const { entry, kind } of this.#keeper.takeChangedKinds()) {
      this.#hasPageChanged = true;
      if (kind === 'none') this.#limited.delete(entry);
      else {
        if (!this.#limited.has(entry)) this.#options.onStopped(entry);
        this.#limited.set(entry, kind === 'page' || kind === 'block');
      }
    }
    const toTell = this.#teller.tell(this.#keeper.takeNews());
    this.#tellModules();
    if (toTell.length > 0) this.#flush();
    this.#waiting.push(...toTell.map((one) => ({ ...one, untilMs: nowMs + STORED_MS_MAX })));
    this.#tellOthers(nowMs);
    this.#page.tell(() => this.#pageHosts(), this.#hasPageChanged);
    this.#hasPageChanged = false;
  }

  #tellModules(): void {
    const labels = this.#untold.take(this.#spec);
    if (labels.length === 0) return;
    for (const entry of this.directory.entries.values()) {
      const standings = this.#keeper.standingsOf(entry);
      for (const label of labels) this.#teller.tellPresent(entry.id, standings, label);
    }
  }

  #tellOthers(nowMs: number): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(({ untilMs }) => this.history.isSettled || nowMs >= untilMs);
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { quota, facts } of ready) this.#options.actions.tell(quota.outside, facts);
  }

  #pageHosts(): { readonly entry: HostEntry; readonly isStopped: boolean }[] {
    // A host that is blocked sees no page.
    return [...this.#limited.keys()].flatMap((entry) => {
      const kind = this.#keeper.kindOf(entry);
      return kind === 'page' || kind === 'throttle' ? [{ entry, isStopped: kind === 'page' }] : [];
    });
  }

  #flush(): void {
    const hasQuotas = this.#keeper.quotas.length > 0;
    this.history.flush(this.directory.entries.values(), hasQuotas ? () => this.#keeper.takeChanges() : null);
  }

  #merged(from: HostEntry, into: HostEntry): void {
    this.#limited.delete(from);
    this.#hasPageChanged = true;
    this.#keeper.merge(from, into);
    this.history.merged(from.id, into.id);
  }

  #changed(entry: HostEntry): void {
    this.#keeper.follow(entry);
    if (this.#limited.has(entry)) this.#hasPageChanged = true;
  }

  #tellAllowed(): void {
    this.#hasPageChanged = true;
    this.#keeper.tellAgain(this.#limited.keys());
  }

  #restore(stored: Stored): void {
    for (const host of stored.hosts) this.#restoreHost(host);
    this.#keeper = this.#newKeeper(stored);
    for (const entry of this.directory.entries.values()) this.#keeper.follow(entry);
    this.#tellKnown(stored.hosts);
  }

  /** Counting has begun without what is in the file. */
  #restoreLate(stored: Stored): void {
    const counted = [...this.directory.entries.values()].map((entry) => ({
      ...{ entry, upBytes: entry.up.bytes, downBytes: entry.down.bytes },
    }));
    for (const host of stored.hosts) this.#restoreHost(host);
    this.#keeper = this.#newKeeper(stored);
    for (const entry of this.directory.entries.values()) this.#keeper.adopt(entry);
    const nowNs = this.#keeper.nowNs();
    for (const { entry, upBytes, downBytes } of counted) this.#keeper.count(entry, upBytes, downBytes, nowNs);
    this.#untold.allBegan();
    this.#tellKnown(stored.hosts);
  }

  #restoreHost(host: StoredHost): void {
    const entry = this.directory.add(host.id);
    const { macs, addresses } = restored(host);
    if (entry.macs.length === 0) entry.macs = macs;
    if (entry.addresses.length === 0) entry.addresses = addresses;
    if (entry.lastSeenMs === 0) entry.isNews = false;
    entry.lastSeenMs = Math.max(entry.lastSeenMs, host.lastSeenMs);
    entry.up.restore(host.upBytes);
    entry.down.restore(host.downBytes);
    entry.storedName = host.name ?? '';
    entry.names = this.#namesOf(entry);
  }

  /** A host of an earlier run keeps its name until it is here: names of leases come a moment later. */
  #namesOf(entry: HostEntry): readonly string[] {
    const names = this.#options.namesOf(entry);
    return names.length === 0 && entry.row === NONE && entry.storedName !== '' ? [entry.storedName] : names;
  }

  /** So the core knows at once whose addresses these are, and a stopped host is stopped again at once. */
  #tellKnown(hosts: readonly StoredHost[]): void {
    const known = hosts.flatMap((host): KnownAddress[] => {
      const { macs, addresses } = restored(host);
      const mac = macs.find((_, i) => host.macs[i] === host.id);
      if (mac === undefined) return [];
      return addresses.map(({ family, words }) => ({ family, words, mac, ifIndex: 0 }));
    });
    if (!this.#isClosed) this.#options.tellKnown(known);
  }

  /** Windows that are new have the past that history knows. */
  #seed(): void {
    const oversNs = this.#keeper.takeUnseeded();
    if (oversNs.length === 0) return;
    this.#flush();
    const { wallMs } = this.#options.read();
    const { entries } = this.directory;
    const isKnown = (entry: HostEntry): boolean => entries.get(entry.id) === entry;
    void seedWindows([...entries.values()], oversNs, wallMs, this.history, this.#keeper, isKnown);
  }
}
