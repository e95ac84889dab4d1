/**
 * Which host an inside address belongs to.
 *
 *   identify: mac       the MAC of the device, if the address is a neighbour of ours; else the address itself
 *   identify: address   the address
 *   identify: port      the device or port of a bridge behind which the address was seen
 *
 * An address that nobody has identified yet is a host of its own. When its MAC or port becomes known, its
 * counts are added to the host of that, and it has no host of its own any more.
 *
 * Behind an inner router every packet has the MAC of the router, so only neighbours are identified by it.
 * Where nobody has told which addresses are neighbours, all are taken for some. A router is never guessed:
 * a device could pretend to be one, and each address that it makes up would be a host with nothing used. So
 * a MAC with many addresses stays one host, and people are told of it.
 */
import { MAC_ADDRESSES_MAX } from '../../limits.ts';
import type { IdentifyBy } from '../../spec/hosts.ts';
import type { Addresses } from './addresses.ts';
import {
  ADDRESS_FLAGS,
  ADDRESS_FLIPS_SHIFT,
  ADDRESS_HOST,
  ADDRESS_IF_INDEX,
  ADDRESS_LAST_NS,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  ADDRESS_NEWS_TICK,
  ADDRESS_ON_LINK,
  ADDRESS_OWN,
  ADDRESS_WORDS,
  HOST_ADDRESSES,
  HOST_ADDRESSES_V4,
  HOST_FLAGS,
  HOST_FLIPS,
  HOST_IF_INDEX,
  HOST_MANY,
  HOST_NEWS_TICK,
  HOST_OWN,
  KIND_ADDRESS,
  KIND_MAC,
  KIND_PORT,
  NEWS_FLIPS,
  NEWS_LEARNED,
  NEWS_MANY,
  NEWS_MERGED,
  NEWS_MOVED,
  NEWS_NEW_HOST,
  NEWS_OLD_IF_INDEX,
  NEWS_OLD_MAC,
  NEWS_PORT,
  NOBODY,
  sinceTickNs,
  tickOf,
} from './host-layout.ts';
import type { HostNames } from './host-names.ts';
import type { HostNews } from './host-news.ts';
import type { HostTable } from './host-table.ts';

/** Changes of one address, or of the port of one host, are told so often at most. */
const NEWS_EVERY_NS = 1e9;
/** An address of a MAC that was not seen for so long is none of those that it has at a time. */
const AT_A_TIME_NS = 300e9;

export class Identities {
  identify: IdentifyBy;
  /** A matcher sees hosts otherwise than before. */
  haveChanged = false;
  /** Counts what belongs to the hosts that addresses have now. */
  beforeMove: () => void = () => undefined;
  private readonly table: HostTable;
  private readonly addresses: Addresses;
  private readonly names: HostNames;
  private readonly news: HostNews;

  constructor(
    identify: IdentifyBy,
    table: HostTable,
    addresses: Addresses,
    names: HostNames,
    news: HostNews,
  ) {
    this.identify = identify;
    this.table = table;
    this.addresses = addresses;
    this.names = names;
    this.news = news;
  }

  /** The address is new: it joins its host, which may be new too. Returns false if that finds no room. */
  enter(a: number, nowNs: number): boolean {
    const { words } = this.addresses;
    // Its first news may be told at once.
    words[a + ADDRESS_NEWS_TICK] = tickOf(nowNs - NEWS_EVERY_NS) - 1;
    this.settle(a, 0, 0, 0, nowNs);
    return words[a + ADDRESS_HOST] !== NOBODY;
  }

  /** The address goes. */
  leave(a: number): void {
    this.beforeMove();
    const host = this.addresses.words[a + ADDRESS_HOST];
    this.count(a, host, -1);
    if (this.table.kind(host) === KIND_ADDRESS) this.table.forget(host);
  }

  /**
   * The address has another MAC, or is behind another port: 0 for none. The record keeps both whatever
   * packets are identified by, because matchers and people ask for them.
   */
  show(a: number, macHigh: number, macLow: number, ifIndex: number, nowNs: number): void {
    const { words } = this.addresses;
    const oldHigh = words[a + ADDRESS_MAC_HIGH];
    const oldLow = words[a + ADDRESS_MAC_LOW];
    const oldIndex = words[a + ADDRESS_IF_INDEX];
    const isMacNew = oldHigh !== macHigh || oldLow !== (macLow | 0);
    const isPortNew = ifIndex !== 0 && ifIndex !== oldIndex;
    words[a + ADDRESS_MAC_HIGH] = macHigh;
    words[a + ADDRESS_MAC_LOW] = macLow;
    if (isPortNew) words[a + ADDRESS_IF_INDEX] = ifIndex;
    const hadMac = (oldHigh | oldLow) !== 0;
    if ((isMacNew && hadMac) || (isPortNew && oldIndex !== 0)) this.addresses.flips(a);
    if (isMacNew) this.matters(oldHigh, oldLow, words[a + ADDRESS_HOST]);
    this.settle(a, oldHigh, oldLow, oldIndex, nowNs);
    if (isMacNew) this.matters(macHigh, macLow, words[a + ADDRESS_HOST]);
    this.showPort(a, nowNs);
  }

  /** Finds the host to which the address belongs by now. The last three say what it has shown before. */
  settle(a: number, oldHigh: number, oldLow: number, oldIndex: number, nowNs: number): void {
    const { words } = this.addresses;
    const before = words[a + ADDRESS_HOST];
    const host = this.hostOf(a, before, nowNs);
    if (host === before || host === NOBODY) return;
    if (before !== NOBODY) this.beforeMove();
    words[a + ADDRESS_HOST] = host;
    if (before !== NOBODY) this.count(a, before, -1);
    this.count(a, host, 1);
    this.matters(0, 0, before);
    this.matters(0, 0, host);
    if (before === NOBODY) {
      if (this.table.words[host + HOST_ADDRESSES] > 1) this.news.tell(NEWS_LEARNED, a, host, NOBODY, nowNs);
    } else if (this.table.kind(before) === KIND_ADDRESS) {
      this.table.addCounts(before, host);
      this.news.tell(NEWS_MERGED, a, host, before, nowNs);
      this.table.forget(before);
    } else this.moved(a, before, oldHigh, oldLow, oldIndex, nowNs);
    if (this.hasMany(host)) this.manyAddresses(host, a, nowNs);
  }

  /** The flags of its addresses have changed. */
  setOwn(a: number): void {
    const host = this.addresses.words[a + ADDRESS_HOST];
    const { words } = this.table;
    const isOwn = (this.addresses.words[a + ADDRESS_FLAGS] & ADDRESS_OWN) !== 0;
    words[host + HOST_FLAGS] = isOwn
      ? words[host + HOST_FLAGS] | HOST_OWN
      : words[host + HOST_FLAGS] & ~HOST_OWN;
  }

  private hostOf(a: number, before: number, nowNs: number): number {
    const { words } = this.addresses;
    const flags = words[a + ADDRESS_FLAGS];
    if ((flags & ADDRESS_OWN) === 0) {
      const high = words[a + ADDRESS_MAC_HIGH];
      const low = words[a + ADDRESS_MAC_LOW];
      const port = words[a + ADDRESS_IF_INDEX];
      if (this.identify === 'port' && port !== 0) return this.findOrMake(KIND_PORT, port, 0, a, nowNs);
      if (this.identify === 'mac' && (high | low) !== 0 && (flags & ADDRESS_ON_LINK) !== 0)
        return this.findOrMake(KIND_MAC, high, low, a, nowNs);
    }
    if (this.table.kind(before) === KIND_ADDRESS) return before;
    return this.findOrMake(KIND_ADDRESS, a, 0, a, nowNs);
  }

  private findOrMake(kind: number, key0: number, key1: number, a: number, nowNs: number): number {
    const { table } = this;
    const known = table.find(kind, key0, key1);
    if (known !== NOBODY) return known;
    const lastNs = this.addresses.floats[(a + ADDRESS_LAST_NS) >> 1];
    const host = table.make(kind, key0, key1, lastNs);
    if (host === NOBODY) return NOBODY;
    table.words[host + HOST_IF_INDEX] = this.addresses.words[a + ADDRESS_IF_INDEX];
    table.words[host + HOST_NEWS_TICK] = tickOf(nowNs - NEWS_EVERY_NS) - 1;
    this.news.tell(NEWS_NEW_HOST, a, host, NOBODY, nowNs);
    return host;
  }

  private count(a: number, host: number, by: number): void {
    const { words } = this.table;
    words[host + HOST_ADDRESSES] += by;
    if (this.addresses.words[a] === 4) words[host + HOST_ADDRESSES_V4] += by;
    if (by > 0) this.setOwn(a);
  }

  /** More than a device should have, and nobody was told of it. */
  private hasMany(host: number): boolean {
    const { words } = this.table;
    return (
      this.table.kind(host) === KIND_MAC &&
      words[host + HOST_ADDRESSES_V4] > MAC_ADDRESSES_MAX &&
      (words[host + HOST_FLAGS] & HOST_MANY) === 0
    );
  }

  /**
   * Addresses that were not seen lately are forgotten: a device may have had many, one after the other. If
   * too many are left, that is told once for each host. `newest` may not be in use yet.
   */
  private manyAddresses(host: number, newest: number, nowNs: number): void {
    const { addresses, table } = this;
    const { words, floats } = addresses;
    for (let a = ADDRESS_WORDS; a < addresses.end; a += ADDRESS_WORDS) {
      if (words[a + ADDRESS_HOST] !== host || a === newest || !addresses.isUsed(a) || words[a] !== 4)
        continue;
      if (nowNs - floats[(a + ADDRESS_LAST_NS) >> 1] < AT_A_TIME_NS) continue;
      this.leave(a);
      addresses.forget(a);
    }
    if (table.words[host + HOST_ADDRESSES_V4] <= MAC_ADDRESSES_MAX) return;
    table.words[host + HOST_FLAGS] |= HOST_MANY;
    this.news.tell(NEWS_MANY, newest, host, NOBODY, nowNs);
  }

  /** An address of another MAC or port host joins this one. */
  private moved(
    a: number,
    before: number,
    oldHigh: number,
    oldLow: number,
    oldIndex: number,
    nowNs: number,
  ): void {
    const { words } = this.addresses;
    if (sinceTickNs(words[a + ADDRESS_NEWS_TICK], nowNs) < NEWS_EVERY_NS) {
      this.news.heldBack();
      return;
    }
    words[a + ADDRESS_NEWS_TICK] = tickOf(nowNs);
    const at = this.news.begin(NEWS_MOVED, a, words[a + ADDRESS_HOST], before, nowNs);
    this.news.words[at + NEWS_OLD_MAC] = oldHigh;
    this.news.words[at + NEWS_OLD_MAC + 1] = oldLow;
    this.news.words[at + NEWS_OLD_IF_INDEX] = oldIndex;
    this.news.words[at + NEWS_FLIPS] = words[a + ADDRESS_FLAGS] >>> ADDRESS_FLIPS_SHIFT;
    this.news.end(at);
  }

  /** The host of the address was seen behind the port of the address. */
  private showPort(a: number, nowNs: number): void {
    const { words } = this.table;
    const host = this.addresses.words[a + ADDRESS_HOST];
    const ifIndex = this.addresses.words[a + ADDRESS_IF_INDEX];
    const oldIndex = words[host + HOST_IF_INDEX];
    if (host === NOBODY || ifIndex === 0 || ifIndex === oldIndex) return;
    words[host + HOST_IF_INDEX] = ifIndex;
    if (oldIndex === 0 || this.table.kind(host) !== KIND_MAC) return;
    words[host + HOST_FLIPS] += 1;
    if (sinceTickNs(words[host + HOST_NEWS_TICK], nowNs) < NEWS_EVERY_NS) {
      this.news.heldBack();
      return;
    }
    words[host + HOST_NEWS_TICK] = tickOf(nowNs);
    const at = this.news.begin(NEWS_PORT, a, host, NOBODY, nowNs);
    this.news.words[at + NEWS_OLD_IF_INDEX] = oldIndex;
    this.news.words[at + NEWS_FLIPS] = words[host + HOST_FLIPS];
    this.news.end(at);
  }

  /** Flows must be classified again if a matcher asks for this MAC or host. */
  private matters(macHigh: number, macLow: number, host: number): void {
    if (this.names.isAsked && this.names.matters(macHigh, macLow, host)) this.haveChanged = true;
  }
}
