/**
 * Which host a name or a MAC of a matcher means. A name stands for MACs and addresses; one that stands for an
 * address means all addresses of that address's host.
 *
 * Flows keep the class that their hosts had. So when an address gets another MAC or host, they must be
 * classified again, if any matcher could see the difference: this table knows what matchers ask for.
 */
import { IPV6_BITS } from '../../base/prefix.ts';
import type { MacSpec, NamedHostSpec } from '../../spec/hosts.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import type { Addresses } from './addresses.ts';
import { ADDRESS_HOST, ADDRESS_MAC_HIGH, ADDRESS_MAC_LOW, NOBODY } from './host-layout.ts';
import { PrefixSet } from './prefix-set.ts';

const IPV4_BITS = 32;

/** What a name stands for. */
interface Named {
  readonly macs: MacSpec[];
  readonly prefixes: PrefixSpec[];
  set: PrefixSet;
}

/** Names and MACs for which matchers ask. */
export interface AskedHosts {
  readonly names: readonly string[];
  readonly macs: readonly MacSpec[];
}

/** An end of a packet: the row of its address if it is inside, the address, and the MAC that is shown. */
export interface PacketEnd {
  address: number;
  family: number;
  w0: number;
  w1: number;
  w2: number;
  w3: number;
  macHigh: number;
  macLow: number;
}

export class HostNames {
  private readonly addresses: Addresses;
  private named = new Map<string, Named>();
  private asked: AskedHosts = { names: [], macs: [] };

  constructor(addresses: Addresses) {
    this.addresses = addresses;
  }

  /** Whether any matcher asks for hosts. */
  get isAsked(): boolean {
    return this.asked.names.length > 0 || this.asked.macs.length > 0;
  }

  /** Names mean this from now on. Of two meanings of one name both hold. */
  set(names: readonly NamedHostSpec[]): void {
    const named = new Map<string, Named>();
    for (const { name, mac, address } of names) {
      const one = named.get(name) ?? { macs: [], prefixes: [], set: new PrefixSet([]) };
      if (mac) one.macs.push(mac);
      if (address) one.prefixes.push(address);
      named.set(name, one);
    }
    for (const one of named.values()) one.set = new PrefixSet(one.prefixes);
    this.named = named;
  }

  /** Matchers ask for these from now on. */
  ask(asked: AskedHosts): void {
    this.asked = asked;
  }

  /** Whether the device at this end has one of the MACs. */
  hasMac(end: PacketEnd, macs: readonly MacSpec[]): boolean {
    const { words } = this.addresses;
    for (const { high, low } of macs) {
      if (end.macHigh === high && end.macLow === low) return true;
      if (words[end.address + ADDRESS_MAC_HIGH] !== high) continue;
      if (words[end.address + ADDRESS_MAC_LOW] >>> 0 === low && end.address !== NOBODY) return true;
    }
    return false;
  }

  /** Whether the host at this end has one of the names. */
  hasName(end: PacketEnd, names: readonly string[]): boolean {
    for (const name of names) {
      const one = this.named.get(name);
      if (one === undefined) continue;
      if (this.hasMac(end, one.macs)) return true;
      if (one.set.has(end.family, end.w0, end.w1, end.w2, end.w3)) return true;
      if (end.address !== NOBODY && this.isHostOf(this.addresses.words[end.address + ADDRESS_HOST], one))
        return true;
    }
    return false;
  }

  /** Whether matchers see a difference when an address of one MAC, or of `host`, comes or goes. */
  matters(macHigh: number, macLow: number, host: number): boolean {
    const isMac = ({ high, low }: MacSpec): boolean => high === macHigh && low === macLow >>> 0;
    if (this.asked.macs.some(isMac)) return true;
    return this.asked.names.some((name) => {
      const one = this.named.get(name);
      return one !== undefined && (one.macs.some(isMac) || this.isHostOf(host, one));
    });
  }

  /** Whether one of the addresses for which a name stands belongs to `host`. */
  private isHostOf(host: number, { prefixes }: Named): boolean {
    if (host === NOBODY) return false;
    for (const { family, words, bits } of prefixes) {
      if (bits !== (family === 4 ? IPV4_BITS : IPV6_BITS)) continue;
      const a = this.addresses.find(family, words[0], words[1] ?? 0, words[2] ?? 0, words[3] ?? 0);
      if (a !== NOBODY && this.addresses.words[a + ADDRESS_HOST] === host) return true;
    }
    return false;
  }
}
