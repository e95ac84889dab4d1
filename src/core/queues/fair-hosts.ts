/**
 * The hosts between which fair sets divide, as records: `dual-src`, `dual-dst` and `triple` share by host
 * first, then by flow (fair.ts).
 *
 * A host is an inside host whose device or port is known (hosts/identities.ts), whatever addresses it has.
 * Else it is an address. IPv6 gives whoever has a prefix 2^64 addresses, so there a host is:
 *
 *   outside    the prefix of 64 bits: it is one customer or one machine of another network
 *   inside     the address, as it is one device. But when ADDRESSES_MAX addresses of one prefix have packets
 *              waiting and one more comes, the prefix is crowded: it becomes one host, and its addresses that
 *              are not established join it. An address is established if it was known ESTABLISHED_NS before
 *              the crowd came; it stays a host of its own. Ten seconds after the last new address the prefix
 *              is crowded no more.
 *
 * So a machine that sends from a new address with every packet has one share, and so have the devices that
 * were there before. If the table is full, all further hosts of a class are one host together.
 */
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { SIDE_SRC } from '../flows/flow-hosts.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { NOBODY } from '../hosts/host-layout.ts';
import {
  BACKLOG_BYTES,
  clearLists,
  DEFICIT_BYTES,
  GREW,
  GREW_BYTES,
  HEAD,
  IDLE,
  LISTS,
  NEW_BYTES,
  OTHER_HOST,
  STATE,
  stateOf,
} from './fair-records.ts';

/** The class id or the bucket, side and kind in one word, then four address words. */
const KEY_WORDS = 6;
// Kinds of hosts.
const KIND_REST = 1;
const KIND_V4 = 4;
const KIND_V6 = 6;
const KIND_PREFIX = 7;
const KIND_IDENTIFIED = 8;

// Fields of a record beside those of every record (fair-records.ts). The hash slot is word 6.
/** Flow queues of the host, and addresses of a prefix. */
const MEMBERS = 7;
/** The prefix of an inside IPv6 address; NONE for other hosts. */
const PREFIX = 8;
/** Flow queues of the host in state BULK. Counted for `triple` only. */
const BULK_QUEUES = 9;
/** Addresses of a prefix that have packets waiting. */
const BUSY_ADDRESSES = 10;
/** An address is known since then; the crowd of a prefix since then. */
const SINCE_NS = 26; // float64
/** The last address came that the crowded prefix gave no host of its own. */
const CROWD_NS = 28; // float64
const FIELD_WORDS = 25;

/** One row in 16 is kept for them: two for each class that there may be. */
const REST_SHIFT = 4;
/** Addresses of one prefix that may have packets waiting, each as a host of its own. */
const ADDRESSES_MAX = 8;
const CROWD_LASTS_NS = 10e9;
const ESTABLISHED_NS = 1e9;

export class FairHosts {
  /** The records (base/key-table.ts says how they are addressed). */
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly shift: number;
  readonly rows: number;
  readonly isOfHosts = true;
  private readonly keys: KeyTable;
  private readonly flows: FlowTable;

  /** `rows`, a power of two, is the room for hosts of all sets and both sides. */
  constructor(rows: number, key0: number, key1: number, flows: FlowTable) {
    this.keys = new KeyTable(rows, KEY_WORDS, FIELD_WORDS, key0, key1);
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.shift = this.keys.shift;
    this.rows = rows;
    this.flows = flows;
  }

  /**
   * Counts one flow queue more for the host of flow `f`, or of packets without a flow if that is NONE, in the
   * class or bucket with this id. `side` is the end of the flow, and `isInside` says whether that is the
   * inside. NONE if there is no room.
   */
  join(id: number, f: number, side: number, isInside: boolean, nowNs: number): number {
    const host = this.hostOf(id, f, side, isInside, nowNs);
    if (host !== NONE) this.words[host + MEMBERS] += 1;
    return host;
  }

  /**
   * The host that an idle flow queue of `host` counts for from now on. It changes when its prefix has become
   * crowded, or is crowded no more.
   */
  rejoin(host: number, id: number, f: number, side: number, nowNs: number): number {
    const { words } = this;
    const kind = words[host + 1] & 0xf;
    if (kind === KIND_V6 && words[host + PREFIX] !== NONE) {
      if (words[host + HEAD] !== NONE || this.isOwn(host, nowNs)) return host;
    } else if (kind !== KIND_PREFIX || this.isCrowded(host, nowNs)) {
      return host;
    }
    const other = this.join(id, f, side, true, nowNs);
    if (other === NONE) return host;
    this.leave(host);
    return other;
  }

  /** Counts one flow queue less for the host, one that was not in state BULK. */
  leave(host: number): void {
    if (host === NONE) return;
    this.words[host + MEMBERS] -= 1;
    this.endIfUnused(host);
  }

  /**
   * Ends a host without flow queues. One that is on the lists of a set stays until its turns are over: its
   * record is a link of them.
   */
  endIfUnused(host: number): void {
    const { words } = this;
    if (words[host + MEMBERS] > 0 || stateOf(words, host) !== IDLE) return;
    const prefix = words[host + PREFIX];
    this.keys.remove(host);
    this.leave(prefix);
  }

  /** Counts a packet of the host that comes (+1) or goes (-1). Returns whether none is left. */
  addPacket(host: number, change: number): boolean {
    const { words } = this;
    const wasDry = words[host + HEAD] === NONE;
    // HEAD of a host is the number of its packets, less one: NONE if there is none, as in flow queues.
    words[host + HEAD] += change;
    const isDry = words[host + HEAD] === NONE;
    if (wasDry === isDry) return false;
    const prefix = words[host + PREFIX];
    if (prefix !== NONE) words[prefix + BUSY_ADDRESSES] += change;
    return isDry;
  }

  /** Counts a flow queue of `host` and `other` that came into state BULK (+1) or left it (-1). */
  addBulk(host: number, other: number, change: number): void {
    this.words[host + BULK_QUEUES] += change;
    this.words[other + BULK_QUEUES] += change;
  }

  bulk(host: number): number {
    return this.words[host + BULK_QUEUES];
  }

  /** End of the records that were ever in use. */
  get highWater(): number {
    return this.keys.highWater;
  }

  /** Rows in use. */
  *all(): Generator<number> {
    const { keys } = this;
    for (let host = 0; host < keys.highWater; host += keys.stride) if (keys.isUsed(host)) yield host;
  }

  /** No packet waits at any host, until queues are filled again. */
  clearBacklogs(): void {
    const { words, keys } = this;
    for (let host = 0; host < keys.highWater; host += keys.stride) {
      words[host + HEAD] = NONE;
      words[host + BACKLOG_BYTES] = 0;
      words[host + BUSY_ADDRESSES] = 0;
      words[host + LISTS + NEW_BYTES] = 0;
      words[host + GREW] = NONE;
      words[host + GREW_BYTES] = 0;
    }
  }

  private hostOf(id: number, f: number, side: number, isInside: boolean, nowNs: number): number {
    if (f === NONE) return this.findOrMake(id, side, KIND_REST, NONE, 0);
    const { hosts } = this.flows;
    if (isInside && hosts.identified(f, side) !== NOBODY)
      return this.findOrMake(id, side, KIND_IDENTIFIED, f, 0);
    if (!this.flows.isIpv6(f)) return this.findOrMake(id, side, KIND_V4, f, 1);
    const prefix = this.findOrMake(id, side, KIND_PREFIX, f, 2);
    if (!isInside || prefix === NONE || this.kindOf(prefix) === KIND_REST) return prefix;
    const known = this.find(id, side, KIND_V6, f, 4);
    if (known !== NONE) return this.isOwn(known, nowNs) ? known : prefix;
    if (this.isCrowded(prefix, nowNs) || this.words[prefix + BUSY_ADDRESSES] >= ADDRESSES_MAX) {
      if (!this.isCrowded(prefix, nowNs)) this.floats[(prefix + SINCE_NS) >> 1] = nowNs;
      this.floats[(prefix + CROWD_NS) >> 1] = nowNs;
      return prefix;
    }
    const host = this.findOrMake(id, side, KIND_V6, f, 4);
    if (host === NONE || this.kindOf(host) === KIND_REST) return prefix;
    this.words[host + PREFIX] = prefix;
    this.words[prefix + MEMBERS] += 1;
    this.floats[(host + SINCE_NS) >> 1] = nowNs;
    return host;
  }

  private kindOf(host: number): number {
    return this.words[host + 1] & 0xf;
  }

  private isCrowded(prefix: number, nowNs: number): boolean {
    return nowNs - this.floats[(prefix + CROWD_NS) >> 1] < CROWD_LASTS_NS;
  }

  /** Whether an inside address is a host of its own now. */
  private isOwn(host: number, nowNs: number): boolean {
    const { words, floats } = this;
    const prefix = words[host + PREFIX];
    if (!this.isCrowded(prefix, nowNs)) return true;
    return floats[(host + SINCE_NS) >> 1] < floats[(prefix + SINCE_NS) >> 1] - ESTABLISHED_NS;
  }

  /**
   * Row of this host, of whose address the first `count` words count; if it is identified, row and generation
   * of that count. NONE if it has none.
   */
  private find(id: number, side: number, kind: number, f: number, count: number): number {
    const { keys, flows } = this;
    const { key } = keys;
    key[0] = id;
    key[1] = (side << 4) | kind;
    for (let w = 0; w < 4; w++)
      key[2 + w] = w >= count ? 0 : side === SIDE_SRC ? flows.srcWord(f, w) : flows.dstWord(f, w);
    if (kind === KIND_IDENTIFIED) {
      key[2] = flows.hosts.identified(f, side);
      key[3] = flows.hosts.generation(key[2]);
    }
    return keys.find(keys.hash(KEY_WORDS));
  }

  private findOrMake(id: number, side: number, kind: number, f: number, count: number): number {
    const { keys, words, floats } = this;
    const found = this.find(id, side, kind, f, count);
    if (found !== NONE) return found;
    // The last rows are for the hosts that are many hosts together.
    if (kind !== KIND_REST && keys.size >= keys.rows - (keys.rows >> REST_SHIFT))
      return this.findOrMake(id, side, KIND_REST, NONE, 0);
    const host = keys.insert(keys.hash(KEY_WORDS));
    if (host === NONE) return NONE;
    for (let w = MEMBERS; w < keys.stride; w++) words[host + w] = 0;
    words[host + PREFIX] = NONE;
    words[host + STATE] = IDLE;
    words[host + HEAD] = NONE;
    words[host + BACKLOG_BYTES] = 0;
    words[host + OTHER_HOST] = NONE;
    words[host + GREW] = NONE;
    floats[(host + DEFICIT_BYTES) >> 1] = 0;
    floats[(host + CROWD_NS) >> 1] = Number.NEGATIVE_INFINITY;
    clearLists(words, host + LISTS);
    return host;
  }
}
