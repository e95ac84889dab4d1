/**
 * Inside addresses as records: to which host each belongs, and behind which MAC and device it was seen last.
 * Flows remember the records of their ends, so a move of an address to another host is one store.
 *
 * An address stays while there is room. In a full table the one goes that is worth least of a few dozen: an
 * address that was seen for a moment only, as those are that somebody makes up, before one that has been
 * here for a while; of each the longest idle. An address that has been here for a while and was seen lately
 * never goes.
 */
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { HOST_IDLE_NS } from '../../limits.ts';
import {
  ADDRESS_FIELD_WORDS,
  ADDRESS_FIRST_TICK,
  ADDRESS_FLAGS,
  ADDRESS_FLIPS_SHIFT,
  ADDRESS_GENERATION,
  ADDRESS_HOST,
  ADDRESS_IF_INDEX,
  ADDRESS_KEY_WORDS,
  ADDRESS_LAST_NS,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  ADDRESS_NEWS_TICK,
  ADDRESS_SHIFT,
  ADDRESS_WORDS,
  HEADER_ADDRESSES,
  HEADER_ADDRESSES_END,
  HEADER_ADDRESSES_FORGOTTEN,
  type HostMemory,
  NOBODY,
  sinceTickNs,
  tickOf,
} from './host-layout.ts';

/** An address that was seen over this time is not made up for one packet. */
const ESTABLISHED_NS = 1e9;
/** After a search for room that found none, so long no other is made. */
const SEARCH_EVERY_NS = 1e6;

export class Addresses {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  /** Whether a row was ever used again, so that a row that is remembered elsewhere may be another address. */
  hasForgotten = false;
  private readonly keys: KeyTable;
  private readonly header: Int32Array;
  private readonly hand: SweepingHand;
  private generations = 0;
  private noRoomUntilNs = Number.NEGATIVE_INFINITY;

  constructor({ addresses, header }: HostMemory, key0: number, key1: number) {
    const rows = (2 * addresses.length) / ADDRESS_WORDS;
    this.keys = new KeyTable(rows, ADDRESS_KEY_WORDS, ADDRESS_FIELD_WORDS, key0, key1, addresses);
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.header = header;
    this.hand = new SweepingHand(this.keys, HOST_IDLE_NS, 0);
    // Row 0 is nobody's. Its key is no address.
    this.keys.insert(this.keys.hash(ADDRESS_KEY_WORDS));
    this.settle();
  }

  /** Addresses that are known. */
  get size(): number {
    return this.keys.size - 1;
  }

  /** End of the records that were ever in use. */
  get end(): number {
    return this.keys.highWater;
  }

  isUsed(a: number): boolean {
    return this.words[a + ADDRESS_GENERATION] !== 0;
  }

  /** Row of this address; NOBODY if it is not known. IPv4 uses the first word, the others are 0. */
  find(family: number, w0: number, w1: number, w2: number, w3: number): number {
    const row = this.keys.find(this.hashOf(family, w0, w1, w2, w3));
    return row === NONE ? NOBODY : row;
  }

  /** Whether there is room for one more address. If not, forgettable() may find some. */
  get hasRoom(): boolean {
    return this.keys.size < this.keys.rows;
  }

  /**
   * Row for an address that find() did not find, of the host in row `host`. The table must have room.
   */
  make(family: number, w0: number, w1: number, w2: number, w3: number, nowNs: number): number {
    const { words, keys } = this;
    const a = keys.insert(this.hashOf(family, w0, w1, w2, w3));
    words[a + ADDRESS_HOST] = NOBODY;
    words[a + ADDRESS_MAC_HIGH] = 0;
    words[a + ADDRESS_MAC_LOW] = 0;
    words[a + ADDRESS_IF_INDEX] = 0;
    words[a + ADDRESS_FLAGS] = 0;
    this.floats[(a + ADDRESS_LAST_NS) >> 1] = nowNs;
    words[a + ADDRESS_FIRST_TICK] = tickOf(nowNs);
    words[a + ADDRESS_NEWS_TICK] = 0;
    return a;
  }

  /** The record is complete: a reader may take it for one of this address. */
  begin(a: number): void {
    this.generations = nextGeneration(this.generations);
    Atomics.store(this.words, a + ADDRESS_GENERATION, this.generations);
  }

  /** An address that may go for another one; NOBODY if every one of a few dozen is in use. */
  forgettable(nowNs: number): number {
    if (nowNs < this.noRoomUntilNs) return NOBODY;
    const { words, floats } = this;
    let best = NOBODY;
    let bestIdleNs = Number.NEGATIVE_INFINITY;
    for (let n = EVICT_LOOKS; n > 0; n--) {
      const a = this.hand.next();
      if (words[a + ADDRESS_GENERATION] === 0) continue;
      const lastNs = floats[(a + ADDRESS_LAST_NS) >> 1];
      const isBrief = lastNs - nowNs + sinceTickNs(words[a + ADDRESS_FIRST_TICK], nowNs) < ESTABLISHED_NS;
      const idleNs = nowNs - lastNs;
      // Packets of this batch may still ask for it.
      if (idleNs <= 0 || (!isBrief && idleNs < HOST_IDLE_NS)) continue;
      // Whatever was seen briefly goes first.
      const worth = isBrief ? idleNs + 1e18 : idleNs;
      if (worth <= bestIdleNs) continue;
      best = a;
      bestIdleNs = worth;
    }
    if (best === NOBODY) this.noRoomUntilNs = nowNs + SEARCH_EVERY_NS;
    return best;
  }

  /** Forgets an address, which belongs to no host any more. */
  forget(a: number): void {
    Atomics.store(this.words, a + ADDRESS_GENERATION, 0);
    this.keys.remove(a);
    this.hasForgotten = true;
  }

  /** An address has made room for another one. */
  madeRoom(): void {
    this.header[HEADER_ADDRESSES_FORGOTTEN] += 1;
  }

  /** Counts one change of MAC or port of the address; returns how many there were. */
  flips(a: number): number {
    this.words[a + ADDRESS_FLAGS] += 1 << ADDRESS_FLIPS_SHIFT;
    return this.words[a + ADDRESS_FLAGS] >>> ADDRESS_FLIPS_SHIFT;
  }

  /** Tells readers how much of the memory is in use. */
  settle(): void {
    this.header[HEADER_ADDRESSES] = this.size;
    this.header[HEADER_ADDRESSES_END] = this.keys.highWater;
  }

  private hashOf(family: number, w0: number, w1: number, w2: number, w3: number): number {
    const { key } = this.keys;
    key[0] = family;
    key[1] = w0;
    key[2] = w1;
    key[3] = w2;
    key[4] = w3;
    return this.keys.hash(ADDRESS_KEY_WORDS);
  }

  /** Row of the host of the source of a pair (host-counts.ts); NOBODY if that is not inside. */
  sourceHost(pair: number): number {
    return this.words[((pair & 0xffff) << ADDRESS_SHIFT) + ADDRESS_HOST];
  }

  destinationHost(pair: number): number {
    return this.words[((pair >>> 16) << ADDRESS_SHIFT) + ADDRESS_HOST];
  }
}

/**
 * The number behind `generation`. Flows and verdicts keep the lowest 16 bits only, so these are never 0
 * either: row 0 has 0.
 */
export function nextGeneration(generation: number): number {
  const next = (generation + 1) | 0;
  return (next & 0xffff) === 0 ? next + 1 : next;
}
