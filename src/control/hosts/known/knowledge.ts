/**
 * What the control thread knows of hosts beside their packets: names and MACs by configuration, leases and
 * reverse DNS. It tells the core what that needs of it.
 */
import { equal } from '../../../base/equal.ts';
import type { HostsUpdate, KnownAddress } from '../../../core/hosts/update.ts';
import type { MacSpec, NamedHostSpec } from '../../../spec/hosts.ts';
import type { ClassSpec, ShaperSpec } from '../../../spec/spec.ts';
import type { Lease } from './lease-formats.ts';
import { LeaseFiles } from './leases.ts';
import { KnownNames, type NameableHost } from './names.ts';
import { createReverseResolver, ReverseDns } from './reverse-dns.ts';

export interface HostKnowledgeOptions {
  /** To the packet thread. */
  readonly send: (update: HostsUpdate) => void;
  readonly tellKnown: (known: readonly KnownAddress[]) => void;
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
    const known: KnownAddress[] = [];
    for (const { address, mac } of leases) {
      if (!mac) continue;
      const key = `${address.family} ${address.words}`;
      const before = this.told.get(key);
      told.set(key, mac);
      if (before?.high === mac.high && before.low === mac.low) continue;
      known.push({ family: address.family, words: address.words, mac, ifIndex: 0 });
    }
    // A lease that has ended stays told: its device may go on by the address.
    this.told = told;
    this.options.tellKnown(known);
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
