/**
 * What the control thread knows of hosts beside their packets: names and MACs by configuration, leases and
 * reverse DNS. It tells the core what that needs of it.
 */
import { equal } from '../../base/equal.ts';
import type { HostsUpdate, KnownAddress } from '../../core/hosts/update.ts';
import type { MacSpec, NamedHostSpec } from '../../spec/hosts.ts';
import type { ClassSpec, ShaperSpec } from '../../spec/spec.ts';
import type { Lease } from './lease-formats.ts';
import { LeaseFiles } from './leases.ts';
import { KnownNames, type NameableHost } from './names.ts';
import { createReverseResolver, ReverseDns } from './reverse-dns.ts';

/** So many addresses cross to the packet thread at once, and the next after this pause. */
const KNOWN_AT_ONCE = 256;
const PAUSE_MS = 50;

export interface HostKnowledgeOptions {
  /** To the packet thread. */
  readonly send: (update: HostsUpdate) => void;
  readonly warn: (message: string, fields: object) => void;
  readonly nowMs: () => number;
  readonly resolve?: (address: string) => Promise<readonly string[]>;
}

export class HostKnowledge {
  private readonly options: HostKnowledgeOptions;
  private readonly files: LeaseFiles;
  private readonly dns: ReverseDns;
  private readonly names: KnownNames;
  private asksDns = false;
  /** Names that classes match. */
  private asked: ReadonlySet<string> = new Set();
  private toldNames: readonly NamedHostSpec[] = [];
  /** MACs by address, as they were told. */
  private told = new Map<string, MacSpec>();
  private known: KnownAddress[] = [];
  private timer: NodeJS.Timeout | null = null;

  constructor(options: HostKnowledgeOptions) {
    const { warn, nowMs, resolve = createReverseResolver() } = options;
    this.options = options;
    this.files = new LeaseFiles({ onLeases: (leases) => this.takeLeases(leases), warn });
    this.dns = new ReverseDns({ resolve, nowMs });
    this.names = new KnownNames((address) => (this.asksDns ? this.dns.nameOf(address) : null));
  }

  /** The running configuration, at the start and after every change. */
  follow({ hosts, links }: Pick<ShaperSpec, 'hosts' | 'links'>): void {
    this.asksDns = hosts.reverseDns;
    this.asked = askedNames(links);
    this.names.setConfigured(hosts.names);
    this.files.follow(hosts.leases);
    this.tellNames();
  }

  /** The shown one first; none if it has no name (yet). */
  namesOf(host: NameableHost): string[] {
    return this.names.namesOf(host);
  }

  close(): void {
    this.files.close();
    if (this.timer !== null) clearInterval(this.timer);
  }

  private tellNames(): void {
    const names = this.names.meaning(this.asked);
    // Flows of hosts that classes match are classified again.
    if (equal(names, this.toldNames)) return;
    this.toldNames = names;
    this.options.send({ names });
  }

  private takeLeases(leases: readonly Lease[]): void {
    this.names.setLeases(leases);
    this.tellNames();
    const told = new Map<string, MacSpec>();
    for (const { address, mac } of leases) {
      if (!mac) continue;
      const key = `${address.family} ${address.words}`;
      const before = this.told.get(key);
      told.set(key, mac);
      if (before?.high === mac.high && before.low === mac.low) continue;
      this.known.push({ family: address.family, words: address.words, mac, ifIndex: 0 });
    }
    // A lease that has ended stays told: its device may go on by the address.
    this.told = told;
    this.tellKnown();
  }

  /** Thousands of leases at once would make packets wait. */
  private tellKnown(): void {
    if (this.timer !== null || this.known.length === 0) return;
    this.timer = setInterval(() => {
      this.options.send({ known: this.known.splice(0, KNOWN_AT_ONCE) });
      if (this.known.length > 0 || this.timer === null) return;
      clearInterval(this.timer);
      this.timer = null;
    }, PAUSE_MS);
    this.timer.unref();
  }
}

function askedNames(links: ShaperSpec['links']): Set<string> {
  const asked = (node: ClassSpec | null): string[] => {
    if (node === null) return [];
    return [
      ...(node.match ?? []).flatMap(({ hostNames = [] }) => hostNames),
      ...node.children.flatMap(asked),
    ];
  };
  return new Set(links.flatMap(({ up, down }) => [...asked(up), ...asked(down)]));
}
