/**
 * Reads hosts, addresses and news out of the memory of hosts while the packet thread writes it, in any
 * thread, without a message:
 *
 *   for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row))
 *     if (reader.readHost(row, host)) ...
 *
 * What is read is of one host, or of one address, but not of one instant: counts may be a few packets apart,
 * and an address may just have moved to another host.
 */
import {
  ADDRESS_FLAGS,
  ADDRESS_FLIPS_SHIFT,
  ADDRESS_GENERATION,
  ADDRESS_HOST,
  ADDRESS_IF_INDEX,
  ADDRESS_KEY_WORDS,
  ADDRESS_LAST_NS,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  ADDRESS_OWN,
  ADDRESS_WORDS,
  DOWN_BYTES,
  DOWN_DROPPED,
  DOWN_PACKETS,
  HEADER_ADDRESSES,
  HEADER_ADDRESSES_END,
  HEADER_ADDRESSES_FORGOTTEN,
  HEADER_FULL,
  HEADER_HOSTS,
  HEADER_HOSTS_END,
  HEADER_HOSTS_FORGOTTEN,
  HEADER_NEWS,
  HEADER_NEWS_HELD_BACK,
  HEADER_NOW_NS,
  HOST_ADDRESSES,
  HOST_FIRST_NS,
  HOST_FLAGS,
  HOST_FLIPS,
  HOST_GENERATION,
  HOST_IF_INDEX,
  HOST_KEY,
  HOST_KIND,
  HOST_LAST_NS,
  HOST_OWN,
  HOST_WORDS,
  type HostMemory,
  hostMemoryOver,
  NEWS_AT_NS,
  NEWS_FAMILY,
  NEWS_FLIPS,
  NEWS_HOST,
  NEWS_HOST_GENERATION,
  NEWS_IF_INDEX,
  NEWS_KIND,
  NEWS_MAC,
  NEWS_NUMBER,
  NEWS_NUMBER_AGAIN,
  NEWS_OLD_IF_INDEX,
  NEWS_OLD_MAC,
  NEWS_OTHER,
  NEWS_OTHER_GENERATION,
  NEWS_WORDS,
  NOBODY,
  UP_BYTES,
  UP_DROPPED,
  UP_PACKETS,
} from './host-layout.ts';

/** Times that a record is read before it is given up. */
const READS_MAX = 4;

/** A host as it was read. Row and generation together name it: another host never has both. */
export interface HostRecord {
  row: number;
  generation: number;
  /** KIND_MAC, KIND_ADDRESS or KIND_PORT. */
  kind: number;
  /** The MAC in two words; or the row of its address; or the interface index of its port. */
  key0: number;
  key1: number;
  /** It is this machine. */
  isOwn: boolean;
  /** Device or port behind which it was seen last; 0: not known. */
  ifIndex: number;
  addresses: number;
  /** How often it was seen behind another port. */
  flips: number;
  /** Instants of the engine's clock; lastNs is -Infinity if no packet was seen of it yet. */
  firstNs: number;
  lastNs: number;
  upBytes: number;
  upPackets: number;
  upDropped: number;
  downBytes: number;
  downPackets: number;
  downDropped: number;
}

export interface AddressRecord {
  row: number;
  generation: number;
  family: number;
  /** Four words, of which IPv4 uses the first. */
  readonly words: Uint32Array;
  /** Row of its host. */
  host: number;
  /** The MAC by which it was seen last, whoever has it: perhaps that of a router. Both 0: none. */
  macHigh: number;
  macLow: number;
  ifIndex: number;
  isOwn: boolean;
  /** How often it came with another MAC, or from another port. */
  flips: number;
  lastNs: number;
}

/** News (NEWS_* of host-layout.ts). What it has no part in is 0. */
export interface HostNewsRecord {
  number: number;
  kind: number;
  atNs: number;
  /** The host after the change, and the one before it. */
  host: number;
  hostGeneration: number;
  other: number;
  otherGeneration: number;
  family: number;
  readonly words: Uint32Array;
  macHigh: number;
  macLow: number;
  oldMacHigh: number;
  oldMacLow: number;
  ifIndex: number;
  oldIfIndex: number;
  flips: number;
}

export function createHostRecord(): HostRecord {
  const counts = { upBytes: 0, upPackets: 0, upDropped: 0, downBytes: 0, downPackets: 0, downDropped: 0 };
  const name = { row: NOBODY, generation: 0, kind: 0, key0: 0, key1: 0 };
  const seen = { ifIndex: 0, addresses: 0, flips: 0, firstNs: 0, lastNs: 0 };
  return { ...name, isOwn: false, ...seen, ...counts };
}

export function createAddressRecord(): AddressRecord {
  const name = { row: NOBODY, generation: 0, family: 0, words: new Uint32Array(4), host: NOBODY };
  return { ...name, macHigh: 0, macLow: 0, ifIndex: 0, isOwn: false, flips: 0, lastNs: 0 };
}

export function createHostNewsRecord(): HostNewsRecord {
  const about = { host: NOBODY, hostGeneration: 0, other: NOBODY, otherGeneration: 0 };
  const shown = { macHigh: 0, macLow: 0, oldMacHigh: 0, oldMacLow: 0, ifIndex: 0, oldIfIndex: 0, flips: 0 };
  return { number: 0, kind: 0, atNs: 0, ...about, family: 0, words: new Uint32Array(4), ...shown };
}

export class HostReader {
  private readonly memory: HostMemory;
  private readonly hostWords: Int32Array;
  private readonly addressWords: Int32Array;

  constructor(buffer: ArrayBufferLike) {
    const memory = hostMemoryOver(buffer);
    this.memory = memory;
    this.hostWords = new Int32Array(buffer, memory.hosts.byteOffset, 2 * memory.hosts.length);
    this.addressWords = new Int32Array(buffer, memory.addresses.byteOffset, 2 * memory.addresses.length);
  }

  /** Instant of the last batch. */
  get nowNs(): number {
    return this.memory.headerFloats[HEADER_NOW_NS >> 1];
  }

  /** Hosts and addresses at the begin of the last batch. */
  get hosts(): number {
    return this.memory.header[HEADER_HOSTS];
  }

  get addresses(): number {
    return this.memory.header[HEADER_ADDRESSES];
  }

  /** How many hosts and addresses made room for others, and how many packets found no room for theirs. */
  get hostsForgotten(): number {
    return this.memory.header[HEADER_HOSTS_FORGOTTEN];
  }

  get addressesForgotten(): number {
    return this.memory.header[HEADER_ADDRESSES_FORGOTTEN];
  }

  get packetsWithoutRoom(): number {
    return this.memory.header[HEADER_FULL];
  }

  /** News that came too fast to be told. */
  get newsHeldBack(): number {
    return this.memory.header[HEADER_NEWS_HELD_BACK];
  }

  /** The host behind row `row`; NOBODY: the first. NOBODY if there is none. */
  nextHost(row: number): number {
    const end = this.memory.header[HEADER_HOSTS_END];
    for (let next = row + HOST_WORDS; next < end; next += HOST_WORDS)
      if (this.hostWords[next + HOST_GENERATION] !== 0) return next;
    return NOBODY;
  }

  /** The address behind row `row`, as nextHost(). */
  nextAddress(row: number): number {
    const end = this.memory.header[HEADER_ADDRESSES_END];
    for (let next = row + ADDRESS_WORDS; next < end; next += ADDRESS_WORDS)
      if (this.addressWords[next + ADDRESS_GENERATION] !== 0) return next;
    return NOBODY;
  }

  /** Reads a host. Returns false if the row is not in use, or was never read whole. */
  readHost(row: number, into: HostRecord): boolean {
    for (let n = 0; n < READS_MAX; n++) {
      const generation = Atomics.load(this.hostWords, row + HOST_GENERATION);
      if (generation === 0) return false;
      this.copyHost(row, into);
      into.generation = generation;
      if (Atomics.load(this.hostWords, row + HOST_GENERATION) === generation) return true;
    }
    return false;
  }

  readAddress(row: number, into: AddressRecord): boolean {
    for (let n = 0; n < READS_MAX; n++) {
      const generation = Atomics.load(this.addressWords, row + ADDRESS_GENERATION);
      if (generation === 0) return false;
      this.copyAddress(row, into);
      into.generation = generation;
      if (Atomics.load(this.addressWords, row + ADDRESS_GENERATION) === generation) return true;
    }
    return false;
  }

  /**
   * Visits the news after number `after`, the oldest first. Returns the number of the last one, with which to
   * ask next time. News that were overwritten before are missed: the numbers tell. The record holds until
   * `visit` returns.
   */
  readNews(after: number, into: HostNewsRecord, visit: (news: HostNewsRecord) => void): number {
    const { news, header } = this.memory;
    const last = Atomics.load(header, HEADER_NEWS);
    const rows = news.length / NEWS_WORDS;
    for (let number = Math.max(after + 1, last - rows + 1, 1); number <= last; number++)
      if (this.copyNews(number, into)) visit(into);
    return last;
  }

  private copyHost(row: number, into: HostRecord): void {
    const { hostWords: words } = this;
    const floats = this.memory.hosts;
    into.row = row;
    into.kind = words[row + HOST_KIND];
    into.key0 = words[row + HOST_KEY];
    into.key1 = words[row + HOST_KEY + 1] >>> 0;
    into.isOwn = (words[row + HOST_FLAGS] & HOST_OWN) !== 0;
    into.ifIndex = words[row + HOST_IF_INDEX];
    into.addresses = words[row + HOST_ADDRESSES];
    into.flips = words[row + HOST_FLIPS];
    into.firstNs = floats[(row + HOST_FIRST_NS) >> 1];
    into.lastNs = floats[(row + HOST_LAST_NS) >> 1];
    into.upBytes = floats[(row + UP_BYTES) >> 1];
    into.upPackets = floats[(row + UP_PACKETS) >> 1];
    into.upDropped = floats[(row + UP_DROPPED) >> 1];
    into.downBytes = floats[(row + DOWN_BYTES) >> 1];
    into.downPackets = floats[(row + DOWN_PACKETS) >> 1];
    into.downDropped = floats[(row + DOWN_DROPPED) >> 1];
  }

  private copyAddress(row: number, into: AddressRecord): void {
    const { addressWords: words } = this;
    into.row = row;
    into.family = words[row];
    for (let w = 0; w < ADDRESS_KEY_WORDS - 1; w++) into.words[w] = words[row + 1 + w];
    into.host = words[row + ADDRESS_HOST];
    into.macHigh = words[row + ADDRESS_MAC_HIGH];
    into.macLow = words[row + ADDRESS_MAC_LOW] >>> 0;
    into.ifIndex = words[row + ADDRESS_IF_INDEX];
    into.isOwn = (words[row + ADDRESS_FLAGS] & ADDRESS_OWN) !== 0;
    into.flips = words[row + ADDRESS_FLAGS] >>> ADDRESS_FLIPS_SHIFT;
    into.lastNs = this.memory.addresses[(row + ADDRESS_LAST_NS) >> 1];
  }

  /** Returns false if other news have taken the place of this one. */
  private copyNews(number: number, into: HostNewsRecord): boolean {
    const { news, newsFloats } = this.memory;
    const at = (number * NEWS_WORDS) & (news.length - 1);
    if (Atomics.load(news, at + NEWS_NUMBER_AGAIN) !== number) return false;
    into.number = number;
    into.kind = news[at + NEWS_KIND];
    into.atNs = newsFloats[(at + NEWS_AT_NS) >> 1];
    into.host = news[at + NEWS_HOST];
    into.hostGeneration = news[at + NEWS_HOST_GENERATION];
    into.other = news[at + NEWS_OTHER];
    into.otherGeneration = news[at + NEWS_OTHER_GENERATION];
    into.family = news[at + NEWS_FAMILY];
    for (let w = 0; w < into.words.length; w++) into.words[w] = news[at + NEWS_FAMILY + 1 + w];
    into.macHigh = news[at + NEWS_MAC];
    into.macLow = news[at + NEWS_MAC + 1] >>> 0;
    into.oldMacHigh = news[at + NEWS_OLD_MAC];
    into.oldMacLow = news[at + NEWS_OLD_MAC + 1] >>> 0;
    into.ifIndex = news[at + NEWS_IF_INDEX];
    into.oldIfIndex = news[at + NEWS_OLD_IF_INDEX];
    into.flips = news[at + NEWS_FLIPS];
    return (
      Atomics.load(news, at + NEWS_NUMBER) === number && Atomics.load(news, at + NEWS_NUMBER_AGAIN) === number
    );
  }
}
