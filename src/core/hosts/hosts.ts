/**
 * Inside hosts, found on sight: the face of this folder. Intake asks for the records of inside addresses and
 * tells what packets show of them, verdicts count, and others may ask which host an address belongs to.
 *
 * Everything else that is known of hosts, of neighbours, leases and names, comes as a HostsUpdate.
 */
import { equal } from '../../base/equal.ts';
import { FLOAT_ZERO } from '../../base/float.ts';
import type { HashKeys } from '../../base/hash.ts';
import { ADDRESSES_MAX, HOST_NEWS_ROWS, HOSTS_MAX } from '../../limits.ts';
import type { HostsSpec, NamedHostSpec } from '../../spec/hosts.ts';
import { Addresses } from './addresses.ts';
import { HostCounts } from './host-counts.ts';
import {
  ADDRESS_FLAGS,
  ADDRESS_GENERATION,
  ADDRESS_HOST,
  ADDRESS_IF_INDEX,
  ADDRESS_LAST_NS,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  ADDRESS_ON_LINK,
  ADDRESS_OWN,
  ADDRESS_SHIFT,
  ADDRESS_TOLD,
  ADDRESS_WORDS,
  createHostMemory,
  HEADER_FULL,
  HEADER_NOW_NS,
  type HostMemory,
  type HostRooms,
  KIND_ADDRESS,
  NOBODY,
} from './host-layout.ts';
import { HostNames } from './host-names.ts';
import { HostNews } from './host-news.ts';
import { HostTable } from './host-table.ts';
import { Identities } from './identities.ts';
import { PrefixSet } from './prefix-set.ts';
import type { HostsUpdate, KnownAddress } from './update.ts';

const ALL_ROOMS: HostRooms = { hosts: HOSTS_MAX, addresses: ADDRESSES_MAX, news: HOST_NEWS_ROWS };
const NO_ROOMS: HostRooms = { hosts: 1, addresses: 1, news: 1 };

/** Whether an address may be an inside one behind the device with this interface index. */
export type IsInsideDevice = (ifIndex: number) => boolean;

export class Hosts {
  /** Whether anybody looks for hosts; without it every end of a packet is nobody's. */
  readonly isUsed: boolean;
  /** Whether an address has found no room since the caller has set this to false. */
  lastFoundNoRoom = false;
  readonly table: HostTable;
  readonly addresses: Addresses;
  readonly names: HostNames;
  readonly counts: HostCounts;
  readonly news: HostNews;
  private readonly memory: HostMemory;
  private readonly identities: Identities;
  private spec: HostsSpec;
  /** Names of others, beside those of the specification. */
  private toldNames: readonly NamedHostSpec[] = [];
  private own: PrefixSet | null = null;
  private onLink: PrefixSet | null = null;
  private nowNs = FLOAT_ZERO;

  constructor(spec: HostsSpec, keysOf: (table: string) => HashKeys, isUsed = true, rooms = ALL_ROOMS) {
    this.isUsed = isUsed;
    this.spec = spec;
    this.memory = createHostMemory(isUsed ? rooms : NO_ROOMS);
    this.table = new HostTable(this.memory, ...keysOf('hosts'));
    this.addresses = new Addresses(this.memory, ...keysOf('addresses of hosts'));
    this.names = new HostNames(this.addresses);
    this.names.set(spec.names);
    this.news = new HostNews(this.memory, this.table, this.addresses);
    this.identities = new Identities(spec.identify, this.table, this.addresses, this.names, this.news);
    this.counts = new HostCounts(this.table, this.addresses, isUsed);
  }

  /** The memory that a HostReader reads. */
  get buffer(): ArrayBufferLike {
    return this.memory.buffer;
  }

  /** `settle` counts the verdicts that were given: it is called before an address leaves its host. */
  settleWith(settle: () => void): void {
    this.identities.beforeMove = settle;
  }

  /** A batch begins. */
  begin(nowNs: number): void {
    this.nowNs = nowNs;
    this.counts.nowIs(nowNs);
    this.memory.headerFloats[HEADER_NOW_NS >> 1] = nowNs;
    this.table.settle();
    this.addresses.settle();
  }

  /** Whether flows must be classified again because a matcher sees hosts otherwise. Asked once a change. */
  takeChange(): boolean {
    const { haveChanged } = this.identities;
    this.identities.haveChanged = false;
    return haveChanged;
  }

  /**
   * Row of an inside address, made if it is new; NOBODY if it is no address of a host, or finds no room.
   * `isOwn` says that a packet shows it as one of this machine.
   */
  addressOf(family: number, w0: number, w1: number, w2: number, w3: number, isOwn: boolean): number {
    if (!this.isUsed || !mayBeHost(family, w0, w1)) return NOBODY;
    const { addresses, nowNs } = this;
    const known = addresses.find(family, w0, w1, w2, w3);
    if (known !== NOBODY) return known;
    const a = this.make(family, w0, w1, w2, w3, nowNs);
    if (a === NOBODY) return this.full();
    if (isOwn && this.own === null) addresses.words[a + ADDRESS_FLAGS] |= ADDRESS_OWN;
    return a;
  }

  /**
   * The address is complete: what its first packet shows stands in its record. Returns NOBODY if its host
   * finds no room.
   */
  enter(a: number): number {
    const { addresses } = this;
    if (a === NOBODY || addresses.isUsed(a)) return a;
    if (!this.identities.enter(a, this.nowNs)) {
      addresses.forget(a);
      return this.full();
    }
    addresses.begin(a);
    return a;
  }

  /** A packet from address `a` shows this MAC, 0 for none, and came by the device or port `ifIndex`. */
  shows(a: number, macHigh: number, macLow: number, ifIndex: number): void {
    const { words } = this.addresses;
    if (a === NOBODY) return;
    const hasMac = (macHigh | macLow) !== 0;
    const high = hasMac ? macHigh : words[a + ADDRESS_MAC_HIGH];
    const low = hasMac ? macLow : words[a + ADDRESS_MAC_LOW];
    if (hasMac) words[a + ADDRESS_FLAGS] &= ~ADDRESS_TOLD;
    if (this.addresses.isUsed(a)) {
      this.identities.show(a, high, low, ifIndex, this.nowNs);
      return;
    }
    words[a + ADDRESS_MAC_HIGH] = high;
    words[a + ADDRESS_MAC_LOW] = low;
    words[a + ADDRESS_IF_INDEX] = ifIndex;
  }

  /** Both ends of a packet as one number (host-counts.ts). */
  pairOf(source: number, destination: number): number {
    return (source >> ADDRESS_SHIFT) | ((destination >> ADDRESS_SHIFT) << 16);
  }

  /** The lowest bits of the generations of both ends: whoever keeps a pair can tell that it is stale. */
  generationsOf(pair: number): number {
    const { words } = this.addresses;
    const source = words[((pair & 0xffff) << ADDRESS_SHIFT) + ADDRESS_GENERATION];
    return (source & 0xffff) | (words[((pair >>> 16) << ADDRESS_SHIFT) + ADDRESS_GENERATION] << 16);
  }

  /** A packet of this pair has come. */
  seen(pair: number): void {
    const { floats } = this.addresses;
    floats[(((pair & 0xffff) << ADDRESS_SHIFT) + ADDRESS_LAST_NS) >> 1] = this.nowNs;
    floats[(((pair >>> 16) << ADDRESS_SHIFT) + ADDRESS_LAST_NS) >> 1] = this.nowNs;
  }

  /** Row of the host to which an address belongs, if that has others too, or may get them; else NOBODY. */
  identifiedHost(a: number): number {
    const host = this.addresses.words[a + ADDRESS_HOST];
    return this.table.kind(host) === KIND_ADDRESS ? NOBODY : host;
  }

  /** What others know. `isInside` says behind which devices an address may be. */
  update({ known, names, own, onLink }: HostsUpdate, isInside: IsInsideDevice, nowNs: number): void {
    if (!this.isUsed) return;
    this.begin(Math.max(nowNs, this.nowNs));
    if (names !== undefined) this.useNames(names);
    if (own !== undefined) this.own = new PrefixSet(own);
    if (onLink !== undefined) this.onLink = onLink === null ? null : new PrefixSet(onLink);
    if (own !== undefined || onLink !== undefined) this.lookAgain();
    for (const one of known ?? []) this.learn(one, isInside);
  }

  /** Goes by another specification. */
  useSpec(spec: HostsSpec): void {
    const isIdentityNew = spec.identify !== this.spec.identify;
    const isLanNew = !equal(spec.lan, this.spec.lan);
    this.spec = spec;
    if (isLanNew) this.identities.haveChanged = true;
    this.identities.identify = spec.identify;
    this.useNames(this.toldNames);
    if (isIdentityNew) this.lookAgain();
  }

  private useNames(told: readonly NamedHostSpec[]): void {
    this.toldNames = told;
    this.names.set([...this.spec.names, ...told]);
    if (this.names.isAsked) this.identities.haveChanged = true;
  }

  /** What makes an address one of this machine or a neighbour has changed, or how hosts are known. */
  private lookAgain(): void {
    const { addresses } = this;
    // Before anybody has told them, packets show which addresses are those of this machine.
    const looked = this.own === null ? ADDRESS_ON_LINK : ADDRESS_OWN | ADDRESS_ON_LINK;
    for (let a = ADDRESS_WORDS; a < addresses.end; a += ADDRESS_WORDS) {
      if (!addresses.isUsed(a)) continue;
      const kept = addresses.words[a + ADDRESS_FLAGS] & ~looked;
      addresses.words[a + ADDRESS_FLAGS] = kept | this.flagsOf(a);
      this.identities.settle(a, 0, 0, 0, this.nowNs);
      this.identities.setOwn(a);
    }
  }

  private learn(
    { family, words: [w0, w1 = 0, w2 = 0, w3 = 0], mac, ifIndex }: KnownAddress,
    isInside: IsInsideDevice,
  ): void {
    const { addresses, identities, nowNs } = this;
    const { words } = addresses;
    if (!mayBeHost(family, w0, w1) || (ifIndex !== 0 && !isInside(ifIndex))) return;
    let a = addresses.find(family, w0, w1, w2, w3);
    if (mac === null) {
      const isTold = a !== NOBODY && (words[a + ADDRESS_FLAGS] & ADDRESS_TOLD) !== 0;
      if (isTold) identities.show(a, 0, 0, ifIndex, nowNs);
      return;
    }
    if (a !== NOBODY) {
      const isNews = words[a + ADDRESS_MAC_HIGH] !== mac.high || words[a + ADDRESS_MAC_LOW] !== (mac.low | 0);
      if (!isNews) return;
      words[a + ADDRESS_FLAGS] |= ADDRESS_TOLD;
      identities.show(a, mac.high, mac.low, ifIndex, nowNs);
      return;
    }
    // No packet has shown it.
    a = this.make(family, w0, w1, w2, w3, Number.NEGATIVE_INFINITY);
    if (a === NOBODY) return;
    words[a + ADDRESS_FLAGS] |= ADDRESS_TOLD;
    words[a + ADDRESS_MAC_HIGH] = mac.high;
    words[a + ADDRESS_MAC_LOW] = mac.low;
    words[a + ADDRESS_IF_INDEX] = ifIndex;
    this.enter(a);
  }

  private make(family: number, w0: number, w1: number, w2: number, w3: number, seenNs: number): number {
    const { addresses, identities, nowNs } = this;
    if (!addresses.hasRoom) {
      const old = addresses.forgettable(nowNs);
      if (old === NOBODY) return NOBODY;
      identities.leave(old);
      addresses.forget(old);
      addresses.madeRoom();
    }
    const a = addresses.make(family, w0, w1, w2, w3, seenNs);
    addresses.words[a + ADDRESS_FLAGS] = this.flagsOf(a);
    return a;
  }

  private flagsOf(a: number): number {
    const { words } = this.addresses;
    const [family, w0, w1, w2, w3] = [words[a], words[a + 1], words[a + 2], words[a + 3], words[a + 4]];
    const { own, onLink } = this;
    const isOnLink = onLink === null || onLink.has(family, w0, w1, w2, w3);
    const isOwn = own?.has(family, w0, w1, w2, w3) === true;
    return (isOnLink ? ADDRESS_ON_LINK : 0) | (isOwn ? ADDRESS_OWN : 0);
  }

  /** A packet counts for nobody, because its host finds no room. */
  private full(): number {
    this.memory.header[HEADER_FULL] += 1;
    this.lastFoundNoRoom = true;
    return NOBODY;
  }
}

/**
 * Link-local addresses, groups and the unspecified address belong to no host: each device has the former, and
 * none the others.
 */
function mayBeHost(family: number, w0: number, w1: number): boolean {
  if (family === 4) return w0 !== 0 && w0 >>> 28 !== 0xe && w0 >>> 0 !== 0xffffffff;
  if (family !== 6) return false;
  const isLinkLocal = (w0 & 0xffc00000) >>> 0 === 0xfe800000;
  return !isLinkLocal && w0 >>> 24 !== 0xff && (w0 | w1) !== 0;
}
