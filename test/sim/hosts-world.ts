/** Inside hosts in a world: their packets with MACs, and what is read of them. */

import { KIND_MAC, KIND_PORT, NOBODY } from '../../src/core/hosts/host-layout.ts';
import {
  createAddressRecord,
  createHostNewsRecord,
  createHostRecord,
  type HostNewsRecord,
  HostReader,
} from '../../src/core/hosts/host-reader.ts';
import { addressText } from '../../src/packet/address-text.ts';
import { macText } from '../../src/packet/mac-text.ts';
import { IPPROTO_UDP } from '../../src/sim/packets/packets.ts';
import type { HostsSpec, MacSpec } from '../../src/spec/hosts.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import type { SimArrival } from '../port/sim-port.ts';
import type { World } from './world.ts';

export const WAN = 1;
/** Interface index of a device that no link has. */
export const LAN = 99;
export type Address = number | readonly [number, number, number, number];

export const mac = (low: number): MacSpec => ({ high: 0x0250, low });

export function withHosts(spec: ShaperSpec, hosts: Partial<HostsSpec>): ShaperSpec {
  return { ...spec, hosts: { ...spec.hosts, ...hosts } };
}

/** A packet of the inside address to the outside. */
export function sends(
  timeNs: number,
  lengthBytes: number,
  src: Address,
  dst: Address,
  more: Partial<SimArrival> & { readonly sport?: number } = {},
): SimArrival {
  const { sport = 1000, ...rest } = more;
  const shape = { src, dst, protocol: IPPROTO_UDP, sport, dport: 5000 };
  return { timeNs, lengthBytes, shape, ifIndexIn: LAN, ifIndexOut: WAN, ...rest };
}

/** A packet from the outside to the inside address. */
export function gets(
  timeNs: number,
  lengthBytes: number,
  dst: Address,
  src: Address,
  more: Partial<SimArrival> & { readonly dport?: number } = {},
): SimArrival {
  const { dport = 1000, ...rest } = more;
  const shape = { src, dst, protocol: IPPROTO_UDP, sport: 5000, dport };
  return { timeNs, lengthBytes, shape, ifIndexIn: WAN, ifIndexOut: LAN, ...rest };
}

export interface HostSeen {
  readonly up: readonly [bytes: number, packets: number, dropped: number];
  readonly down: readonly [bytes: number, packets: number, dropped: number];
  readonly addresses: readonly string[];
}

/** Every host by its MAC, port or address. */
export function hostsOf(world: World): Record<string, HostSeen> {
  // What readers are told of the extent of tables is that of the last batch.
  world.engine.hosts.begin(world.port.nowNs);
  const reader = new HostReader(world.engine.hosts.buffer);
  const addressesOf = new Map<number, string[]>();
  const address = createAddressRecord();
  const texts = new Map<number, string>();
  for (let row = reader.nextAddress(NOBODY); row !== NOBODY; row = reader.nextAddress(row)) {
    if (!reader.readAddress(row, address)) continue;
    const text = addressText(address.family, address.words);
    texts.set(row, text);
    addressesOf.set(address.host, [...(addressesOf.get(address.host) ?? []), text]);
  }
  const seen: Record<string, HostSeen> = {};
  const host = createHostRecord();
  for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row)) {
    if (!reader.readHost(row, host)) continue;
    const name =
      host.kind === KIND_MAC
        ? macText(host.key0, host.key1)
        : host.kind === KIND_PORT
          ? `port ${host.key0}`
          : (texts.get(host.key0) ?? 'an address that is gone');
    seen[name] = {
      up: [host.upBytes, host.upPackets, host.upDropped],
      down: [host.downBytes, host.downPackets, host.downDropped],
      addresses: (addressesOf.get(row) ?? []).sort(),
    };
  }
  return seen;
}

/** All news since the start that the ring still has. */
export function newsOf(world: World): HostNewsRecord[] {
  const reader = new HostReader(world.engine.hosts.buffer);
  const all: HostNewsRecord[] = [];
  reader.readNews(0, createHostNewsRecord(), (news) => all.push({ ...news, words: news.words.slice() }));
  return all;
}
