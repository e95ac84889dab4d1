/**
 * All inside hosts that are known, by their ids: those of the memory of hosts, which the packet thread
 * writes, and those of earlier runs. It takes what was counted out of the memory, each byte once: a host that
 * ends in the memory goes on here, and one that turns out to be another one becomes part of that.
 */
import { NONE } from '../../base/none.ts';
import { mac } from '../../config/fields/host-names.ts';
import { ADDRESS_SHIFT, HOST_SHIFT } from '../../core/hosts/host-layout.ts';
import { HOSTS_MAX } from '../../limits.ts';
import { addressText } from '../../packet/address-text.ts';
import { isSameMac } from '../../quotas/holds.ts';
import type { MacSpec } from '../../spec/hosts.ts';
import { type EntryAddress, HostEntry } from './entry.ts';
import type { HostSource, SeenAddress, SeenHost } from './host-source.ts';
import { Merges, nameOfRow } from './merges.ts';

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
  /** Whether a host that is not here may make room for others. */
  readonly mayForget: (entry: HostEntry) => boolean;
  readonly onForgotten: (entry: HostEntry) => void;
}

/** Hosts of the memory, and as many that are not there. */
const ENTRIES_MAX = 2 * HOSTS_MAX;
/** When there is no room, hosts that are not in the memory make some, so much that this share is left. */
const KEPT_SHARE = 0.75;

type Added = (entry: HostEntry, upBytes: number, downBytes: number) => void;

/** What a row of addresses had at the last look. */
interface KnownAddress {
  readonly generation: number;
  readonly address: EntryAddress;
  readonly entry: HostEntry;
  readonly mac: MacSpec | null;
}

export class HostDirectory {
  readonly entries = new Map<string, HostEntry>();
  readonly #options: DirectoryOptions;
  /** By row of the memory, without the bits that are 0 in all rows. */
  readonly #byRow: (HostEntry | undefined)[] = [];
  readonly #addresses: (KnownAddress | undefined)[] = [];
  /** Addresses at the last look. */
  #addressCount = 0;
  /** Hosts that have grown at this look. */
  readonly #growing: HostEntry[] = [];
  readonly #merges = new Merges<HostEntry>();
  #look = 0;
  /** Hosts in the memory at the last look. */
  #hereCount = 0;
  #forgotten = 0;
  /** When the clock of the packets began, by the monotonic one. */
  #offsetMs = Number.POSITIVE_INFINITY;

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
    return this.#addresses[address >> ADDRESS_SHIFT]?.entry;
  }

  /**
   * Calls `added` for each host that has more bytes than at the last look. `monotonicMs` goes as fast as the
   * clock of the packets.
   */
  take(wallMs: number, monotonicMs: number, added: Added): void {
    const { source } = this.#options;
    const growing = this.#growing;
    growing.length = 0;
    this.#look++;
    let here = 0;
    // The memory knows the instant of its last batch, which is at most now.
    this.#offsetMs = Math.min(this.#offsetMs, monotonicMs - source.nowNs / 1e6);
    const beganMs = wallMs - monotonicMs + this.#offsetMs;
    // Counts before news: what a merge adds to counts that are read here has its news by then, or stays
    // below what was taken until the next look. Hosts that are new in their rows wait for the news: a row
    // that a merge has freed is the first to be used again.
    const fresh: SeenHost[] = [];
    source.hosts((seen) => {
      here++;
      const entry = this.#boundTo(seen.row, seen.generation);
      if (entry === undefined) fresh.push(copyOf(seen));
      else {
        if (entry.isOwn !== seen.isOwn) this.#setOwn(entry, seen.isOwn);
        this.#see(entry, seen, beganMs);
      }
    });
    this.#takeMerges(fresh, beganMs);
    if (here < this.#hereCount) this.#leave();
    this.#hereCount = here;
    if (this.entries.size > ENTRIES_MAX) this.#makeRoom();
    for (const entry of growing) {
      // What has become part of another host is counted there.
      if (entry.row === NONE) continue;
      const upBytes = entry.up.takeSeen();
      const downBytes = entry.down.takeSeen();
      if (upBytes > 0 || downBytes > 0) added(entry, upBytes, downBytes);
    }
  }

  /** Looks which addresses and MACs belong to which host, and what they are called. Call it every second. */
  lookAtAddresses(): void {
    let count = 0;
    let hasChanged = false;
    this.#options.source.addresses((seen) => {
      const entry = this.#byRow[seen.host >> HOST_SHIFT];
      if (entry === undefined) return;
      count++;
      if (this.#knowAddress(seen, entry)) hasChanged = true;
    });
    // Nothing has come or moved. If one has gone only, its host keeps it for a while.
    if (hasChanged || count < this.#addressCount) this.#regroup();
    this.#addressCount = count;
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

  #see(entry: HostEntry, { ifIndex, lastNs, up, down }: SeenHost, beganMs: number): void {
    entry.lookSeen = this.#look;
    entry.ifIndex = ifIndex;
    if (lastNs > entry.lastNs) {
      entry.lastNs = lastNs;
      entry.lastSeenMs = Math.round(beganMs + lastNs / 1e6);
    }
    const hasUp = entry.up.see(up);
    if (entry.down.see(down) || hasUp) this.#growing.push(entry);
  }

  #boundTo(row: number, generation: number): HostEntry | undefined {
    const entry = this.#byRow[row >> HOST_SHIFT];
    return entry?.generation === generation ? entry : undefined;
  }

  /** A host is new in this row of the memory. */
  #bind(seen: SeenHost): HostEntry {
    const i = seen.row >> HOST_SHIFT;
    const known = this.#byRow[i];
    if (known !== undefined) known.row = NONE;
    const entry = this.add(this.#idOf(seen));
    if (entry.row !== NONE && entry.row !== seen.row) this.#byRow[entry.row >> HOST_SHIFT] = undefined;
    this.#byRow[i] = entry;
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
  #leave(): void {
    for (const [i, entry] of this.#byRow.entries()) {
      if (entry === undefined || entry.lookSeen === this.#look) continue;
      this.#byRow[i] = undefined;
      entry.row = NONE;
    }
  }

  #makeRoom(): void {
    const { mayForget, onForgotten } = this.#options;
    const gone = [...this.entries.values()].filter((entry) => entry.row === NONE && mayForget(entry));
    gone.sort((a, b) => a.lastSeenMs - b.lastSeenMs);
    for (const entry of gone.slice(0, this.entries.size - KEPT_SHARE * ENTRIES_MAX)) {
      onForgotten(entry);
      this.entries.delete(entry.id);
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

  /** Hosts that have ended in others become parts of them, and those that are new in their rows are seen. */
  #takeMerges(fresh: readonly SeenHost[], beganMs: number): void {
    const merges = this.#merges;
    const ended = new Set<number>();
    for (const { row, generation, intoRow, intoGeneration } of this.#options.source.merges()) {
      const from = this.#boundTo(row, generation);
      if (from !== undefined) {
        this.#byRow[row >> HOST_SHIFT] = undefined;
        from.row = NONE;
      }
      ended.add(nameOfRow(row, generation));
      merges.add(nameOfRow(row, generation), from, nameOfRow(intoRow, intoGeneration), this.#look);
    }
    const join = (row: number, generation: number, into: HostEntry): void => {
      for (const from of merges.take(nameOfRow(row, generation))) this.#join(from, into);
    };
    if (merges.isWaiting) for (const into of this.#byRow) if (into) join(into.row, into.generation, into);
    const isAwaited = ({ row, generation }: SeenHost): boolean =>
      merges.isAwaited(nameOfRow(row, generation));
    // Those first into which others have ended: the id of such a one may be that of a host that is new now.
    for (const seen of [...fresh.filter(isAwaited), ...fresh.filter((one) => !isAwaited(one))]) {
      if (ended.has(nameOfRow(seen.row, seen.generation))) continue;
      const entry = this.#bind(seen);
      join(seen.row, seen.generation, entry);
      this.#see(entry, seen, beganMs);
    }
    merges.forgetBefore(this.#look);
  }

  #join(from: HostEntry, into: HostEntry): void {
    if (from === into) return;
    into.up.tookOver(from.up);
    into.down.tookOver(from.down);
    this.entries.delete(from.id);
    this.#options.onMerged(from, into);
    this.#hasChanged(into);
  }

  /** Returns whether the address is new, or belongs to another host or MAC than at the last look. */
  #knowAddress(seen: SeenAddress, entry: HostEntry): boolean {
    const i = seen.row >> ADDRESS_SHIFT;
    const known = this.#addresses[i];
    const { generation, macHigh: high, macLow: low } = seen;
    const isSame = known?.generation === generation;
    const hasSameMac = isSame && (known.mac?.high ?? 0) === high && (known.mac?.low ?? 0) === low;
    if (hasSameMac && known.entry === entry) return false;
    const address = isSame ? known.address : plainAddress(seen);
    this.#addresses[i] = { generation, entry, address, mac: high === 0 && low === 0 ? null : { high, low } };
    return true;
  }

  #regroup(): void {
    const found = new Map<HostEntry, { readonly addresses: EntryAddress[]; readonly macs: MacSpec[] }>();
    this.#options.source.addresses(({ row, generation }) => {
      const known = this.#addresses[row >> ADDRESS_SHIFT];
      if (known?.generation !== generation) return;
      const of = found.get(known.entry) ?? { addresses: [], macs: [] };
      found.set(known.entry, of);
      of.addresses.push(known.address);
      if (known.mac !== null) of.macs.push(known.mac);
    });
    for (const [entry, { addresses, macs }] of found) this.#settle(entry, addresses, macs);
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

function copyOf(seen: SeenHost): SeenHost {
  return { ...seen, words: seen.words.slice(), up: { ...seen.up }, down: { ...seen.down } };
}

function plainAddress({ family, words }: Pick<SeenAddress, 'family' | 'words'>): EntryAddress {
  const [w0, w1, w2, w3] = words as unknown as EntryAddress['words'];
  return { text: addressText(family, words), family: family === 4 ? 4 : 6, words: [w0, w1, w2, w3] };
}

function isSameList<T>(one: readonly T[], other: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  return one.length === other.length && one.every((item, i) => isSame(item, other[i]!));
}
