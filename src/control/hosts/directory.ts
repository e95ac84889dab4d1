/**
 * All inside hosts that are known, by their ids: those of the memory of hosts, which the packet thread
 * writes, and those of earlier runs. It takes what was counted out of the memory, each byte once: a host that
 * ends in the memory goes on here, and one that turns out to be another one becomes part of that.
 */
import { NONE } from '../../base/none.ts';
import { mac } from '../../config/fields/host-names.ts';
import { HOSTS_MAX } from '../../limits.ts';
import { addressText } from '../../packet/address-text.ts';
import type { MacSpec } from '../../spec/hosts.ts';
import { type EntryAddress, HostEntry } from './entry.ts';
import { isSameMac } from './holds.ts';
import type { HostSource, SeenAddress, SeenCounts, SeenHost } from './host-source.ts';

export interface DirectoryOptions {
  readonly source: HostSource;
  /** Of a port of a bridge or a VLAN device, by its interface index. */
  readonly portName: (ifIndex: number) => string;
  /** All names of a host, the shown one first. */
  readonly namesOf: (entry: HostEntry) => readonly string[];
  /** A host has come into the memory, or into another row of it. */
  readonly onBound: (entry: HostEntry) => void;
  /** What was counted of `from` is counted of `into`, and there is no `from` any more. */
  readonly onMerged: (from: HostEntry, into: HostEntry) => void;
  /** Its names, MACs or addresses have changed, or that it is this machine. */
  readonly onChanged: (entry: HostEntry) => void;
}

/** Hosts of the memory, and as many that are not there. */
const ENTRIES_MAX = 2 * HOSTS_MAX;
/** When there is no room, hosts that are not in the memory make some, so much that this share is left. */
const KEPT_SHARE = 0.75;

type Added = (entry: HostEntry, upBytes: number, downBytes: number) => void;

/** What a row of addresses had at the last look. */
interface KnownAddressRow {
  readonly generation: number;
  readonly address: EntryAddress;
}

interface Growing {
  readonly entry: HostEntry;
  readonly up: SeenCounts;
  readonly down: SeenCounts;
}

export class HostDirectory {
  readonly entries = new Map<string, HostEntry>();
  readonly #options: DirectoryOptions;
  /** By row of the memory. */
  readonly #byRow = new Map<number, HostEntry>();
  readonly #addresses = new Map<number, KnownAddressRow>();
  /** By row of the address in the memory. */
  #hostOfAddress = new Map<number, HostEntry>();
  #forgotten = 0;
  /** When the clock of the packets began, by the monotonic one. */
  #offsetMs = Number.POSITIVE_INFINITY;
  /** Hosts that are in the memory. */
  #here = new Set<HostEntry>();

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** A host of an earlier run. */
  add(id: string): HostEntry {
    const entry = this.entries.get(id) ?? new HostEntry(id);
    this.entries.set(id, entry);
    return entry;
  }

  /** Hosts that made room for others. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The host to which the address in this row of the memory belonged at the last look at addresses. */
  hostOfRow(address: number): HostEntry | undefined {
    return this.#hostOfAddress.get(address);
  }

  /**
   * Calls `added` for each host that has more bytes than at the last look. `monotonicMs` goes as fast as the
   * clock of the packets.
   */
  take(wallMs: number, monotonicMs: number, added: Added): void {
    const { source } = this.#options;
    const growing: Growing[] = [];
    const here = new Set<HostEntry>();
    // The memory knows the instant of its last batch, which is at most now.
    this.#offsetMs = Math.min(this.#offsetMs, monotonicMs - source.nowNs / 1e6);
    const beganMs = wallMs - monotonicMs + this.#offsetMs;
    // Counts before news: what a merge adds to counts that are read here has its news by then, or stays
    // below what was taken until the next look.
    source.hosts((seen) => {
      const entry = this.#bind(seen);
      here.add(entry);
      entry.ifIndex = seen.ifIndex;
      if (seen.lastNs > entry.lastNs) {
        entry.lastNs = seen.lastNs;
        entry.lastSeenMs = Math.round(beganMs + seen.lastNs / 1e6);
      }
      if (hasGrown(entry, seen)) growing.push({ entry, up: { ...seen.up }, down: { ...seen.down } });
    });
    this.#mergeAll();
    this.#leave(here);
    for (const { entry, up, down } of growing) {
      const upBytes = entry.up.take(up.bytes, up.packets, up.dropped);
      const downBytes = entry.down.take(down.bytes, down.packets, down.dropped);
      if (upBytes > 0 || downBytes > 0) added(entry, upBytes, downBytes);
    }
  }

  /** Looks which addresses and MACs belong to which host, and what they are called. Call it every second. */
  lookAtAddresses(): void {
    const found = new Map<HostEntry, { readonly addresses: EntryAddress[]; readonly macs: MacSpec[] }>();
    const hostOf = new Map<number, HostEntry>();
    this.#options.source.addresses((seen) => {
      const entry = this.#byRow.get(seen.host);
      if (entry === undefined) return;
      const address = this.#addressOf(seen);
      hostOf.set(seen.row, entry);
      const of = found.get(entry) ?? { addresses: [], macs: [] };
      found.set(entry, of);
      of.addresses.push(address);
      const { macHigh: high, macLow: low } = seen;
      if (high !== 0 || low !== 0) of.macs.push({ high, low });
    });
    this.#hostOfAddress = hostOf;
    for (const [entry, { addresses, macs }] of found) this.#settle(entry, addresses, macs);
  }

  /** Names may be others than before. */
  lookAtNames(): void {
    for (const entry of this.entries.values()) {
      const names = this.#options.namesOf(entry);
      if (names.join() === entry.names.join()) continue;
      entry.names = names;
      this.#hasChanged(entry);
    }
  }

  /** The host of a row of the memory. */
  #bind(seen: SeenHost): HostEntry {
    const known = this.#byRow.get(seen.row);
    if (known !== undefined && known.generation === seen.generation) {
      if (known.isOwn !== seen.isOwn) this.#setOwn(known, seen.isOwn);
      return known;
    }
    if (known !== undefined) known.row = NONE;
    const entry = this.add(this.#idOf(seen));
    if (entry.row !== NONE && entry.row !== seen.row) this.#byRow.delete(entry.row);
    this.#byRow.set(seen.row, entry);
    entry.row = seen.row;
    entry.generation = seen.generation;
    entry.lastNs = Number.NEGATIVE_INFINITY;
    entry.up.beginAnew();
    entry.down.beginAnew();
    if (seen.kind === 'mac') entry.macs = [{ high: seen.macHigh, low: seen.macLow }];
    if (seen.kind === 'address') entry.addresses = [plainAddress(seen)];
    entry.names = this.#options.namesOf(entry);
    this.#setOwn(entry, seen.isOwn);
    this.#options.onBound(entry);
    return entry;
  }

  /** Hosts that have left the memory stay, as long as there is room. */
  #leave(here: Set<HostEntry>): void {
    for (const entry of this.#here) {
      if (here.has(entry) || entry.row === NONE) continue;
      if (this.#byRow.get(entry.row) === entry) this.#byRow.delete(entry.row);
      entry.row = NONE;
    }
    this.#here = here;
    if (this.entries.size <= ENTRIES_MAX) return;
    const gone = [...this.entries.values()].filter(({ row }) => row === NONE);
    gone.sort((a, b) => a.lastSeenMs - b.lastSeenMs);
    for (const { id } of gone.slice(0, this.entries.size - KEPT_SHARE * ENTRIES_MAX)) {
      this.entries.delete(id);
      this.#forgotten++;
    }
  }

  #setOwn(entry: HostEntry, isOwn: boolean): void {
    entry.isOwn = isOwn;
    this.#hasChanged(entry);
  }

  #idOf({ kind, macHigh: high, macLow: low, family, words, ifIndex }: SeenHost): string {
    if (kind === 'mac') return mac.write({ high, low });
    return kind === 'address' ? addressText(family, words) : this.#options.portName(ifIndex);
  }

  #mergeAll(): void {
    for (const { row, generation, intoRow, intoGeneration } of this.#options.source.merges()) {
      const from = this.#byRow.get(row);
      const into = this.#byRow.get(intoRow);
      if (from?.generation !== generation || into?.generation !== intoGeneration || from === into) continue;
      into.up.tookOver(from.up);
      into.down.tookOver(from.down);
      this.#byRow.delete(row);
      this.entries.delete(from.id);
      this.#options.onMerged(from, into);
      this.#hasChanged(into);
    }
  }

  #addressOf(seen: SeenAddress): EntryAddress {
    const known = this.#addresses.get(seen.row);
    if (known?.generation === seen.generation) return known.address;
    const address = plainAddress(seen);
    this.#addresses.set(seen.row, { generation: seen.generation, address });
    return address;
  }

  #settle(entry: HostEntry, addresses: EntryAddress[], macs: readonly MacSpec[]): void {
    addresses.sort((a, b) => a.family - b.family || (a.text < b.text ? -1 : 1));
    const own = entry.macs.filter((one) => mac.write(one) === entry.id);
    const all = [...own, ...macs].filter(
      (one, i, list) => list.findIndex((other) => isSameMac(one, other)) === i,
    );
    const isSame =
      isSameList(addresses, entry.addresses, (a, b) => a.text === b.text) &&
      isSameList(all, entry.macs, isSameMac);
    if (isSame) return;
    entry.addresses = addresses;
    entry.macs = all;
    entry.names = this.#options.namesOf(entry);
    this.#hasChanged(entry);
  }

  #hasChanged(entry: HostEntry): void {
    entry.isNews = true;
    this.#options.onChanged(entry);
  }
}

function hasGrown({ up, down }: HostEntry, seen: SeenHost): boolean {
  return (
    seen.up.packets !== up.takenPackets ||
    seen.down.packets !== down.takenPackets ||
    seen.up.bytes !== up.takenBytes ||
    seen.down.bytes !== down.takenBytes ||
    seen.up.dropped !== up.takenDropped ||
    seen.down.dropped !== down.takenDropped
  );
}

function plainAddress({ family, words }: Pick<SeenAddress, 'family' | 'words'>): EntryAddress {
  const [w0, w1, w2, w3] = words as unknown as EntryAddress['words'];
  return { text: addressText(family, words), family: family === 4 ? 4 : 6, words: [w0, w1, w2, w3] };
}

function isSameList<T>(one: readonly T[], other: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  return one.length === other.length && one.every((item, i) => isSame(item, other[i]!));
}
