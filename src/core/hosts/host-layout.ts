/**
 * The memory of inside hosts, which the control thread reads by itself (host-reader.ts): a header, then the
 * records of hosts, those of addresses, and a ring of news.
 *
 *   header | hosts, HOST_WORDS each | addresses, ADDRESS_WORDS each | news, NEWS_WORDS each
 *
 * The packet thread writes all of it, and nobody tells the reader when. As in flows (flows/flow-layout.ts) a
 * record begins a generation, which is 0 while its row is free or is being made: who reads the same number
 * before and after has read one host, or one address.
 *
 * A row is named by the place of its record in words (base/key-table.ts). Row 0 of both tables is nobody's,
 * with generation 0: packets that belong to no host are counted there, so that counting needs no branch.
 */

/** What a host sends, and what it gets. */
export const UP = 0;
export const DOWN = 1;

/** 48 bytes: large allocations begin 16 bytes into a page, so the records lie on cache lines. */
const HEADER_WORDS = 12;
export const HEADER_NOW_NS = 0; // float64: instant of the last batch
export const HEADER_HOSTS = 2; // hosts
export const HEADER_HOSTS_END = 3; // end of the records of hosts that were ever in use, in words
export const HEADER_ADDRESSES = 4;
export const HEADER_ADDRESSES_END = 5;
export const HEADER_NEWS = 6; // number of the last news, modulo 2^32
export const HEADER_HOSTS_FORGOTTEN = 7; // hosts and addresses that made room for others
export const HEADER_ADDRESSES_FORGOTTEN = 8;
export const HEADER_FULL = 9; // packets whose host found no room
export const HEADER_NEWS_HELD_BACK = 10; // news that came too fast to be told

/** Row 0 of either table. */
export const NOBODY = 0;

// A host: two cache lines. What every packet writes is in the second.
/** Key words: kind; the MAC in two words, or the place of the address, or the interface index of the port. */
export const HOST_KEY_WORDS = 3;
export const HOST_KIND = 0;
export const HOST_KEY = 1; // and 2
export const HOST_SLOT = 3;
export const HOST_FLAGS = 4;
/** Device or port behind which the host was seen last; 0: not known. */
export const HOST_IF_INDEX = 5;
/** Addresses that belong to it now, and those of IPv4 among them. */
export const HOST_ADDRESSES = 6;
export const HOST_ADDRESSES_V4 = 7;
export const HOST_FIRST_NS = 8; // float64
/** Tick of the last news of its port (tickOf). */
export const HOST_NEWS_TICK = 10;
/** How often an address or the port of it was taken over by another, or came back. */
export const HOST_FLIPS = 11;
/** Tag of the last verdict before the host began. */
export const HOST_BORN_TAG = 12;
/** Of packets that passed, by direction; packets that were dropped. */
export const UP_BYTES = 16; // float64, as all that follow
export const UP_PACKETS = 18;
export const UP_DROPPED = 20;
export const DOWN_BYTES = 22;
export const DOWN_PACKETS = 24;
export const DOWN_DROPPED = 26;
export const HOST_LAST_NS = 28; // float64
export const HOST_GENERATION = 30;
export const HOST_SHIFT = 5;
export const HOST_WORDS = 1 << HOST_SHIFT;
export const HOST_FIELD_WORDS = HOST_WORDS - HOST_KEY_WORDS - 1;

/** Kinds of hosts: by what their packets belong together. */
export const KIND_MAC = 1;
export const KIND_ADDRESS = 2;
export const KIND_PORT = 3;

/** Bits of HOST_FLAGS: it is this machine; it was told that its MAC has many addresses. */
export const HOST_OWN = 1;
export const HOST_MANY = 2;

// An address: one cache line.
/** Key words: family, then four words of which IPv4 uses the first. */
export const ADDRESS_KEY_WORDS = 5;
export const ADDRESS_SLOT = 5;
export const ADDRESS_GENERATION = 6;
/** Row of its host. */
export const ADDRESS_HOST = 7;
/** The MAC by which it was seen last, whoever has it; both 0: none. */
export const ADDRESS_MAC_HIGH = 8;
export const ADDRESS_MAC_LOW = 9;
/** Device or port behind which it was seen last; 0: not known. */
export const ADDRESS_IF_INDEX = 10;
/** ADDRESS_OWN and others; above them how often its MAC or port changed. */
export const ADDRESS_FLAGS = 11;
export const ADDRESS_LAST_NS = 12; // float64
/** Tick of the last news of it; tick at which it came. */
export const ADDRESS_NEWS_TICK = 14;
export const ADDRESS_FIRST_TICK = 15;
export const ADDRESS_SHIFT = 4;
export const ADDRESS_WORDS = 1 << ADDRESS_SHIFT;
export const ADDRESS_FIELD_WORDS = ADDRESS_WORDS - ADDRESS_KEY_WORDS - 1;

/** Bits of ADDRESS_FLAGS. The address is one of this machine. */
export const ADDRESS_OWN = 1;
/** A neighbour of ours: the MAC of its packets is that of its device. */
export const ADDRESS_ON_LINK = 2;
/** Its MAC is known from elsewhere, and no packet has shown one. */
export const ADDRESS_TOLD = 4;
export const ADDRESS_FLIPS_SHIFT = 8;

// News. Its number stands in it twice, so that a reader knows whether it was overwritten meanwhile.
export const NEWS_NUMBER = 0;
export const NEWS_KIND = 1;
/** Row and generation of the host that it is about, after the change. */
export const NEWS_HOST = 2;
export const NEWS_HOST_GENERATION = 3;
/** The host before it: that from which an address moved, or whose counts were added. */
export const NEWS_OTHER = 4;
export const NEWS_OTHER_GENERATION = 5;
export const NEWS_FAMILY = 6; // 0: it is about no address
// Its four words follow.
export const NEWS_MAC = 11; // and 12: now, of the address or host
export const NEWS_OLD_MAC = 13; // and 14
export const NEWS_IF_INDEX = 15; // now
export const NEWS_OLD_IF_INDEX = 16;
export const NEWS_FLIPS = 17; // how often the address has changed, or the host its port
export const NEWS_AT_NS = 18; // float64
export const NEWS_NUMBER_AGAIN = 20;
export const NEWS_WORDS = 32;

/** A host was seen for the first time. */
export const NEWS_NEW_HOST = 1;
/** An address belongs to a device whose MAC was not known before. */
export const NEWS_LEARNED = 2;
/** An address has another MAC, or is behind another port, and belongs to another host. */
export const NEWS_MOVED = 3;
/** A MAC is behind another port. */
export const NEWS_PORT = 4;
/** Counts of the other host were added to this one, and it has ended. */
export const NEWS_MERGED = 5;
/** A MAC has more addresses at a time than a device should have. */
export const NEWS_MANY = 6;
/** A count of the host has exceeded its maximum, so it is limited (quotas/stage.ts). */
export const NEWS_LIMIT = 7;

/** A tick is 2^26 ns, 67 ms: in one word they last for nine years. */
const TICK_NS = 0x4000000;

export function tickOf(ns: number): number {
  return Math.floor(ns / TICK_NS) | 0;
}

/** From `tick` to `nowNs`. */
export function sinceTickNs(tick: number, nowNs: number): number {
  return ((tickOf(nowNs) - tick) | 0) * TICK_NS;
}

export interface HostMemory {
  readonly buffer: ArrayBufferLike;
  readonly header: Int32Array;
  readonly headerFloats: Float64Array;
  readonly hosts: Float64Array;
  readonly addresses: Float64Array;
  readonly news: Int32Array;
  readonly newsFloats: Float64Array;
}

/** Room for so many hosts, addresses and news, each a power of two. */
export interface HostRooms {
  readonly hosts: number;
  readonly addresses: number;
  readonly news: number;
}

export function createHostMemory(rooms: HostRooms): HostMemory {
  const words =
    HEADER_WORDS +
    rooms.hosts * HOST_WORDS +
    rooms.addresses * ADDRESS_WORDS +
    rooms.news * NEWS_WORDS +
    ROOMS_WORDS;
  const buffer = new SharedArrayBuffer(4 * words);
  new Int32Array(buffer, buffer.byteLength - 4 * ROOMS_WORDS).set([rooms.hosts, rooms.addresses, rooms.news]);
  return hostMemoryOver(buffer);
}

/** The last words of the memory say how much room there is. */
const ROOMS_WORDS = 4;

export function hostMemoryOver(buffer: ArrayBufferLike): HostMemory {
  const [hosts, addresses, news] = new Int32Array(buffer, buffer.byteLength - 4 * ROOMS_WORDS) as unknown as [
    number,
    number,
    number,
  ];
  const hostsAt = 4 * HEADER_WORDS;
  const addressesAt = hostsAt + 4 * hosts * HOST_WORDS;
  const newsAt = addressesAt + 4 * addresses * ADDRESS_WORDS;
  return {
    buffer,
    header: new Int32Array(buffer, 0, HEADER_WORDS),
    headerFloats: new Float64Array(buffer, 0, HEADER_WORDS / 2),
    hosts: new Float64Array(buffer, hostsAt, (hosts * HOST_WORDS) / 2),
    addresses: new Float64Array(buffer, addressesAt, (addresses * ADDRESS_WORDS) / 2),
    news: new Int32Array(buffer, newsAt, news * NEWS_WORDS),
    newsFloats: new Float64Array(buffer, newsAt, (news * NEWS_WORDS) / 2),
  };
}
