/**
 * The names of hosts: those of the configuration, else of DHCP leases, else of reverse DNS. A name means one
 * host. What a device calls itself never takes a name from the configuration, nor from a device that had it
 * before: it gets the end of its MAC behind it.
 */
import { REVERSE_NAMES_MAX } from '../../../limits.ts';
import { addressText } from '../../../packet/address-text.ts';
import type { MacSpec, NamedHostSpec } from '../../../spec/hosts.ts';
import type { PrefixSpec } from '../../../spec/spec.ts';
import type { Lease } from './lease-formats.ts';

export interface NameableHost {
  /** As the store has it. */
  readonly id: string;
  readonly macs: readonly MacSpec[];
  readonly addresses: readonly Pick<PrefixSpec, 'family' | 'words'>[];
}

/** Asks for the name of an address elsewhere; null as long as there is none. */
export type ReverseName = (address: string) => string | null;

/** What the leases of one client say. */
interface Client {
  wanted: string;
  /** Behind a name that is another's already. */
  readonly suffix: string;
  readonly mac: MacSpec | null;
  readonly addresses: PrefixSpec[];
}

interface Given {
  readonly wanted: string;
  readonly name: string;
}

/** A MAC as one number: 48 bits. */
const macNumber = ({ high, low }: MacSpec): number => high * 0x100000000 + low;
const textOf = ({ family, words }: NameableHost['addresses'][number]): string => addressText(family, words);

export class KnownNames {
  private readonly reverse: ReverseName;
  private configured: readonly NamedHostSpec[] = [];
  private leases: readonly Lease[] = [];
  /** By client. */
  private given = new Map<string, Given>();
  private meanings = new Map<string, NamedHostSpec[]>();
  private byMac = new Map<number, string>();
  private byAddress = new Map<string, string>();
  /** Ids of the hosts that have names of reverse DNS. */
  private readonly reverseOwners = new Map<string, string>();

  constructor(reverse: ReverseName) {
    this.reverse = reverse;
  }

  setConfigured(names: readonly NamedHostSpec[]): void {
    this.configured = names;
    this.build();
  }

  setLeases(leases: readonly Lease[]): void {
    this.leases = leases;
    this.build();
  }

  /** The MACs and addresses of these names; names that nobody has mean nothing. */
  meaning(names: Iterable<string>): NamedHostSpec[] {
    return [...names].flatMap((name) => this.meanings.get(name) ?? []);
  }

  /** All names of the host: that of its MAC comes first, one of reverse DNS only if there is no other. */
  namesOf({ id, macs, addresses }: NameableHost): string[] {
    const texts = addresses.map(textOf);
    const names = [
      ...macs.map((mac) => this.byMac.get(macNumber(mac))),
      ...texts.map((text) => this.byAddress.get(text)),
    ].filter((name) => name !== undefined);
    if (names.length > 0) return [...new Set(names)];
    for (const text of texts) {
      const name = this.reverse(text);
      if (name !== null) return [this.own(name, id)];
    }
    return [];
  }

  /** The name if no other host has it, else with the end of the id. */
  private own(name: string, id: string): string {
    const owner = this.reverseOwners.get(name);
    if (owner === undefined && !this.meanings.has(name)) {
      if (this.reverseOwners.size >= REVERSE_NAMES_MAX) {
        this.reverseOwners.delete(this.reverseOwners.keys().next().value!);
      }
      this.reverseOwners.set(name, id);
      return name;
    }
    return owner === id && !this.meanings.has(name) ? name : `${name}-${endOf(id)}`;
  }

  private build(): void {
    const clients = this.clients();
    this.given = this.give(clients);
    this.meanings = new Map();
    this.byMac = new Map();
    this.byAddress = new Map();
    // What is known first holds: names of the configuration.
    for (const { name, mac, address } of this.configured) this.learn(name, mac, address);
    for (const [key, { name }] of this.given) {
      const { mac, addresses } = clients.get(key)!;
      if (mac) this.learn(name, mac, null);
      else for (const address of addresses) this.learn(name, null, address);
    }
  }

  private learn(name: string, mac: MacSpec | null, address: PrefixSpec | null): void {
    const meaning = this.meanings.get(name) ?? [];
    meaning.push({ name, mac, address });
    this.meanings.set(name, meaning);
    if (mac && !this.byMac.has(macNumber(mac))) this.byMac.set(macNumber(mac), name);
    if (address && !this.byAddress.has(textOf(address))) this.byAddress.set(textOf(address), name);
  }

  private clients(): Map<string, Client> {
    const clients = new Map<string, Client>();
    for (const { address, mac, client, name } of this.leases) {
      if (name === null) continue;
      const before = clients.get(client);
      if (before === undefined) {
        clients.set(client, { wanted: name, suffix: endOf(client), mac, addresses: [address] });
        continue;
      }
      before.wanted = name;
      before.addresses.push(address);
    }
    return clients;
  }

  private give(clients: ReadonlyMap<string, Client>): Map<string, Given> {
    const taken = new Set(this.configured.map(({ name }) => name));
    const given = new Map<string, Given>();
    const grant = (key: string, wanted: string, name: string): void => {
      taken.add(name);
      given.set(key, { wanted, name });
    };
    for (const [key, { wanted }] of clients) {
      const had = this.given.get(key);
      if (had?.wanted === wanted && !taken.has(had.name)) grant(key, wanted, had.name);
    }
    const others = [...clients].filter(([key]) => !given.has(key));
    for (const [key, { wanted, mac, suffix }] of others.filter(([, client]) => client.mac)) {
      if (mac) grant(key, wanted, taken.has(wanted) ? freeName(`${wanted}-${suffix}`, taken) : wanted);
    }
    // The IPv6 lease of a device has the name of its IPv4 lease, and its neighbour entry says whose it is.
    for (const [key, { wanted }] of others.filter(([, client]) => !client.mac)) {
      if (!taken.has(wanted)) grant(key, wanted, wanted);
    }
    return given;
  }
}

/** The last four letters and digits of a MAC or an address. */
function endOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z\d]/g, '')
    .slice(-4);
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
  return free;
}
