/**
 * Inside hosts as records: what they are known by, and what was counted of them. A host by its address has
 * exactly that address and ends with it. One by MAC or port goes on without addresses, with its totals, until
 * the table is full; then the longest idle of a few dozen without addresses goes.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { HOST_IDLE_NS } from '../../limits.ts';
import { nextGeneration } from './addresses.ts';
import {
  DOWN_BYTES,
  HEADER_HOSTS,
  HEADER_HOSTS_END,
  HEADER_HOSTS_FORGOTTEN,
  HOST_ADDRESSES,
  HOST_BORN_TAG,
  HOST_FIELD_WORDS,
  HOST_FIRST_NS,
  HOST_GENERATION,
  HOST_IF_INDEX,
  HOST_KEY,
  HOST_KEY_WORDS,
  HOST_KIND,
  HOST_LAST_NS,
  HOST_SLOT,
  HOST_WORDS,
  type HostMemory,
  NOBODY,
  UP_BYTES,
} from './host-layout.ts';

/** Places of the float64 counts, from UP_BYTES on. */
const COUNTS_END = HOST_LAST_NS;
const TAG_MASK = 0x7fffffff;

export class HostTable {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  private readonly keys: KeyTable;
  private readonly header: Int32Array;
  private readonly hand: SweepingHand;
  private generations = 0;
  /** Tag of the last verdict that was counted. */
  lastTag = TAG_MASK;
  /** The counts of no host, up and down together, have grown by more since the start. */
  growthBytes = FLOAT_ZERO;

  constructor({ hosts, header }: HostMemory, key0: number, key1: number) {
    const rows = (2 * hosts.length) / HOST_WORDS;
    this.keys = new KeyTable(rows, HOST_KEY_WORDS, HOST_FIELD_WORDS, key0, key1, hosts);
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.header = header;
    this.hand = new SweepingHand(this.keys, HOST_IDLE_NS, 0);
    // Row 0 is nobody's. No host has kind 0.
    this.keys.insert(this.keys.hash(HOST_KEY_WORDS));
    this.settle();
  }

  /** Hosts that are known. */
  get size(): number {
    return this.keys.size - 1;
  }

  /** End of the records that were ever in use. */
  get end(): number {
    return this.keys.highWater;
  }

  /** Row of the host of this kind and key; NOBODY if it is not known. */
  find(kind: number, key0: number, key1: number): number {
    const row = this.keys.find(this.hashOf(kind, key0, key1));
    return row === NONE ? NOBODY : row;
  }

  /** Row for a host that find() did not find, with nothing counted. NOBODY if nothing makes room. */
  make(kind: number, key0: number, key1: number, nowNs: number): number {
    const { words, floats, keys } = this;
    if (keys.size === keys.rows && !this.makeRoom()) return NOBODY;
    const host = keys.insert(this.hashOf(kind, key0, key1));
    for (let w = HOST_SLOT + 1; w < HOST_GENERATION; w++) words[host + w] = 0;
    words[host + HOST_BORN_TAG] = this.lastTag;
    floats[(host + HOST_FIRST_NS) >> 1] = nowNs;
    floats[(host + HOST_LAST_NS) >> 1] = nowNs;
    this.generations = nextGeneration(this.generations);
    // Last: a reader takes the record for one of this host from now on.
    Atomics.store(words, host + HOST_GENERATION, this.generations);
    return host;
  }

  /** Ends a host, to which no address belongs. */
  forget(host: number): void {
    Atomics.store(this.words, host + HOST_GENERATION, 0);
    this.keys.remove(host);
  }

  /** Adds what was counted of host `from` to host `to`. */
  addCounts(from: number, to: number): void {
    const { floats } = this;
    this.growthBytes += floats[(from + UP_BYTES) >> 1] + floats[(from + DOWN_BYTES) >> 1];
    for (let w = UP_BYTES; w < COUNTS_END; w += 2) floats[(to + w) >> 1] += floats[(from + w) >> 1];
    const [first, last] = [HOST_FIRST_NS >> 1, HOST_LAST_NS >> 1];
    floats[(to >> 1) + first] = Math.min(floats[(to >> 1) + first], floats[(from >> 1) + first]);
    floats[(to >> 1) + last] = Math.max(floats[(to >> 1) + last], floats[(from >> 1) + last]);
  }

  /**
   * Whether the host in this row, if there is one, was there when the verdict of `tag` was counted. Tags have
   * 31 bits and begin again at 0: of the few packets that come 2^31 packets after the host no lost one is
   * taken back.
   */
  isAsOld(host: number, tag: number): boolean {
    const { words } = this;
    if (words[host + HOST_GENERATION] === 0) return false;
    const age = (this.lastTag - tag) & TAG_MASK;
    return age < ((this.lastTag - words[host + HOST_BORN_TAG]) & TAG_MASK);
  }

  kind(host: number): number {
    return this.words[host + HOST_KIND];
  }

  key(host: number, w: number): number {
    return this.words[host + HOST_KEY + w];
  }

  generation(host: number): number {
    return this.words[host + HOST_GENERATION];
  }

  ifIndex(host: number): number {
    return this.words[host + HOST_IF_INDEX];
  }

  /** Tells readers how much of the memory is in use. */
  settle(): void {
    this.header[HEADER_HOSTS] = this.size;
    this.header[HEADER_HOSTS_END] = this.keys.highWater;
  }

  private makeRoom(): boolean {
    const { words, floats } = this;
    let best = NOBODY;
    for (let n = EVICT_LOOKS; n > 0; n--) {
      const host = this.hand.next();
      if (words[host + HOST_GENERATION] === 0 || words[host + HOST_ADDRESSES] > 0) continue;
      const isOlder = floats[(host + HOST_LAST_NS) >> 1] < floats[(best + HOST_LAST_NS) >> 1];
      if (best === NOBODY || isOlder) best = host;
    }
    if (best === NOBODY) return false;
    this.forget(best);
    this.header[HEADER_HOSTS_FORGOTTEN] += 1;
    return true;
  }

  private hashOf(kind: number, key0: number, key1: number): number {
    const { key } = this.keys;
    key[0] = kind;
    key[1] = key0;
    key[2] = key1;
    return this.keys.hash(HOST_KEY_WORDS);
  }
}
