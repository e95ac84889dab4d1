/** The parts of core/hosts over one small memory. */
import { hashKeys } from '../../../../src/base/hash.ts';
import { Addresses } from '../../../../src/core/hosts/addresses.ts';
import { createHostMemory } from '../../../../src/core/hosts/host-layout.ts';
import { HostNames } from '../../../../src/core/hosts/host-names.ts';
import { HostNews } from '../../../../src/core/hosts/host-news.ts';
import {
  createHostNewsRecord,
  type HostNewsRecord,
  HostReader,
} from '../../../../src/core/hosts/host-reader.ts';
import { HostTable } from '../../../../src/core/hosts/host-table.ts';
import { Hosts } from '../../../../src/core/hosts/hosts.ts';
import { DEFAULT_HOSTS, type HostsSpec } from '../../../../src/spec/hosts.ts';

export const ROOMS = { hosts: 16, addresses: 16, news: 16 };

export function tables(rooms = ROOMS) {
  const memory = createHostMemory(rooms);
  const table = new HostTable(memory, 1, 2);
  const addresses = new Addresses(memory, 3, 4);
  const names = new HostNames(addresses);
  const news = new HostNews(memory, table, addresses);
  return { memory, table, addresses, names, news, reader: new HostReader(memory.buffer) };
}

export function hostsOf(spec: Partial<HostsSpec> = {}, rooms = ROOMS): Hosts {
  return new Hosts({ ...DEFAULT_HOSTS, ...spec }, (name) => hashKeys(1, name), true, rooms);
}

/** Counts one verdict. */
export function count(hosts: Hosts, pair: number, passedBytes: number): void {
  hosts.counts.count(Int32Array.of(pair), Int32Array.of(passedBytes), 1);
}

export function newsIn(reader: HostReader, after = 0): HostNewsRecord[] {
  const all: HostNewsRecord[] = [];
  reader.readNews(after, createHostNewsRecord(), (one) => all.push({ ...one, words: one.words.slice() }));
  return all;
}
